//! The demonstration keeps the rules that real work keeps.

use super::*;
use std::collections::{BTreeMap, HashSet};
use tinhnguyen_domain::{
    activities::ActivityStatus,
    counting::Turns,
    results::{Flag, ResultStatus},
};
use tinhnguyen_persistence::Database;

async fn seeded() -> (Store, std::path::PathBuf) {
    let dir = std::env::temp_dir().join(format!("tinhnguyen-demo-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&dir).unwrap();
    let store = Store::open(Database::Sqlite(dir.join("test.db"))).await.unwrap();
    store.migrate().await.unwrap();
    reference::seed(&store).await.unwrap();
    reference::seed_grassroots(&store, |_, _| {}).await.unwrap();
    (store, dir)
}

fn assert_sound(plan: &Plan, batch: &Batch) {
    let teams: BTreeMap<_, _> = batch.teams.iter().map(|team| (team.stamp.id, team)).collect();
    let activities: BTreeMap<_, _> = batch.activities.iter().map(|activity| (activity.stamp.id, activity)).collect();
    for team in &batch.teams {
        assert!(team.name.starts_with("[Mẫu] ") && team.code.starts_with(reference::DEMO_PREFIX), "{team:?}");
        assert!(
            plan.campaign.ensure_contains(team.starts_on).is_ok()
                && plan.campaign.ensure_contains(team.ends_on).is_ok()
        );
    }
    for activity in &batch.activities {
        assert!(!activity.topics.is_empty() && activity.topics.iter().all(|topic| topic.fits(activity.kind)));
        assert!(activity.team_ids.contains(&activity.lead_team_id) && activity.starts_at < activity.ends_at);
    }
    let mut days = HashSet::new();
    for work in &batch.results {
        let result = &work.result;
        let activity = activities[&result.activity_id];
        assert!(activity.status != ActivityStatus::Cancelled && activity.team_ids.contains(&result.team_id));
        assert_eq!(work.org_unit_id, teams[&result.team_id].org_unit_id, "attributed to the reporting team's unit");
        assert_eq!(work.locality_id, activity.locality_id);
        assert!(days.insert((result.activity_id, result.team_id, result.reported_on)), "one a day: {result:?}");
        plan.campaign.ensure_contains(result.reported_on).unwrap();
        let held = plan.campaign.local_day(activity.starts_at)..=plan.campaign.local_day(activity.ends_at);
        assert!(held.contains(&result.reported_on), "{result:?}");
        let lines: HashSet<_> = result.statement.lines.iter().map(|line| (line.topic, line.audience)).collect();
        assert_eq!(lines.len(), result.statement.lines.len());
        for line in &result.statement.lines {
            assert!(Turns::LINE.contains(&line.turns.0) && activity.topics.contains(&line.topic), "{line:?}");
        }
        if result.status == ResultStatus::Verified {
            assert_ne!(result.verified_by, result.submitted_by);
        }
    }
}

#[tokio::test]
async fn it_is_the_same_each_time_keeps_the_rules_and_is_taken_up_where_it_stopped() {
    let (store, dir) = seeded().await;
    let campaign =
        campaigns::all(store.read()).await.unwrap().into_iter().find(|c| c.code == reference::CAMPAIGN).unwrap();
    let units = org_units::all(store.read()).await.unwrap();
    let mut plan = Plan::make(&units, &campaign).unwrap();
    assert_eq!(plan.teams.len(), 5_000);
    let (actors, shown) = add_users(&store, &campaign, plan.teams.first()).await.unwrap();
    assert_eq!(shown.len(), 4);
    assert!(add_users(&store, &campaign, plan.teams.first()).await.unwrap().1.is_empty(), "users are made once");

    // Every province and every union directly under the centre has teams.
    let path_of: BTreeMap<_, _> = units.iter().map(|unit| (unit.stamp.id, &unit.path)).collect();
    let top =
        |team: &TeamPlan| path_of[&team.org_unit_id].ancestors().get(1).unwrap_or(path_of[&team.org_unit_id]).clone();
    assert_eq!(plan.teams.iter().map(top).collect::<HashSet<_>>().len(), 67);

    // A fifth of the country: about 5.1 of 6 million turns in all, every state, some flags.
    let (mut turns, mut activities, mut results) = (0, 0, 0);
    let (mut states, mut flags) = (HashSet::new(), HashSet::new());
    for teams in plan.teams.chunks(BATCH).step_by(5) {
        let batch = Batch::make(&plan, teams, &actors).unwrap();
        assert_sound(&plan, &batch);
        turns += batch.turns();
        activities += batch.activities.len();
        results += batch.results.len();
        for work in &batch.results {
            states.insert(work.result.status);
            flags.extend(work.result.flags.iter().copied());
        }
    }
    assert!((960_000..1_080_000).contains(&turns), "{turns} turns");
    assert!((7_700..8_300).contains(&activities) && (19_000..21_500).contains(&results), "{activities} {results}");
    assert_eq!(states.len(), ResultStatus::ALL.len());
    assert_eq!(flags, HashSet::from([Flag::NeedsReview, Flag::OverPlannedTurns, Flag::TeamNotDeployed]));

    let again = Plan::make(&units, &campaign).unwrap();
    let batches = [&plan, &again].map(|plan| Batch::make(plan, &plan.teams[..5], &actors).unwrap());
    assert_eq!(batches[0].teams, batches[1].teams);
    assert_eq!(batches[0].activities, batches[1].activities);
    assert!(batches[0].results.iter().map(|w| &w.result).eq(batches[1].results.iter().map(|w| &w.result)));

    // Interrupted after one batch, taken up, and run a third time.
    let indicators = campaigns::indicators_of(store.read(), campaign.stamp.id).await.unwrap();
    plan.teams.truncate(2 * BATCH);
    let (days, weights) = (plan.days.clone(), plan.weights.clone());
    let first = Plan { campaign: campaign.clone(), days, teams: plan.teams[..BATCH].to_vec(), weights };
    assert_eq!(fill(&store, &first, &actors, &indicators).await.unwrap().teams, BATCH);
    assert_eq!(fill(&store, &plan, &actors, &indicators).await.unwrap().teams, BATCH);
    assert_eq!(fill(&store, &plan, &actors, &indicators).await.unwrap().teams, 0);
    // Each province and union directly under the centre has its part of the 6,000,000, whatever is run again.
    for _ in 0..2 {
        allocate(&store, &plan, &actors, &indicators).await.unwrap();
        let set = targets::in_force(store.read(), indicators[0].stamp.id, SystemClock.now()).await.unwrap();
        let shares: Vec<i64> = plan.weights.iter().map(|(unit, _, _)| set[unit]).collect();
        assert_eq!((set.len(), shares.len(), shares.iter().sum::<i64>()), (68, 67, 6_000_000));
        assert!(shares.iter().all(|share| (10_000..400_000).contains(share)), "{shares:?}");
    }
    let list = [(campaign.stamp.id, indicators)];
    let report = store.snapshot::<_, StoreError>(async |tx| ledger::check(tx, &list).await).await.unwrap();
    assert!(report.disagreements.is_empty() && report.results > 1_000, "{report:?}");
    assert_eq!(reference::count_real_teams(store.read()).await.unwrap(), 0);
    store.close().await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
