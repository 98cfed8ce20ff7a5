//! What requests on campaigns and indicators mean. They belong to the whole country, so writing them wants the right
//! over the centre.

use super::dto::{
    Campaign, CampaignPatch, CampaignQuery, Indicator, IndicatorPatch, IndicatorQuery, NewCampaign, NewIndicator,
    Strand,
};
use crate::{
    allowed::{CampaignWrite, Demand, Scope, forbidden},
    fields::{Faults, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code},
    reply::{Cx, Reply},
    slices::targets::ops::follow_indicator,
};
use tinhnguyen_domain::{
    access::Permission,
    campaigns::{self as d, CampaignStatus},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Tx,
    campaigns::{self, Filter},
    page::Page,
    results,
    scope::covers_all,
    targets,
};
use uuid::Uuid;

fn ensure_centre(scope: &Scope<CampaignWrite>) -> ApiResult<()> {
    if covers_all(&scope.reaches) { Ok(()) } else { Err(forbidden(Permission::CampaignWrite)) }
}

fn may_write<P: Demand>(scope: &Scope<P>) -> bool {
    covers_all(&scope.reaches_of(Permission::CampaignWrite))
}

/// Shows campaigns to this caller.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(d::Campaign) -> Campaign {
    let writes = may_write(scope);
    move |campaign| Campaign::of(campaign, writes)
}

/// Shows indicators to this caller.
pub fn view_indicator<P: Demand>(scope: &Scope<P>) -> impl Fn(d::Indicator) -> Indicator {
    let writes = may_write(scope);
    move |indicator| Indicator::of(indicator, writes)
}

/// Lists campaigns.
///
/// # Errors
/// Problems of the query.
pub async fn list(conn: &impl ConnectionTrait, query: &CampaignQuery) -> ApiResult<Page<d::Campaign>> {
    let filter = Filter {
        id: query.id,
        code: query.code.clone(),
        status: query.status,
        updated_since: query.updated_since,
        ..Filter::default()
    };
    Ok(campaigns::list(conn, &filter, &query.page_request()?).await?)
}

/// Finds a campaign.
///
/// # Errors
/// `not_found`.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<d::Campaign> {
    campaigns::find(conn, id).await?.ok_or_else(ApiError::not_found)
}

fn strands_of(faults: &mut Faults, strands: &[Strand]) -> Vec<d::Strand> {
    let codes: Vec<_> = strands.iter().map(|s| s.code.as_str()).collect();
    repeated(&codes).for_each(|at| faults.add(format!("/strands/{at}/code"), Code::NotUnique));
    strands.iter().map(|s| d::Strand { code: s.code.clone(), kind: s.kind, name: s.name.clone() }).collect()
}

fn unique_modes(faults: &mut Faults, modes: &[d::Mode]) {
    repeated(modes).for_each(|at| faults.add(format!("/modes/{at}"), Code::NotUnique));
}

/// Makes a campaign.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(tx: &Tx, cx: &Cx<'_>, scope: &Scope<CampaignWrite>, new: &NewCampaign) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&view(scope)(find(tx, new.id.unwrap_or_default()).await?));
    }
    let mut faults = Faults::default();
    let strands = strands_of(&mut faults, &new.strands);
    unique_modes(&mut faults, &new.modes);
    faults.settle()?;
    let campaign = d::Campaign {
        stamp: cx.new_stamp(new.id),
        code: new.code.clone(),
        name: new.name.clone(),
        name_en: new.name_en.clone(),
        theme: new.theme.clone(),
        starts_on: new.starts_on,
        ends_on: new.ends_on,
        time_zone: new.time_zone.unwrap_or(chrono_tz::Asia::Ho_Chi_Minh),
        status: CampaignStatus::Draft,
        strands,
        modes: new.modes.clone(),
    };
    campaigns::insert(tx, &campaign).await?;
    cx.record(tx, "campaign", campaign.stamp.id, None).await?;
    Reply::created(&view(scope)(campaign))
}

/// Changes a campaign. Its days only move as long as nothing is counted outside them.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    id: Uuid,
    patch: &CampaignPatch,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    let mut campaign = find(tx, id).await?;
    cx.ensure_unchanged(&campaign.stamp)?;
    let mut faults = Faults::default();
    campaign.starts_on = patch.starts_on.unwrap_or(campaign.starts_on);
    campaign.ends_on = patch.ends_on.unwrap_or(campaign.ends_on);
    if campaign.ends_on < campaign.starts_on {
        faults.add("/ends_on", Code::DatesInverted);
    }
    if let Some(name) = &patch.name {
        campaign.name.clone_from(name);
    }
    if let Some(name_en) = &patch.name_en {
        campaign.name_en.clone_from(name_en);
    }
    if let Some(theme) = &patch.theme {
        campaign.theme.clone_from(theme);
    }
    if let Some(strands) = &patch.strands {
        campaign.strands = strands_of(&mut faults, strands);
    }
    if let Some(modes) = &patch.modes {
        unique_modes(&mut faults, modes);
        campaign.modes.clone_from(modes);
    }
    faults.settle()?;
    if let Some((first, last)) = results::counted_days(tx, id).await?
        && (first < campaign.starts_on || last > campaign.ends_on)
    {
        return Err(ApiError::new(Code::WrongState).detail(
            format!("Đã có kết quả được tính cho các ngày từ {first} đến {last}."),
            format!("Results are counted for days from {first} to {last}."),
        ));
    }
    campaign.stamp = cx.next_stamp(campaign.stamp);
    campaigns::update(tx, &campaign).await?;
    cx.record(tx, "campaign", id, None).await?;
    Reply::ok(&view(scope)(campaign))
}

/// Opens or closes a campaign.
///
/// # Errors
/// The problems that the operation states.
pub async fn set_status(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    id: Uuid,
    status: CampaignStatus,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    let mut campaign = find(tx, id).await?;
    cx.ensure_unchanged(&campaign.stamp)?;
    let allowed = match status {
        CampaignStatus::Open => campaign.status != CampaignStatus::Open,
        CampaignStatus::Closed => campaign.status == CampaignStatus::Open,
        CampaignStatus::Draft => false,
    };
    if !allowed {
        return Err(ApiError::new(Code::WrongState).with("state", campaign.status.as_str()));
    }
    campaign.status = status;
    campaign.stamp = cx.next_stamp(campaign.stamp);
    campaigns::update(tx, &campaign).await?;
    cx.record(tx, "campaign", id, None).await?;
    Reply::ok(&view(scope)(campaign))
}

/// Lists indicators.
///
/// # Errors
/// Problems of the query.
pub async fn list_indicators(conn: &impl ConnectionTrait, query: &IndicatorQuery) -> ApiResult<Page<d::Indicator>> {
    let filter = Filter {
        id: query.id,
        campaign_id: query.campaign_id,
        number: query.number,
        updated_since: query.updated_since,
        ..Filter::default()
    };
    Ok(campaigns::list_indicators(conn, &filter, &query.page_request()?).await?)
}

/// Finds an indicator.
///
/// # Errors
/// `not_found`.
pub async fn find_indicator(conn: &impl ConnectionTrait, id: Uuid) -> ApiResult<d::Indicator> {
    campaigns::find_indicator(conn, id).await?.ok_or_else(ApiError::not_found)
}

/// Makes an indicator. Once results of the campaign are counted no indicator joins it: the ledger has no entries of
/// it, and its figure would be wrong.
///
/// # Errors
/// The problems that the operation states.
pub async fn create_indicator(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    new: &NewIndicator,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    if cx.is_retry(tx, new.id).await? {
        return Reply::ok(&view_indicator(scope)(find_indicator(tx, new.id.unwrap_or_default()).await?));
    }
    let mut faults = Faults::default();
    faults.found("/campaign_id", campaigns::find(tx, new.campaign_id).await?);
    if let Some(topics) = &new.counted_topics {
        repeated(topics).for_each(|at| faults.add(format!("/counted_topics/{at}"), Code::NotUnique));
    }
    faults.settle()?;
    if results::counted_days(tx, new.campaign_id).await?.is_some() {
        return Err(ApiError::new(Code::WrongState).detail(
            "Chiến dịch đã có kết quả được tính; không thêm được chỉ tiêu mới.",
            "Results of the campaign are counted already; no indicator can join it.",
        ));
    }
    let indicator = d::Indicator {
        stamp: cx.new_stamp(new.id),
        campaign_id: new.campaign_id,
        number: new.number,
        name: new.name.clone(),
        name_en: new.name_en.clone(),
        unit: new.unit.clone(),
        measure: new.measure,
        target_value: new.target_value,
        counted_topics: new.counted_topics.clone(),
    };
    let target = campaigns::insert_indicator(tx, &indicator, Some(cx.actor_id)).await?;
    cx.record(tx, "indicator", indicator.stamp.id, None).await?;
    if let Some(target) = target {
        cx.record(tx, "target", target.stamp.id, Some(target.org_unit_id)).await?;
    }
    Reply::created(&view_indicator(scope)(indicator))
}

/// Changes an indicator's words or target; the centre's target goes with it.
///
/// # Errors
/// The problems that the operation states.
pub async fn change_indicator(
    tx: &Tx,
    cx: &Cx<'_>,
    scope: &Scope<CampaignWrite>,
    id: Uuid,
    patch: &IndicatorPatch,
) -> ApiResult<Reply> {
    ensure_centre(scope)?;
    if patch.target_value.is_some() {
        targets::hold(tx).await?;
    }
    let mut indicator = find_indicator(tx, id).await?;
    cx.ensure_unchanged(&indicator.stamp)?;
    if let Some(name) = &patch.name {
        indicator.name.clone_from(name);
    }
    if let Some(name_en) = &patch.name_en {
        indicator.name_en.clone_from(name_en);
    }
    if let Some(unit) = &patch.unit {
        indicator.unit.clone_from(unit);
    }
    indicator.target_value = patch.target_value.unwrap_or(indicator.target_value);
    indicator.stamp = cx.next_stamp(indicator.stamp);
    campaigns::update_indicator(tx, &indicator).await?;
    cx.record(tx, "indicator", id, None).await?;
    if patch.target_value.is_some() {
        follow_indicator(tx, cx, &indicator, patch.reason.clone()).await?;
    }
    Reply::ok(&view_indicator(scope)(indicator))
}
