//! The way in of new results: many at a time, with as many questions to the database as for one. What one request sends,
//! and what many phones send at the same moment, go the same way, and each result is taken or refused by itself.

use super::{
    dto::{NewResult, evidence_of, lines_of, outputs_of},
    ops::{Setting, check, problem as result_problem, submission, view},
    review::{Known, mark},
};
use crate::{
    allowed::{ResultWrite, Scope},
    fields::{Faults, ensure_open},
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Reply},
    slices::{
        activities::ops::problem as activity_problem,
        duplicates::follow::{Moved, follow},
        evidence::ops as evidence,
    },
};
use chrono::NaiveDate;
use std::collections::{BTreeSet, HashMap, HashSet};
use tinhnguyen_domain::{
    activities::{Activity, ActivityStatus},
    campaigns::{Campaign, Indicator},
    counting::Counted,
    org_units::UnitPath,
    results::{ActivityResult, ResultStatus, Statement},
    tallies::{Tally, lines_of as tallied},
    teams::Team,
};
use tinhnguyen_persistence::{
    Tx, activities, audit, campaigns, idempotency,
    ledger::{self, Posting},
    results::{self, Day},
    revisions, tallies, teams,
};
use uuid::Uuid;

/// A new result on its way in.
#[derive(Clone, Copy)]
pub struct Incoming<'a> {
    /// The request that brings it.
    pub cx: &'a Cx<'a>,
    /// Where its sender may report.
    pub scope: &'a Scope<ResultWrite>,
    /// What it says.
    pub new: &'a NewResult,
    /// A hash of what it says.
    pub hash: &'a [u8],
    /// Whether it is submitted at once.
    pub submit: bool,
}

/// What became of a result that was not refused.
#[derive(Debug, Clone)]
pub enum Taken {
    /// Written now.
    New(ActivityResult, UnitPath),
    /// There already: the same was sent before, and this is how it stands.
    Known(ActivityResult, UnitPath),
}

/// What the database knows that the decisions want: asked for all of them together.
struct Facts {
    teams: HashMap<Uuid, (Team, UnitPath)>,
    activities: HashMap<Uuid, Activity>,
    campaigns: HashMap<Uuid, Campaign>,
    indicators: Vec<Indicator>,
    /// The results that are there, by activity, team and day.
    days: HashMap<Day, Uuid>,
    /// Tallies that no result has taken in, of the days that are made of them.
    tallies: HashMap<Day, Vec<Tally>>,
    /// Days of which such tallies wait.
    waiting: HashSet<Day>,
    /// Turns of what counts of each team that submits.
    history: HashMap<Uuid, Vec<i64>>,
    /// Of the files that are named: those that each caller sees.
    files: HashMap<Uuid, HashSet<Uuid>>,
}

fn day_of(new: &NewResult) -> Day {
    (new.activity_id, new.team_id, new.reported_on)
}

/// Every value once, in order.
fn each<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<_>>().into_iter().collect()
}

impl Facts {
    async fn of(tx: &Tx, items: &[Incoming<'_>]) -> ApiResult<Self> {
        let some = |wanted: fn(&Incoming<'_>) -> bool| {
            let wanted = items.iter().filter(move |item| wanted(item));
            (each(wanted.clone().map(|i| i.new.activity_id)), each(wanted.map(|i| i.new.reported_on)))
        };
        let (activity_ids, days) = some(|_| true);
        let activities = activities::hold_many(tx, &activity_ids).await?;
        let reporting = items.iter().map(|item| item.new.team_id);
        // Whoever reaches one of an activity's teams sees it.
        let joint = activities.values().flat_map(|activity| activity.team_ids.iter().copied());
        let teams = teams::with_paths(tx, &each(reporting.chain(joint))).await?;
        let (campaigns, indicators) =
            campaigns::with_indicators(tx, &each(activities.values().map(|activity| activity.campaign_id))).await?;
        let mut named: HashMap<Uuid, (&Scope<ResultWrite>, BTreeSet<Uuid>)> = HashMap::new();
        for item in items {
            for file in item.new.evidence.iter().filter_map(|piece| piece.file_id) {
                named.entry(item.scope.actor.id).or_insert_with(|| (item.scope, BTreeSet::new())).1.insert(file);
            }
        }
        let mut files = HashMap::new();
        for (caller, (scope, ids)) in named {
            files.insert(caller, evidence::visible(tx, scope, ids.into_iter().collect()).await?);
        }
        let (made_of, made_on) = some(|item| item.new.from_tallies);
        let (stated, stated_on) = some(|item| !item.new.from_tallies && item.submit);
        Ok(Self {
            teams,
            campaigns,
            indicators,
            days: results::ids_of_days(tx, &activity_ids, &days).await?,
            tallies: tallies::waiting(tx, &made_of, &made_on).await?,
            waiting: tallies::days_waiting(tx, &stated, &stated_on).await?,
            history: results::history(tx, &each(items.iter().filter(|i| i.submit).map(|i| i.new.team_id)), None)
                .await?,
            activities,
            files,
        })
    }

    /// What a result stands in, as far as its sender may know.
    fn setting(&self, item: &Incoming<'_>) -> ApiResult<(Setting, UnitPath)> {
        let mut faults = Faults::default();
        let team = self.teams.get(&item.new.team_id);
        let team = team.filter(|(team, unit)| item.scope.sees.covers_team(unit, team.stamp.id));
        let found = faults.found("/team_id", team);
        if let Some((team, unit)) = found {
            item.scope.ensure_team(unit, team.stamp.id)?;
        }
        let seen = |team: &Uuid| self.teams.get(team).is_some_and(|(_, unit)| item.scope.sees.covers_team(unit, *team));
        let activity = self.activities.get(&item.new.activity_id);
        let activity = faults.found("/activity_id", activity.filter(|activity| activity.team_ids.iter().any(seen)));
        faults.settle()?;
        let ((team, unit), activity) = found.zip(activity).ok_or_else(ApiError::not_found)?;
        let campaign = self.campaigns.get(&activity.campaign_id).ok_or_else(ApiError::not_found)?;
        let setting = Setting { activity: activity.clone(), campaign: campaign.clone(), team: team.clone() };
        Ok((setting, unit.clone()))
    }

    fn statement(&self, new: &NewResult) -> Statement {
        let tallies = || self.tallies.get(&day_of(new)).map(|tallies| tallied(tallies.iter())).unwrap_or_default();
        Statement {
            lines: if new.from_tallies { tallies() } else { lines_of(&new.lines) },
            outputs: outputs_of(&new.outputs),
            evidence: evidence_of(&new.evidence),
        }
    }

    /// What is known of a result beyond its activity and team; a draft is not compared with anything yet.
    fn known(&self, item: &Incoming<'_>) -> Known<'_> {
        if !item.submit {
            return Known::default();
        }
        let history = self.history.get(&item.new.team_id).map(Vec::as_slice).unwrap_or_default();
        Known { history, late_tallies: self.waiting.contains(&day_of(item.new)) }
    }

    /// Whether it may be taken, and as what.
    fn decide(&self, item: &Incoming<'_>) -> ApiResult<Decided> {
        let (setting, unit) = self.setting(item)?;
        let statement = self.statement(item.new);
        let mut faults = Faults::default();
        if !setting.activity.team_ids.contains(&setting.team.stamp.id) {
            faults.add("/team_id", Code::NotItsTeam);
        }
        faults.day("/reported_on", setting.campaign.ensure_reportable(item.new.reported_on, item.cx.now));
        check(&mut faults, &setting.activity, &statement);
        let nothing = HashSet::new();
        evidence::unsound(&mut faults, &statement.evidence, self.files.get(&item.scope.actor.id).unwrap_or(&nothing));
        faults.settle()?;
        ensure_open(&setting.campaign)?;
        setting.activity.ensure_takes_report_of(setting.team.stamp.id).map_err(|err| activity_problem(&err))?;
        if let Some(existing) = self.days.get(&day_of(item.new)) {
            return Err(ApiError::new(Code::ResultExists).with("existing", format!("/v1/results/{existing}")));
        }
        let mut draft = ActivityResult {
            stamp: item.cx.new_stamp(item.new.id),
            activity_id: item.new.activity_id,
            team_id: item.new.team_id,
            reported_on: item.new.reported_on,
            locality_id: setting.activity.locality_id,
            flags: vec![],
            findings: vec![],
            statement,
            status: ResultStatus::Draft,
            revision: 1,
            created_by: item.cx.actor_id,
            submitted_by: None,
            verified_by: None,
            return_reason: None,
            from_tallies: item.new.from_tallies,
            marked: 0,
        };
        mark(&mut draft, &setting.activity, setting.team.status, self.known(item));
        let result = if item.submit {
            // At the version that it would have if it were submitted by a request of its own.
            draft.stamp = item.cx.next_stamp(draft.stamp);
            draft.submit(item.cx.actor_id).map_err(|err| result_problem(&err))?
        } else {
            draft
        };
        Ok(Decided { result, unit, setting })
    }
}

struct Decided {
    result: ActivityResult,
    unit: UnitPath,
    setting: Setting,
}

/// Takes new results in, each by itself: drafts, or submitted at once. The number of statements does not grow with the
/// number of results.
///
/// # Errors
/// Errors of the database, which concern all of them: nothing of any is kept.
pub async fn take_in(tx: &Tx, items: &[Incoming<'_>]) -> ApiResult<Vec<ApiResult<Taken>>> {
    // First of all the activities are held: whoever sends the same at the same moment, from elsewhere, has committed then.
    let mut facts = Facts::of(tx, items).await?;
    let chosen = each(items.iter().filter_map(|item| item.new.id));
    let hashes = idempotency::hashes_of_ids(tx, &chosen).await?;
    let known = |item: &&Incoming<'_>| item.new.id.is_some_and(|id| hashes.get(&id).is_some_and(|h| h == item.hash));
    let known = results::find_any_of(tx, &each(items.iter().filter(known).filter_map(|item| item.new.id))).await?;
    let known_teams = each(known.values().map(|result| result.team_id).filter(|id| !facts.teams.contains_key(id)));
    if !known_teams.is_empty() {
        facts.teams.extend(teams::with_paths(tx, &known_teams).await?);
    }

    let mut first: HashMap<Uuid, usize> = HashMap::new();
    let mut steps: Vec<ApiResult<Step>> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let step = match item.new.id {
            Some(id) if hashes.get(&id).is_some_and(|hash| hash == item.hash) => {
                as_it_stands(&known, &facts, item, id).map(|known| Step::Known(Box::new(known)))
            }
            Some(id) if hashes.contains_key(&id) => Err(ApiError::new(Code::IdAlreadyUsed)),
            // Twice in one group: like a retry that comes a moment later.
            Some(id) if first.contains_key(&id) => match first.get(&id).and_then(|at| items.get(*at)) {
                Some(earlier) if earlier.hash == item.hash => Ok(Step::Same(id)),
                _ => Err(ApiError::new(Code::IdAlreadyUsed)),
            },
            _ => facts.decide(item).map(|decided| Step::New(Box::new(decided))),
        };
        if let Ok(Step::New(new)) = &step {
            facts.days.insert(day_of(item.new), new.result.stamp.id);
            if let Some(id) = item.new.id {
                first.insert(id, at);
            }
        }
        steps.push(step);
    }
    let mut new: Vec<(&Incoming<'_>, &mut Decided)> = Vec::new();
    for (item, step) in items.iter().zip(&mut steps) {
        if let Ok(Step::New(decided)) = step {
            new.push((item, decided));
        }
    }
    keep(tx, &facts.indicators, &mut new).await?;
    let written: HashMap<Uuid, (ActivityResult, UnitPath)> = new
        .iter()
        .map(|(_, decided)| (decided.result.stamp.id, (decided.result.clone(), decided.unit.clone())))
        .collect();
    let taken = |(item, step): (&Incoming<'_>, ApiResult<Step>)| match step? {
        Step::New(decided) => Ok(Taken::New(decided.result, decided.unit)),
        Step::Known(known) => Ok(*known),
        Step::Same(id) => {
            let (result, unit) = written.get(&id).ok_or_else(ApiError::not_found)?;
            shown_to(item, result, unit)
        }
    };
    Ok(items.iter().zip(steps).map(taken).collect())
}

/// What is to be done with an item.
enum Step {
    /// It is written now.
    New(Box<Decided>),
    /// It is there.
    Known(Box<Taken>),
    /// It says the same as an earlier one of the group, which has this id.
    Same(Uuid),
}

/// A result that the same body made before, as it stands now.
fn as_it_stands(
    known: &HashMap<Uuid, ActivityResult>,
    facts: &Facts,
    item: &Incoming<'_>,
    id: Uuid,
) -> ApiResult<Taken> {
    let result = known.get(&id).ok_or_else(ApiError::not_found)?;
    let (_, unit) = facts.teams.get(&result.team_id).ok_or_else(ApiError::not_found)?;
    shown_to(item, result, unit)
}

fn shown_to(item: &Incoming<'_>, result: &ActivityResult, unit: &UnitPath) -> ApiResult<Taken> {
    if item.scope.sees.covers_team(unit, result.team_id) {
        Ok(Taken::Known(result.clone(), unit.clone()))
    } else {
        Err(ApiError::not_found())
    }
}

/// Writes what was decided: what the results count for, what they are alike, the results themselves, and who did it. Locks
/// are taken in everybody's order: activities, the ledger's head, candidates, results.
async fn keep(tx: &Tx, indicators: &[Indicator], new: &mut [(&Incoming<'_>, &mut Decided)]) -> ApiResult<()> {
    if new.is_empty() {
        return Ok(());
    }
    let claims: Vec<(Uuid, Vec<u8>)> =
        new.iter().filter_map(|(item, _)| item.new.id.map(|id| (id, item.hash.to_vec()))).collect();
    idempotency::claim_ids(tx, &claims).await?;
    // An activity goes on with the first result that is filed to it.
    let mut going_on: HashMap<Uuid, (&Cx<'_>, Uuid)> = HashMap::new();
    for (item, one) in new.iter().filter(|(_, one)| one.setting.activity.status == ActivityStatus::Planned) {
        going_on.entry(one.setting.activity.stamp.id).or_insert((item.cx, one.setting.team.org_unit_id));
    }
    if let Some((first, _)) = new.first() {
        activities::go_on(tx, &each(going_on.keys().copied()), first.cx.now).await?;
    }
    let results =
        new.iter().map(|(item, one)| item.cx.change("result", one.result.stamp.id, Some(one.setting.team.org_unit_id)));
    let activities = going_on.iter().map(|(id, (cx, unit))| cx.change("activity", *id, Some(*unit)));
    let changes: Vec<audit::Change<'_>> = results.chain(activities).collect();
    audit::record_many(tx, &changes).await?;

    // From here on everybody else who counts something waits for this commit.
    let nothing = Counted::new();
    let postings: Vec<Posting<'_>> = new
        .iter()
        .filter(|(item, _)| item.submit)
        .map(|(item, decided)| Posting {
            at: item.cx.now,
            actor_id: item.cx.actor_id,
            result: &decided.result,
            campaign_id: decided.setting.campaign.stamp.id,
            org_unit_id: decided.setting.team.org_unit_id,
            locality_id: decided.setting.activity.locality_id,
            before: &nothing,
        })
        .collect();
    if !postings.is_empty() {
        let seq = ledger::post(tx, indicators, &postings).await?;
        if seq.is_none() {
            ledger::hold(tx).await?;
        }
        let mut moved = Vec::new();
        for (item, decided) in new.iter_mut().filter(|(item, _)| item.submit) {
            item.cx.note_ledger(seq);
            let campaign_id = decided.setting.campaign.stamp.id;
            moved.push(Moved { cx: item.cx, result: &mut decided.result, campaign_id });
        }
        follow(tx, &mut moved).await?;
    }
    let rows: Vec<ActivityResult> = new.iter().map(|(_, decided)| decided.result.clone()).collect();
    results::insert_many(tx, &rows).await?;
    evidence::link(tx, rows.iter().map(|result| (result.stamp.id, result.statement.evidence.as_slice()))).await?;
    let kept: Vec<_> = new
        .iter()
        .filter(|(item, _)| item.submit)
        .map(|(item, decided)| (decided.result.stamp.id, submission(item.cx, &decided.result, None)))
        .collect();
    revisions::keep_many(tx, &kept).await?;
    let of_tallies = || rows.iter().filter(|result| result.from_tallies);
    let ids: Vec<Uuid> = of_tallies().map(|result| result.stamp.id).collect();
    let made_of = each(of_tallies().map(|result| result.activity_id));
    let made_on: Vec<NaiveDate> = each(of_tallies().map(|result| result.reported_on));
    Ok(tallies::take_in_many(tx, &ids, &made_of, &made_on).await?)
}

/// Takes one new result in, as a part of a request that brings other things too.
///
/// # Errors
/// Why it is refused; errors of the database.
pub async fn take_one(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultWrite>, new: &NewResult) -> ApiResult<Reply> {
    let item = Incoming { cx, scope, new, hash: cx.body_hash(), submit: new.submit };
    let taken = take_in(tx, &[item]).await?.pop();
    reply(scope, taken.ok_or_else(|| ApiError::internal("a result without an outcome"))?)
}

/// The answer that a request for this one result alone gets.
pub(super) fn reply(scope: &Scope<ResultWrite>, taken: ApiResult<Taken>) -> ApiResult<Reply> {
    match taken? {
        Taken::New(result, unit) => Reply::created(&view(scope)(result, Some(&unit))),
        Taken::Known(result, unit) => Reply::ok(&view(scope)(result, Some(&unit))),
    }
}
