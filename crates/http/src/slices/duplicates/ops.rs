//! What requests on duplicate candidates mean.

use super::{
    dto::{CandidateResolution, DuplicateCandidate, DuplicateCandidateQuery},
    follow::unmark,
};
use crate::{
    allowed::{Demand, ResultRead, ResultVerify, Scope, forbidden},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::{
        results::ops::{self as of_results, setting, settle},
        teams::ops::{Nowhere, nothing, within},
    },
};
use std::collections::{BTreeSet, HashMap};
use tinhnguyen_domain::{
    access::Permission,
    duplicates::{Candidate, CandidateError, CandidateStatus, Decision},
    org_units::UnitPath,
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    duplicates::{self, Filter},
    ledger,
    page::Page,
    results, teams,
};
use uuid::Uuid;

/// What is known around candidates: the places of their teams' units, and who submitted their results.
#[derive(Default)]
pub struct Around {
    units: HashMap<Uuid, UnitPath>,
    submitters: HashMap<Uuid, Option<Uuid>>,
}

impl Around {
    /// Fetches it for many at once.
    ///
    /// # Errors
    /// When the database can't be asked.
    pub async fn of(conn: &impl ConnectionTrait, candidates: &[Candidate]) -> ApiResult<Self> {
        if candidates.is_empty() {
            return Ok(Self::default());
        }
        let sides = || candidates.iter().flat_map(|candidate| candidate.overlap.sides);
        let of_teams: Vec<Uuid> = sides().map(|side| side.team_id).collect();
        let of_results: Vec<Uuid> = sides().map(|side| side.result_id).collect();
        Ok(Self {
            units: teams::unit_paths(conn, &of_teams).await?,
            submitters: results::submitters(conn, &of_results).await?,
        })
    }

    fn submitted_by(&self, candidate: &Candidate, who: Uuid) -> bool {
        candidate.overlap.pair().iter().any(|id| self.submitters.get(id) == Some(&Some(who)))
    }
}

/// Lists the candidates, one of whose teams the caller reaches.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<ResultRead>,
    query: &DuplicateCandidateQuery,
) -> ApiResult<(Page<Candidate>, Around)> {
    let page = query.page_request()?;
    let within = match within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(Nowhere) => return Ok((nothing(page.include_total), Around::default())),
    };
    let filter = Filter {
        id: query.id,
        campaign_id: query.campaign_id,
        locality_id: query.locality_id,
        result_id: query.result_id,
        team_id: query.team_id,
        within,
        status: query.status,
        from: query.from,
        to: query.to,
        updated_since: query.updated_since,
    };
    let found = duplicates::list(conn, &scope.reaches, &filter, &page).await?;
    let around = Around::of(conn, &found.data).await?;
    Ok((found, around))
}

/// Shows candidates to this caller.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(Candidate, &Around) -> DuplicateCandidate {
    let verifies = scope.reaches_of(Permission::ResultVerify);
    let (sees, me) = (scope.sees.clone(), scope.actor.id);
    move |candidate, around| {
        let unit = |team: &Uuid| around.units.get(team);
        let verifies_all = candidate
            .overlap
            .sides
            .iter()
            .all(|side| unit(&side.team_id).is_some_and(|unit| verifies.covers_team(unit, side.team_id)));
        let open = candidate.status == CandidateStatus::Open;
        let may = open && verifies_all && !around.submitted_by(&candidate, me);
        let sees_team = |team: Uuid| unit(&team).is_some_and(|unit| sees.covers_team(unit, team));
        DuplicateCandidate::of(candidate, sees_team, if may { vec!["resolve"] } else { vec![] })
    }
}

/// Finds a candidate, one of whose teams the caller sees.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(Candidate, Around)> {
    let candidate = duplicates::find(conn, &scope.sees, id).await?.ok_or_else(ApiError::not_found)?;
    let around = Around::of(conn, std::slice::from_ref(&candidate)).await?;
    Ok((candidate, around))
}

fn problem(err: &CandidateError, candidate: &Candidate) -> ApiError {
    match err {
        CandidateError::NotOpen(CandidateStatus::Closed) => {
            ApiError::new(Code::WrongState).with("state", CandidateStatus::Closed.as_str()).detail(
                "Không còn gì để kết luận: một kết quả không còn được tính, hoặc hai số liệu không còn giống nhau.",
                "There is nothing to decide any more: one result counts no more, or the figures are alike no more.",
            )
        }
        CandidateError::NotOpen(status) => ApiError::new(Code::WrongState).with("state", status.as_str()).detail(
            "Cặp kết quả này đã có kết luận; đọc lại để xem.",
            "This pair was decided on already; read it again to see how.",
        ),
        CandidateError::NotOfThePair => {
            let pair = candidate.overlap.pair().map(|id| id.to_string());
            ApiError::fault(Fault::at("/duplicate_result_id", Code::NotAllowedValue).limit(pair.to_vec()))
        }
    }
}

/// Settles whether two results are the same. What is a duplicate is taken out of the figures in the same transaction.
///
/// # Errors
/// The problems that the operation states.
pub async fn resolve(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<ResultVerify>,
    id: Uuid,
    resolution: &CandidateResolution,
) -> ApiResult<Reply> {
    let (candidate, around) = find(tx, scope, id).await?;
    let reached =
        candidate.overlap.sides.iter().all(|side| {
            around.units.get(&side.team_id).is_some_and(|unit| scope.reaches.covers_team(unit, side.team_id))
        });
    if !reached {
        return Err(forbidden(Permission::ResultVerify).detail(
            "Chỉ người xác nhận của đơn vị cấp trên chung của cả hai đội mới kết luận được.",
            "Only a verifier over both teams decides on it.",
        ));
    }
    cx.ensure_unchanged(&candidate.stamp)?;
    if around.submitted_by(&candidate, cx.actor_id) {
        return Err(ApiError::new(Code::VerifierIsSubmitter));
    }
    let duplicate = match (resolution.decision, resolution.duplicate_result_id) {
        (Decision::Duplicate, None) => Some(later(tx, &candidate).await?),
        (_, named) => named,
    };
    let reason = &resolution.reason;
    let resolved = candidate.clone().resolve(resolution.decision, duplicate, cx.actor_id, cx.now, reason.clone());
    let mut resolved = resolved.map_err(|err| problem(&err, &candidate))?;
    resolved.stamp = cx.next_stamp(resolved.stamp);

    // Activity, ledger, candidate, results: the order in which everybody locks.
    let taken = match duplicate {
        None => None,
        Some(id) => {
            let result = results::find_any(tx, id).await?.ok_or_else(ApiError::not_found)?;
            let setting = setting(tx, result.activity_id, result.team_id).await?;
            Some((id, setting))
        }
    };
    ledger::hold(tx).await?;
    duplicates::update(tx, &resolved).await.map_err(|err| cx.anew(err))?;
    if let Some((id, setting)) = taken {
        // As it stands now that nobody else moves it.
        let result = results::find_any(tx, id).await?.ok_or_else(ApiError::not_found)?;
        let other = candidate.overlap.pair().into_iter().find(|other| *other != result.stamp.id).unwrap_or_default();
        let why = format!("Trùng với kết quả {other}: {reason}");
        let before = result.counted();
        let returned = result.take_back(cx.actor_id, why.clone()).map_err(|err| of_results::problem(&err))?;
        let returned = settle(tx, cx, &before, returned, &setting).await?;
        of_results::decide(tx, cx, &returned, Some(&why)).await?;
    }
    for (result, unit) in unmark(tx, cx.now, &[], &candidate.overlap.pair()).await? {
        cx.record(tx, "result", result, Some(unit)).await?;
    }

    let of_teams = candidate.overlap.sides.map(|side| side.team_id);
    let mut units = BTreeSet::new();
    for team in of_teams {
        units.extend(teams::find_any(tx, team).await?.map(|team| team.org_unit_id));
    }
    for unit in units {
        cx.record(tx, "duplicate_candidate", id, Some(unit)).await?;
    }
    Reply::ok(&view(scope)(resolved, &around))
}

/// The result of a pair that was counted later: the earlier one stands by default.
async fn later(tx: &Tx, candidate: &Candidate) -> ApiResult<Uuid> {
    let [one, other] = candidate.overlap.pair();
    let first = ledger::first_counted(tx, &[one, other]).await?;
    // What no indicator counts has no entry; then the later id is the later one.
    let at = |id: Uuid| (first.get(&id).copied().unwrap_or_default(), id);
    Ok(if at(one) > at(other) { one } else { other })
}
