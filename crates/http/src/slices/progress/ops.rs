//! What requests for progress mean.

use super::{
    dto::{
        GroupBy, Progress, ProgressCompleteness, ProgressIncludes, ProgressIndicator, ProgressQuery, ProgressUnit,
        PublicProgress,
    },
    groups::{self, Beside},
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    problem::{ApiError, ApiResult, Code, Fault},
    progress::{Asked, Body, Subject, View, When},
    reply::hash_tag,
};
use actix_web::web::{Bytes, Data};
use chrono::NaiveDate;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use tinhnguyen_domain::{
    catalogue::Measure,
    counting::Count,
    org_units::{OrgUnit, UnitPath},
    progress::{Cube, Pace, percent},
};
use tinhnguyen_persistence::progress::{self as rows, Heads};
use uuid::Uuid;

/// A parameter that names nothing, or nothing in sight.
fn unknown(parameter: &str) -> ApiError {
    ApiError::parameter(Fault::of_parameter(parameter, Code::ReferenceNotFound))
}

/// The highest unit whose progress the caller may see.
///
/// # Errors
/// `forbidden` when they see that of teams alone.
pub fn highest(scope: &Scope<ProgressRead>) -> ApiResult<&UnitPath> {
    let parts = scope.reaches.parts().iter().filter(|part| part.team_id.is_none());
    let highest = parts.min_by_key(|part| part.path.depth()).map(|part| &part.path);
    highest.ok_or_else(|| {
        ApiError::new(Code::Forbidden).detail(
            "Bạn không có quyền xem tiến độ của cả một đơn vị.",
            "You may not see the progress of a whole unit.",
        )
    })
}

/// The unit that is asked for; when none is, the highest one that the caller reaches.
pub(super) fn unit_of<'a>(view: &View<'a>, scope: &Scope<ProgressRead>, id: Option<Uuid>) -> ApiResult<&'a OrgUnit> {
    let unit = match id {
        Some(id) => view.trees.unit(id),
        None => view.trees.unit_stored_at(highest(scope)?),
    };
    let unit = unit.filter(|unit| scope.sees.sees_unit(&unit.path)).ok_or_else(ApiError::not_found)?;
    scope.ensure_unit(&unit.path)?;
    Ok(unit)
}

/// What is asked for; an indicator that isn't there is a fault of the parameter.
pub(super) fn subject_of(view: &View<'_>, indicator_id: Option<Uuid>) -> ApiResult<Arc<Subject>> {
    let missing = || if indicator_id.is_some() { unknown("indicator_id") } else { ApiError::not_found() };
    view.subjects.find(indicator_id).ok_or_else(missing)
}

/// What a query asks, of which unit, and of what.
pub(super) fn question<'a>(
    view: &View<'a>,
    scope: &Scope<ProgressRead>,
    query: &ProgressQuery,
) -> ApiResult<(Arc<Subject>, &'a OrgUnit, Asked<'a>)> {
    let unit = unit_of(view, scope, query.org_unit_id)?;
    let subject = subject_of(view, query.indicator_id)?;
    let path = view.trees.unit_path(unit.stamp.id).ok_or_else(ApiError::not_found)?;
    let asked = asked_of(view, &subject, path, query)?;
    Ok((subject, unit, asked))
}

/// What is asked of the figures, held to what the indicator can be asked.
fn asked_of<'a>(view: &View<'a>, subject: &Subject, unit: &'a UnitPath, query: &ProgressQuery) -> ApiResult<Asked<'a>> {
    if let (Some(from), Some(to)) = (query.from, query.to)
        && to < from
    {
        return Err(ApiError::parameter(Fault::of_parameter("to", Code::DatesInverted)));
    }
    refuse_senseless(subject.indicator.measure, query)?;
    let locality = match query.locality_id {
        Some(id) => Some(view.trees.place_path(id).ok_or_else(|| unknown("locality_id"))?),
        None => None,
    };
    Ok(Asked {
        locality,
        team_id: query.team_id,
        team_kind: query.team_kind,
        difficulty: query.difficulty,
        from: query.from,
        to: query.to,
        topic: query.topic,
        audience: query.audience,
        ..Asked::all(subject.indicator.stamp.id, unit)
    })
}

/// Whether the ledger carries what an indicator counts; teams and their members are counted as they are.
pub(super) const fn is_of_ledger(measure: Measure) -> bool {
    matches!(measure, Measure::BeneficiaryTurns) || measure.is_output()
}

/// Outputs aren't told by topic and audience; teams and their members have neither these nor a place, and the ledger doesn't
/// know what they were. What can't be told is refused rather than answered by nothing.
fn refuse_senseless(measure: Measure, query: &ProgressQuery) -> ApiResult<()> {
    if query.series.is_some() && query.group_by != Some(GroupBy::Period) {
        let fault = Fault::of_parameter("series", Code::NotAllowedValue)
            .message("Chỉ dùng cùng `group_by=period`.", "Only together with `group_by=period`.");
        return Err(ApiError::parameter(fault));
    }
    if measure == Measure::BeneficiaryTurns {
        return Ok(());
    }
    let by_topic = matches!(query.group_by, Some(GroupBy::Topic | GroupBy::Audience | GroupBy::ActivityKind));
    let by_place = matches!(query.group_by, Some(GroupBy::Locality | GroupBy::Difficulty));
    let mut senseless =
        vec![("group_by", by_topic), ("topic", query.topic.is_some()), ("audience", query.audience.is_some())];
    if !is_of_ledger(measure) {
        senseless.extend([
            ("group_by", by_place),
            ("locality_id", query.locality_id.is_some()),
            ("difficulty", query.difficulty.is_some()),
            ("as_of", query.as_of.is_some()),
        ]);
    }
    match senseless.into_iter().find(|(_, asked)| *asked) {
        None => Ok(()),
        Some((parameter, _)) => {
            let fault = Fault::of_parameter(parameter, Code::NotAllowedValue).message(
                format!("Chỉ tiêu đếm `{measure}` không chia được theo cách này."),
                format!("An indicator that counts `{measure}` can't be asked so."),
            );
            Err(ApiError::parameter(fault))
        }
    }
}

/// Works on the figures that a query asks for: of now or of the past, and of teams and members as they are.
pub(super) async fn with<T>(
    app: &Data<App>,
    query: &ProgressQuery,
    work: impl FnOnce(&View<'_>) -> ApiResult<T>,
) -> ApiResult<T> {
    with_heads(app, query, None, work).await
}

/// The same, where it was asked already how far everything is.
async fn with_heads<T>(
    app: &Data<App>,
    query: &ProgressQuery,
    heads: Option<Heads>,
    work: impl FnOnce(&View<'_>) -> ApiResult<T>,
) -> ApiResult<T> {
    // What was waited for may have come after that.
    let heads = heads.filter(|heads| query.min_ledger_seq.is_none_or(|seq| heads.ledger_seq >= seq));
    let when = When { as_of: query.as_of, tree_as_of: query.tree_as_of, heads };
    let answered = app.figures.when(app, when, move |view| {
        let subject = subject_of(view, query.indicator_id)?;
        // Of the past nobody knows what teams were; the question itself is refused then.
        if query.as_of.is_some() || is_of_ledger(subject.indicator.measure) {
            work(view).map(Ok)
        } else {
            Ok(Err((subject, work)))
        }
    });
    match answered.await?? {
        Ok(done) => Ok(done),
        Err((subject, work)) => {
            let counted = (subject.indicator.stamp.id, subject.indicator.measure);
            let cells = rows::team_cells(app.store.read(), counted, subject.campaign.stamp.id).await?;
            app.figures
                .when(app, when, |view| work(&View { cube: &Cube::load(view.ledger_seq(), cells), ..*view }))
                .await?
        }
    }
}

pub(super) fn body_of<T: Serialize>(value: &T) -> ApiResult<Body> {
    let text = serde_json::to_string(value).map_err(ApiError::internal)?;
    Ok(Body { etag: hash_tag(&text), bytes: Bytes::from(text) })
}

/// Progress of a unit's subtree, as it is sent.
///
/// # Errors
/// The problems that the operation states.
pub async fn progress(app: &Data<App>, scope: &Scope<ProgressRead>, query: &ProgressQuery) -> ApiResult<Body> {
    let beside = groups::beside(app, scope, query).await?;
    with_heads(app, query, scope.heads, |view| {
        let (subject, unit, asked) = question(view, scope, query)?;
        // Teams, and what teams and periods are called, aren't in the ledger.
        let lasting = matches!(beside, Beside::Nothing) && is_of_ledger(subject.indicator.measure);
        let key = format!(
            "{:?} {} {} {} {} {query:?}",
            view.heads,
            view.ledger_seq(),
            view.as_of,
            view.trees.day,
            unit.stamp.id
        );
        if lasting && let Some(known) = app.figures.bodies.get(&key) {
            return Ok(known);
        }
        let body = body_of(&answer(view, &subject, unit, &asked, query.group_by, &beside))?;
        if lasting {
            app.figures.bodies.put(key, &body);
        }
        Ok(body)
    })
    .await
}

fn answer(
    view: &View<'_>,
    subject: &Subject,
    unit: &OrgUnit,
    asked: &Asked<'_>,
    by: Option<GroupBy>,
    beside: &Beside,
) -> Progress {
    // Two passes over the cells, and a third where the groups are neither days nor units.
    let days = view.by_day(&Asked { from: None, ..*asked });
    let cumulative: Count = days.values().copied().sum();
    let total: Count =
        days.iter().filter(|(day, _)| asked.from.is_none_or(|from| from <= **day)).map(|(_, c)| *c).sum();
    let by_child = view.by_child(asked);
    let targets = view.targets(subject);
    let target = targets.get(&unit.stamp.id).copied();
    let pace = target.filter(|_| asked.is_whole()).map(|target| pace(view, subject, target, &days).into());
    let below = view.trees.children(unit.stamp.id);
    let reporting = below.iter().filter(|child| by_child.get(&child.stamp.id).is_some_and(|c| c.reported.0 != 0));
    Progress {
        indicator: ProgressIndicator::of(&subject.indicator),
        org_unit: ProgressUnit::of(unit),
        as_of: view.as_of,
        tree_as_of: view.trees.day,
        ledger_seq: view.ledger_seq(),
        target,
        reported: total.reported.0,
        verified: total.verified.0,
        percent: target.and_then(|target| percent(total.reported.0, target)),
        verified_percent: target.and_then(|target| percent(total.verified.0, target)),
        cumulative: cumulative.into(),
        pace,
        completeness: ProgressCompleteness {
            units_expected: u64::try_from(below.len()).unwrap_or(u64::MAX),
            units_reporting: u64::try_from(reporting.count()).unwrap_or(u64::MAX),
        },
        groups: by.map_or_else(Vec::new, |by| groups::groups(view, asked, by, (unit, by_child, &targets), beside)),
        includes: ProgressIncludes::of(subject.indicator.measure),
    }
}

/// How a figure moves, in the campaign's own time zone.
#[must_use]
pub fn pace(view: &View<'_>, subject: &Subject, target: i64, days: &BTreeMap<NaiveDate, Count>) -> Pace {
    let local = view.as_of.with_timezone(&subject.campaign.time_zone).naive_local();
    Pace::at(target, (subject.campaign.starts_on, subject.campaign.ends_on), local, days)
}

/// The country's progress, for everybody, as it is sent. The provinces are given by `units`, and the country's own teams
/// under the centre's code.
///
/// # Errors
/// The problems that the operation states.
pub async fn public(app: &Data<App>, indicator_id: Option<Uuid>) -> ApiResult<Body> {
    let query = ProgressQuery { indicator_id, ..ProgressQuery::default() };
    with(app, &query, |view| {
        let subject = subject_of(view, indicator_id)?;
        let root = view.trees.root().ok_or_else(ApiError::not_found)?;
        let lasting = is_of_ledger(subject.indicator.measure);
        let key = format!("public {:?} {} {} {indicator_id:?}", view.heads, view.as_of, view.trees.day);
        if lasting && let Some(known) = app.figures.bodies.get(&key) {
            return Ok(known);
        }
        let asked = Asked::all(subject.indicator.stamp.id, &root.path);
        let total = view.total(&asked);
        let target = subject.indicator.target_value;
        let body = body_of(&PublicProgress {
            campaign: subject.campaign.code.clone(),
            indicator: ProgressIndicator::of(&subject.indicator),
            as_of: view.as_of,
            ledger_seq: view.ledger_seq(),
            target,
            reported: total.reported.0,
            verified: total.verified.0,
            percent: percent(total.reported.0, target),
            verified_percent: percent(total.verified.0, target),
            provinces: groups::units(view, root, view.by_child(&asked), &view.targets(&subject)),
            demo: view.heads.demo,
        })?;
        if lasting {
            app.figures.bodies.put(key, &body);
        }
        Ok(body)
    })
    .await
}
