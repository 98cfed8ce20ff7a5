//! What requests on tallies mean.

use super::dto::{NewTally, TallyBatch, TallyQuery};
use crate::{
    allowed::{ResultRead, ResultWrite, Scope},
    bulk::{Batch, Became},
    fields::{Faults, ensure_open},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::Cx,
    slices::{
        activities::ops::problem as activity_problem,
        results::ops::{Setting, go_on, mark_late, setting},
    },
};
use chrono::NaiveDate;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tinhnguyen_domain::{counting::Turns, tallies::Tally};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, activities,
    page::Page,
    tallies::{self, Filter},
    teams,
};
use uuid::Uuid;

/// Lists the tallies of an activity that the caller sees.
///
/// # Errors
/// `not_found`; problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultRead>,
    activity_id: Uuid,
    query: &TallyQuery,
) -> ApiResult<Page<Tally>> {
    activities::find(conn, &scope.sees, activity_id).await?.ok_or_else(ApiError::not_found)?;
    let filter = Filter {
        id: query.id,
        team_id: query.team_id,
        day: query.day,
        result_id: query.result_id,
        waiting: query.waiting,
    };
    Ok(tallies::list(conn, activity_id, &filter, &query.page_request()?).await?)
}

/// What was sent as a tally of its setting, or what is wrong with it.
fn tally_of(cx: &Cx<'_>, setting: &Setting, new: &NewTally) -> ApiResult<Tally> {
    let day: NaiveDate = setting.campaign.local_day(new.occurred_at);
    let mut faults = Faults::default();
    faults.day("/occurred_at", setting.campaign.ensure_reportable(day, cx.now));
    if !new.topic.fits(setting.activity.kind) {
        faults.push(Fault::at("/topic", Code::TopicNotOfKind).limit(setting.activity.kind.as_str()));
    }
    faults.settle()?;
    Ok(Tally {
        id: new.id,
        activity_id: setting.activity.stamp.id,
        team_id: setting.team.stamp.id,
        // As the database keeps it, so that a tally that is sent again says the same.
        occurred_at: tinhnguyen_domain::clock::to_micros(new.occurred_at),
        day,
        topic: new.topic,
        audience: new.audience,
        sex: new.sex,
        turns: Turns(new.turns),
        created_by: cx.actor_id,
        received_at: cx.now,
        result_id: None,
    })
}

/// Takes the tallies of a team that the caller coordinates or leads; tells of each what became of it.
///
/// # Errors
/// The problems that the operation states: what concerns all of them.
pub async fn add(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    activity_id: Uuid,
    batch: &Batch<TallyBatch>,
) -> ApiResult<BTreeMap<usize, Became>> {
    let activity = activities::find(tx, &scope.sees, activity_id).await?.ok_or_else(ApiError::not_found)?;
    let team_id = batch.value.team_id.unwrap_or(activity.lead_team_id);
    let seen = teams::find(tx, &scope.sees, team_id).await?;
    let mut faults = Faults::default();
    faults.found("/team_id", seen.as_ref());
    faults.settle()?;
    let unit = teams::unit_paths(tx, &[team_id]).await?.remove(&team_id).ok_or_else(ApiError::not_found)?;
    scope.ensure_team(&unit, team_id)?;
    if !activity.team_ids.contains(&team_id) {
        return Err(ApiError::fault(Fault::at("/team_id", Code::NotItsTeam)));
    }
    let setting = setting(tx, activity_id, team_id).await?;
    ensure_open(&setting.campaign)?;
    setting.activity.ensure_takes_report_of(team_id).map_err(|err| activity_problem(&err))?;

    let mut became = BTreeMap::new();
    let mut first: HashMap<Uuid, (usize, Tally)> = HashMap::new();
    let mut again = Vec::new();
    for (new, place) in batch.value.tallies.iter().zip(&batch.places) {
        match tally_of(cx, &setting, new) {
            Err(error) => drop(became.insert(*place, Became::Rejected(Some(new.id), error))),
            Ok(tally) if first.contains_key(&tally.id) => again.push((*place, tally)),
            Ok(tally) => drop(first.insert(tally.id, (*place, tally))),
        }
    }
    let new: Vec<Tally> = first.values().map(|(_, tally)| tally.clone()).collect();
    let stored = tallies::add(tx, &new, Uuid::now_v7()).await?;
    let same = |known: &Tally, tally: &Tally| {
        if known.says_the_same(tally) {
            Became::Duplicate(tally.id)
        } else {
            Became::Rejected(Some(tally.id), ApiError::new(Code::IdAlreadyUsed))
        }
    };
    for (place, tally) in first.values() {
        let outcome = stored.known.get(&tally.id).map_or(Became::Accepted(tally.id), |known| same(known, tally));
        became.insert(*place, outcome);
    }
    for (place, tally) in again {
        let known = stored.known.get(&tally.id).or_else(|| first.get(&tally.id).map(|(_, earlier)| earlier));
        became.insert(place, known.map_or(Became::Duplicate(tally.id), |known| same(known, &tally)));
    }
    for (place, error) in &batch.refused {
        became.insert(*place, Became::Rejected(None, error.clone()));
    }
    let days: BTreeSet<NaiveDate> =
        new.iter().filter(|tally| stored.new.contains(&tally.id)).map(|tally| tally.day).collect();
    if !days.is_empty() {
        for day in days {
            mark_late(tx, cx, &setting, day).await?;
        }
        cx.record(tx, "activity", activity_id, Some(setting.team.org_unit_id)).await?;
        go_on(tx, cx, setting.activity, setting.team.org_unit_id).await?;
    }
    Ok(became)
}
