//! The results behind a figure.

use super::{
    dto::{
        ExplainQuery, ProgressContribution, ProgressExplanation, ProgressIncludes, ProgressIndicator, ProgressQuery,
        ProgressUnit,
    },
    ops,
};
use crate::{
    allowed::{ProgressRead, Scope},
    app::App,
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    progress::Asked,
    reply,
    request::Request,
};
use actix_web::{HttpResponse, http::header, web::Data};
use std::collections::{BTreeSet, HashSet};
use tinhnguyen_domain::catalogue::Measure;
use tinhnguyen_persistence::{
    page::{After, Mark},
    progress::{Behind, Contribution, contributions, team_names},
};
use uuid::Uuid;

/// Teams whose results are asked for at once.
const TEAMS: usize = 50;
const FORMULA: &str = "reported = Σ delta_reported, verified = Σ delta_verified over the ledger's entries of the indicator with \
                       seq ≤ ledger_seq that the filters admit; a result brings the sum of its own entries";

/// Answers with a page of the results behind a figure.
///
/// # Errors
/// The problems that the operation states.
pub async fn explain(
    app: &Data<App>,
    scope: &Scope<ProgressRead>,
    request: &Request,
    query: &ExplainQuery,
) -> ApiResult<HttpResponse> {
    let page = query.page_request()?;
    let asked = ProgressQuery::from(query);
    let after = page.after.as_ref().map(starts_after).transpose()?;
    let (mut explanation, behind, teams, sources, places) = ops::with(app, &asked, |view| {
        let (subject, unit, asked) = ops::question(view, scope, &asked)?;
        if matches!(subject.indicator.measure, Measure::Teams | Measure::Members) {
            let fault = Fault::of_parameter("indicator_id", Code::NotAllowedValue).message(
                "Chỉ tiêu này đếm đội hình, không đếm từ kết quả hoạt động; xem `GET /v1/teams`.",
                "This indicator counts teams, not results; see `GET /v1/teams`.",
            );
            return Err(ApiError::parameter(fault));
        }
        let total = view.total(&asked);
        // Whoever has cells in the slice, even if they came to nothing.
        let by_team = view.groups(&asked, &tinhnguyen_domain::progress::By::Source(&|source| source));
        let by_place = view.groups(&asked, &tinhnguyen_domain::progress::By::Place(&|place| place));
        let teams: BTreeSet<Uuid> = by_team.keys().map(|source| source.team_id).collect();
        let explanation = ProgressExplanation {
            indicator: ProgressIndicator::of(&subject.indicator),
            org_unit: ProgressUnit::of(unit),
            as_of: view.as_of,
            ledger_seq: view.ledger_seq(),
            reported: total.reported.0,
            verified: total.verified.0,
            includes: ProgressIncludes::of(subject.indicator.measure),
            formula: FORMULA,
            data: vec![],
            next_cursor: None,
        };
        let behind = behind(view.ledger_seq(), &asked);
        Ok((
            explanation,
            behind,
            teams,
            by_team.into_keys().collect::<HashSet<_>>(),
            by_place.into_keys().collect::<HashSet<_>>(),
        ))
    })
    .await?;
    // One more than the page holds, to know whether another follows.
    let wanted = usize::try_from(page.limit).unwrap_or(50).saturating_add(1);
    let mut found: Vec<Contribution> = Vec::new();
    let left: Vec<Uuid> = match &after {
        Some((team, _)) => teams.range(*team..).copied().collect(),
        None => teams.into_iter().collect(),
    };
    for chunk in left.chunks(TEAMS) {
        let rows = contributions(app.store.read(), &behind, &chunk.iter().copied().collect()).await?;
        found.extend(rows.into_iter().filter(|row| {
            after.is_none_or(|after| (row.source.team_id, row.result_id) > after)
                && sources.contains(&row.source)
                && places.contains(&row.locality_id)
        }));
        if found.len() >= wanted {
            break;
        }
    }
    // A result that was moved may stand at two places: all of it goes on one page.
    if found.len() >= wanted {
        found.truncate(wanted);
        let beyond = found.pop().map(|row| row.result_id);
        while found.len() > 1 && found.last().map(|row| row.result_id) == beyond {
            found.pop();
        }
        let last = found.last();
        explanation.next_cursor = last.map(|row| {
            query.cursor_for(
                request.path(),
                &After { mark: Mark::Text(row.source.team_id.to_string()), id: row.result_id },
            )
        });
    }
    let ids: BTreeSet<Uuid> = found.iter().map(|row| row.source.team_id).collect();
    let names = team_names(app.store.read(), &ids.into_iter().collect::<Vec<_>>()).await?;
    explanation.data = found
        .into_iter()
        .map(|row| {
            let (team_code, team_name) = names.get(&row.source.team_id).cloned().unwrap_or_default();
            ProgressContribution {
                result_id: row.result_id,
                revision: row.revision,
                team_id: row.source.team_id,
                team_code,
                team_name,
                org_unit_id: row.source.org_unit_id,
                locality_id: row.locality_id,
                day: row.day,
                reported: row.count.reported.0,
                verified: row.count.verified.0,
                ledger_seq: row.ledger_seq,
            }
        })
        .collect();
    let mut response = reply::document(request, &explanation)?;
    if let Some(cursor) = &explanation.next_cursor {
        let link = format!("<{}>; rel=\"next\"", query.next_link(request.path(), cursor));
        if let Ok(link) = header::HeaderValue::from_str(&link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

fn starts_after(after: &After) -> ApiResult<(Uuid, Uuid)> {
    match &after.mark {
        Mark::Text(team) => Ok((team.parse().map_err(|_| ApiError::new(Code::BadCursor))?, after.id)),
        Mark::Instant(_) => Err(ApiError::new(Code::BadCursor)),
    }
}

const fn behind(ledger_seq: i64, asked: &Asked<'_>) -> Behind {
    Behind {
        indicator_id: asked.indicator_id,
        ledger_seq,
        from: asked.from,
        to: asked.to,
        topic: asked.topic,
        audience: asked.audience,
    }
}
