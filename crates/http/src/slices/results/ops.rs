//! What requests on results mean. Whatever changes a counted figure goes through [`settle`], which writes the result,
//! its difference to the ledger and the audit row together.

use super::{
    dto::{Result as Body, ResultAmendment, ResultPatch, ResultQuery, evidence_of, lines_of, outputs_of},
    review::{Known, judge, mark},
};
use crate::{
    allowed::{Demand, ResultRead, ResultVerify, ResultWrite, Scope},
    fields::{Faults, ensure_open, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{
        activities::ops::problem as activity_problem,
        duplicates::follow::{Moved, follow},
        evidence::ops as evidence,
        teams::ops::{Nowhere, nothing, within},
    },
};
use chrono::NaiveDate;
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::Permission,
    activities::{Activity, ActivityStatus},
    campaigns::Campaign,
    counting::{Counted, Turns},
    org_units::UnitPath,
    results::{
        ActivityResult, Flag, Line, ResultAction, ResultError, ResultStatus, Revision, Statement, reported_by_topic,
    },
    tallies::lines_of as tallied,
    teams::Team,
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx, activities, campaigns,
    ledger::{self, Posting},
    page::Page,
    results::{self, Filter},
    revisions, tallies, teams,
};
use uuid::Uuid;

/// Lists the results of teams that the caller reaches, with the paths of the teams' units.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultRead>,
    query: &ResultQuery,
) -> ApiResult<(Page<ActivityResult>, HashMap<Uuid, UnitPath>)> {
    let page = query.page_request()?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok((nothing(page.include_total), HashMap::new())),
    };
    let filter = Filter {
        id: query.id,
        campaign_id: query.campaign_id,
        activity_id: query.activity_id,
        team_id: query.team_id,
        within,
        status: query.status,
        flag: query.flag,
        unmarked: false,
        from: query.from,
        to: query.to,
        updated_since: query.updated_since,
    };
    let found = results::list(conn, &scope.reaches, &filter, &page).await?;
    let reporting: Vec<Uuid> = found.data.iter().map(|result| result.team_id).collect();
    let paths = teams::unit_paths(conn, &reporting).await?;
    Ok((found, paths))
}

/// Shows results to this caller, by the path of the team's unit.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(ActivityResult, Option<&UnitPath>) -> Body {
    let writes = scope.reaches_of(Permission::ResultWrite);
    let verifies = scope.reaches_of(Permission::ResultVerify);
    let (me, lang) = (scope.actor.id, scope.lang);
    move |result, unit| {
        let mut actions = Vec::new();
        let team = result.team_id;
        if unit.is_some_and(|unit| writes.covers_team(unit, team)) {
            if result.status.is_editable() {
                actions.push("edit");
            }
            if result.status == ResultStatus::Draft {
                actions.push("delete");
            }
            let acts = [ResultAction::Submit, ResultAction::Amend];
            actions.extend(acts.iter().filter(|a| result.status.after(**a).is_ok()).map(|a| a.as_str()));
        }
        if unit.is_some_and(|unit| verifies.covers_team(unit, team)) && result.submitted_by != Some(me) {
            let acts = [ResultAction::Verify, ResultAction::Return, ResultAction::Unverify];
            actions.extend(acts.iter().filter(|a| result.status.after(**a).is_ok()).map(|a| a.as_str()));
        }
        Body::of(result, actions, lang)
    }
}

/// Finds a result that the caller sees, and the path of its team's unit.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(ActivityResult, UnitPath)> {
    let result = results::find(conn, &scope.sees, id).await?.ok_or_else(ApiError::not_found)?;
    let team = result.team_id;
    let path = teams::unit_paths(conn, &[team]).await?.remove(&team).ok_or_else(ApiError::not_found)?;
    Ok((result, path))
}

/// What a statement must hold beyond its schema.
pub(super) fn check(faults: &mut Faults, activity: &Activity, statement: &Statement) {
    if statement.lines.is_empty() && statement.outputs.is_empty() {
        faults.push(Fault::at("/lines", Code::TooFew).limit(1));
    }
    let keys: Vec<_> = statement.lines.iter().map(|l| (l.topic, l.audience, l.sex, l.age_band)).collect();
    repeated(&keys).for_each(|at| faults.add(format!("/lines/{at}"), Code::NotUnique));
    for (at, line) in statement.lines.iter().enumerate() {
        if !line.topic.fits(activity.kind) {
            let fault = Fault::at(format!("/lines/{at}/topic"), Code::TopicNotOfKind);
            faults.push(fault.limit(activity.kind.as_str()));
        }
    }
    for (at, line) in statement.lines.iter().enumerate().filter(|(_, line)| !Turns::LINE.contains(&line.turns.0)) {
        // Sums of tallies; what a client states is held to its bounds before.
        faults.push(Fault::at("/from_tallies", Code::OutOfRange).limit(*Turns::LINE.end()).message(
            format!("Dòng {at}: tổng {} lượt vượt giới hạn một dòng.", line.turns.0),
            format!("Line {at}: the sum of {} turns is more than one line may state.", line.turns.0),
        ));
    }
    let measures: Vec<_> = statement.outputs.iter().map(|o| o.measure).collect();
    repeated(&measures).for_each(|at| faults.add(format!("/outputs/{at}/measure"), Code::NotUnique));
    for (at, measure) in measures.iter().enumerate().filter(|(_, measure)| !measure.is_output()) {
        faults.push(Fault::at(format!("/outputs/{at}/measure"), Code::NotAnOutput).limit(measure.as_str()));
    }
}

/// What a result stands in: held until the transaction ends, so that cancelling comes before or after.
pub struct Setting {
    /// The activity.
    pub activity: Activity,
    /// Its campaign.
    pub campaign: Campaign,
    /// The team that reports.
    pub team: Team,
}

/// Finds and holds the setting of a report.
///
/// # Errors
/// `not_found`.
pub async fn setting(tx: &Tx, activity_id: Uuid, team_id: Uuid) -> ApiResult<Setting> {
    let activity = activities::hold(tx, activity_id).await?.ok_or_else(ApiError::not_found)?;
    let campaign = campaigns::find(tx, activity.campaign_id).await?.ok_or_else(ApiError::not_found)?;
    let team = teams::find_any(tx, team_id).await?.ok_or_else(ApiError::not_found)?;
    Ok(Setting { activity, campaign, team })
}

/// A planned activity goes on as soon as something is filed to it by a team, whose unit is given.
///
/// # Errors
/// `activity_cancelled`.
pub async fn go_on(tx: &Tx, cx: &Cx<'_>, mut activity: Activity, org_unit_id: Uuid) -> ApiResult<()> {
    let status = activity.status.on_report().map_err(|err| activity_problem(&err))?;
    if activity.status == ActivityStatus::Planned {
        activity.status = status;
        activity.stamp = cx.next_stamp(activity.stamp);
        activities::update(tx, &activity).await?;
        cx.record(tx, "activity", activity.stamp.id, Some(org_unit_id)).await?;
    }
    Ok(())
}

/// Why a result can't move, as a problem.
#[must_use]
pub fn problem(err: &ResultError) -> ApiError {
    match err {
        ResultError::WrongState { from, .. } => ApiError::new(Code::WrongState).with("state", from.as_str()),
        ResultError::NotEditable(status) => ApiError::new(Code::NotEditable).with("state", status.as_str()),
        ResultError::OwnResult => ApiError::new(Code::VerifierIsSubmitter),
    }
}

/// Finds a result whose team the caller reaches, and holds that the client changes what it has seen.
async fn take<P: Demand>(tx: &Tx, cx: &Cx<'_>, scope: &Scope<P>, id: Uuid) -> ApiResult<(ActivityResult, UnitPath)> {
    let (mut result, unit) = find(tx, scope, id).await?;
    scope.ensure_team(&unit, result.team_id)?;
    if cx.is_again() {
        // Nobody marks it any more from here on: whoever does holds one of these two.
        activities::hold(tx, result.activity_id).await?;
        ledger::hold(tx).await?;
        result = results::find_any(tx, id).await?.ok_or_else(ApiError::not_found)?;
    }
    // Whoever decides on it must have seen its marks. Whoever states it need not: a phone without a signal can't know that
    // another team has reported the like meanwhile.
    let seen = if P::PERMISSION == Permission::ResultVerify { 0 } else { result.marked };
    cx.ensure_unchanged_but(&result.stamp, seen)?;
    Ok((result, unit))
}

/// Writes a moved result and what its move changes in the figures, in one transaction.
///
/// # Errors
/// `stale_version`; when the database refuses.
pub async fn settle(
    tx: &Tx,
    cx: &Cx<'_>,
    before: &Counted,
    mut result: ActivityResult,
    setting: &Setting,
) -> ApiResult<ActivityResult> {
    result.stamp = cx.next_stamp(result.stamp);
    result.marked = 0;
    let indicators = campaigns::indicators_of(tx, setting.campaign.stamp.id).await?;
    let posting = Posting {
        at: cx.now,
        actor_id: cx.actor_id,
        result: &result,
        campaign_id: setting.campaign.stamp.id,
        org_unit_id: setting.team.org_unit_id,
        locality_id: setting.activity.locality_id,
        before,
    };
    // The ledger's head first, rows of results after it: whoever marks another's row holds the head too.
    let posted = ledger::post(tx, &indicators, &[posting]).await?;
    cx.note_ledger(posted);
    if reported_by_topic(before) != result.reported_turns() {
        if posted.is_none() {
            ledger::hold(tx).await?;
        }
        let campaign_id = setting.campaign.stamp.id;
        follow(tx, &mut [Moved { cx, result: &mut result, campaign_id }]).await?;
    }
    results::update(tx, &result).await.map_err(|err| cx.anew(err))?;
    cx.record(tx, "result", result.stamp.id, Some(setting.team.org_unit_id)).await?;
    Ok(result)
}

/// Changes a draft or a returned result.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    id: Uuid,
    patch: &ResultPatch,
) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let mut statement = result.statement.clone();
    let by_hand = patch.lines.is_some();
    if let Some(lines) = &patch.lines {
        statement.lines = lines_of(lines);
    }
    if let Some(outputs) = &patch.outputs {
        statement.outputs = outputs_of(outputs);
    }
    if let Some(evidence) = &patch.evidence {
        statement.evidence = evidence_of(evidence);
    }
    let before = result.counted();
    let mut changed = result.edit(statement).map_err(|err| problem(&err))?;
    let mut faults = Faults::default();
    check(&mut faults, &setting.activity, &changed.statement);
    if patch.evidence.is_some() {
        evidence::check(tx, scope, &mut faults, &changed.statement.evidence).await?;
    }
    faults.settle()?;
    mark(&mut changed, &setting.activity, setting.team.status, Known::default());
    // Whoever corrects the sums by hand means their own figures.
    changed.from_tallies &= !by_hand;
    let result = settle(tx, cx, &before, changed, &setting).await?;
    evidence::link(tx, [(id, result.statement.evidence.as_slice())]).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}

/// Removes a draft, which counted nowhere.
///
/// # Errors
/// The problems that the operation states.
pub async fn delete(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultWrite>, id: Uuid) -> ApiResult<Reply> {
    let (result, _) = take(tx, cx, scope, id).await?;
    if result.status != ResultStatus::Draft {
        return Err(ApiError::new(Code::NotEditable).with("state", result.status.as_str()));
    }
    tallies::let_go(tx, id).await?;
    evidence::unlink(tx, id).await?;
    results::delete_draft(tx, id, result.stamp.version).await?;
    let team = teams::find_any(tx, result.team_id).await?.ok_or_else(ApiError::not_found)?;
    cx.record_leaving(tx, "result", id, &team).await?;
    Ok(Reply::gone())
}

/// Files a draft or a returned result: from now on it counts as reported.
///
/// # Errors
/// The problems that the operation states.
pub async fn submit(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultWrite>, id: Uuid) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let result = file(tx, cx, result).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}

/// Files a draft or a returned result that the caller may file.
///
/// # Errors
/// The problems that submitting states.
pub async fn file(tx: &Tx, cx: &Cx<'_>, result: ActivityResult) -> ApiResult<ActivityResult> {
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let before = result.counted();
    let result = with_its_tallies(tx, result).await?;
    let mut submitted = result.submit(cx.actor_id).map_err(|err| problem(&err))?;
    ensure_open(&setting.campaign)?;
    setting.activity.ensure_takes_report_of(submitted.team_id).map_err(|err| activity_problem(&err))?;
    let mut faults = Faults::default();
    check(&mut faults, &setting.activity, &submitted.statement);
    faults.settle()?;
    submitted.locality_id = setting.activity.locality_id;
    judge(tx, &mut submitted, &setting).await?;
    let result = settle(tx, cx, &before, submitted, &setting).await?;
    revisions::keep(tx, &result, &submission(cx, &result, None)).await?;
    go_on(tx, cx, setting.activity, setting.team.org_unit_id).await?;
    Ok(result)
}

/// The lines that the tallies of a day add up to: those that wait, and those that a result has taken in already.
async fn waiting(
    tx: &Tx,
    activity_id: Uuid,
    team_id: Uuid,
    day: NaiveDate,
    result_id: Option<Uuid>,
) -> ApiResult<Vec<Line>> {
    let all = tallies::of_day(tx, activity_id, team_id, day).await?;
    Ok(tallied(all.iter().filter(|tally| tally.result_id.is_none() || tally.result_id == result_id)))
}

/// A result that is made of tallies takes in those that came since.
async fn with_its_tallies(tx: &Tx, mut result: ActivityResult) -> ApiResult<ActivityResult> {
    if result.from_tallies && result.status.is_editable() {
        let id = result.stamp.id;
        let (activity, team, day) = (result.activity_id, result.team_id, result.reported_on);
        result.statement.lines = waiting(tx, activity, team, day, Some(id)).await?;
        tallies::take_in(tx, id, activity, team, day).await?;
    }
    Ok(result)
}

/// Marks the result of a day that was filed before its last tallies came.
///
/// # Errors
/// When the database refuses.
pub async fn mark_late(tx: &Tx, cx: &Cx<'_>, setting: &Setting, day: NaiveDate) -> ApiResult<()> {
    let (activity, team) = (setting.activity.stamp.id, setting.team.stamp.id);
    let Some(id) = results::id_of_day(tx, activity, team, day).await? else { return Ok(()) };
    let Some(mut result) = results::hold(tx, id).await? else { return Ok(()) };
    if result.status.is_editable() || result.flags.contains(&Flag::LateTallies) {
        return Ok(());
    }
    result.flags.push(Flag::LateTallies);
    result.stamp = cx.next_stamp(result.stamp);
    result.marked += 1;
    results::update(tx, &result).await?;
    cx.record(tx, "result", id, Some(setting.team.org_unit_id)).await
}

/// The revision that was submitted just now.
pub(super) fn submission(cx: &Cx<'_>, result: &ActivityResult, amend_reason: Option<&str>) -> Revision {
    Revision {
        revision: result.revision,
        statement: result.statement.clone(),
        status: result.status,
        amend_reason: amend_reason.map(ToOwned::to_owned),
        submitted_by: cx.actor_id,
        submitted_at: cx.now,
        decided_by: None,
        decided_at: None,
        return_reason: None,
    }
}

/// Notes what became of the present revision, and by whom.
///
/// # Errors
/// When the database refuses.
pub async fn decide(tx: &Tx, cx: &Cx<'_>, result: &ActivityResult, reason: Option<&str>) -> ApiResult<()> {
    let kept = revisions::find(tx, result.stamp.id, result.revision).await?;
    // Submitted before revisions were kept: what it states is known all the same.
    let kept = kept.unwrap_or_else(|| submission(cx, result, None));
    let decided = Revision {
        status: result.status,
        decided_by: Some(cx.actor_id),
        decided_at: Some(cx.now),
        return_reason: reason.map(ToOwned::to_owned),
        submitted_by: result.submitted_by.unwrap_or(kept.submitted_by),
        ..kept
    };
    Ok(revisions::keep(tx, result, &decided).await?)
}

/// States something else than what was submitted or verified, with a reason: the next revision, which counts as reported
/// at once and is verified anew.
///
/// # Errors
/// The problems that the operation states.
pub async fn amend(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultWrite>,
    id: Uuid,
    amendment: &ResultAmendment,
) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let sums = if amendment.from_tallies {
        waiting(tx, result.activity_id, result.team_id, result.reported_on, Some(id)).await?
    } else {
        vec![]
    };
    let statement = Statement {
        lines: if amendment.from_tallies { sums } else { lines_of(&amendment.lines) },
        outputs: outputs_of(&amendment.outputs),
        evidence: match &amendment.evidence {
            Some(evidence) => evidence_of(evidence),
            None => result.statement.evidence.clone(),
        },
    };
    let before = result.counted();
    let mut amended = result.amend(cx.actor_id, statement).map_err(|err| problem(&err))?;
    ensure_open(&setting.campaign)?;
    let mut faults = Faults::default();
    check(&mut faults, &setting.activity, &amended.statement);
    if amendment.evidence.is_some() {
        evidence::check(tx, scope, &mut faults, &amended.statement.evidence).await?;
    }
    faults.settle()?;
    amended.from_tallies = amendment.from_tallies;
    if amended.from_tallies {
        tallies::take_in(tx, id, amended.activity_id, amended.team_id, amended.reported_on).await?;
    }
    judge(tx, &mut amended, &setting).await?;
    let result = settle(tx, cx, &before, amended, &setting).await?;
    evidence::link(tx, [(id, result.statement.evidence.as_slice())]).await?;
    revisions::keep(tx, &result, &submission(cx, &result, Some(&amendment.reason))).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}

/// Takes a verification back, with a reason: the result counts as reported alone again.
///
/// # Errors
/// The problems that the operation states.
pub async fn unverify(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultVerify>, id: Uuid, reason: &str) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let before = result.counted();
    let taken_back = result.unverify(cx.actor_id).map_err(|err| problem(&err))?;
    let result = settle(tx, cx, &before, taken_back, &setting).await?;
    decide(tx, cx, &result, Some(reason)).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}

/// Verifies a submitted result: from now on it counts as verified too.
///
/// # Errors
/// The problems that the operation states.
pub async fn verify(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultVerify>, id: Uuid) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let result = confirm(tx, cx, result).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}

/// Verifies a submitted result that the caller may verify.
///
/// # Errors
/// The problems that verifying states.
pub async fn confirm(tx: &Tx, cx: &Cx<'_>, result: ActivityResult) -> ApiResult<ActivityResult> {
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let before = result.counted();
    let verified = result.verify(cx.actor_id).map_err(|err| problem(&err))?;
    let result = settle(tx, cx, &before, verified, &setting).await?;
    decide(tx, cx, &result, None).await?;
    Ok(result)
}

/// Gives a submitted result back to its author: until it is submitted again it counts nowhere.
///
/// # Errors
/// The problems that the operation states.
pub async fn give_back(tx: &Tx, cx: &Cx<'_>, scope: &Scope<ResultVerify>, id: Uuid, reason: &str) -> ApiResult<Reply> {
    let (result, unit) = take(tx, cx, scope, id).await?;
    let setting = setting(tx, result.activity_id, result.team_id).await?;
    let before = result.counted();
    let returned = result.give_back(cx.actor_id, reason.to_owned()).map_err(|err| problem(&err))?;
    let result = settle(tx, cx, &before, returned, &setting).await?;
    decide(tx, cx, &result, Some(reason)).await?;
    Reply::ok(&view(scope)(result, Some(&unit)))
}
