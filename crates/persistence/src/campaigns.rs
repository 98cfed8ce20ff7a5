//! Campaigns and indicators.

use crate::{
    StoreError, StoreResult, Tx,
    entities::{campaign as c, indicator as i},
    page::{Page, PageRequest, fetch},
    progress::subjects_changed,
    rows::{At, json},
    targets,
};
use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use std::collections::HashMap;
use tinhnguyen_domain::{
    Stamp,
    campaigns::{Campaign, CampaignStatus, Indicator},
    targets::Target,
};
use uuid::Uuid;

impl TryFrom<c::Model> for Campaign {
    type Error = StoreError;

    fn try_from(row: c::Model) -> StoreResult<Self> {
        let at = |column| At("campaign", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            time_zone: at("time_zone").word(&row.time_zone)?,
            status: at("status").word(&row.status)?,
            strands: at("strands").json(row.strands.clone())?,
            modes: at("modes").json(row.modes.clone())?,
            code: row.code,
            name: row.name,
            name_en: row.name_en,
            theme: row.theme,
            starts_on: row.starts_on,
            ends_on: row.ends_on,
        })
    }
}

fn campaign_row(campaign: &Campaign) -> c::ActiveModel {
    c::ActiveModel {
        id: Set(campaign.stamp.id),
        created_at: Set(campaign.stamp.created_at),
        updated_at: Set(campaign.stamp.updated_at),
        version: Set(campaign.stamp.version),
        code: Set(campaign.code.clone()),
        name: Set(campaign.name.clone()),
        name_en: Set(campaign.name_en.clone()),
        theme: Set(campaign.theme.clone()),
        starts_on: Set(campaign.starts_on),
        ends_on: Set(campaign.ends_on),
        time_zone: Set(campaign.time_zone.name().to_owned()),
        status: Set(campaign.status.as_str().to_owned()),
        strands: Set(json(&campaign.strands)),
        modes: Set(json(&campaign.modes)),
    }
}

impl TryFrom<i::Model> for Indicator {
    type Error = StoreError;

    fn try_from(row: i::Model) -> StoreResult<Self> {
        let at = |column| At("indicator", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            measure: at("measure").word(&row.measure)?,
            counted_topics: row.counted_topics.clone().map(|v| at("counted_topics").json(v)).transpose()?,
            campaign_id: row.campaign_id,
            number: row.number,
            name: row.name,
            name_en: row.name_en,
            unit: row.unit,
            target_value: row.target_value,
        })
    }
}

fn indicator_row(indicator: &Indicator) -> i::ActiveModel {
    i::ActiveModel {
        id: Set(indicator.stamp.id),
        created_at: Set(indicator.stamp.created_at),
        updated_at: Set(indicator.stamp.updated_at),
        version: Set(indicator.stamp.version),
        campaign_id: Set(indicator.campaign_id),
        number: Set(indicator.number),
        name: Set(indicator.name.clone()),
        name_en: Set(indicator.name_en.clone()),
        unit: Set(indicator.unit.clone()),
        measure: Set(indicator.measure.as_str().to_owned()),
        target_value: Set(indicator.target_value),
        counted_topics: Set(indicator.counted_topics.as_ref().map(json)),
    }
}

/// Which campaigns or indicators are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// By code (campaigns).
    pub code: Option<String>,
    /// In this state (campaigns).
    pub status: Option<CampaignStatus>,
    /// Of this campaign (indicators).
    pub campaign_id: Option<Uuid>,
    /// With this number (indicators).
    pub number: Option<i32>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a campaign.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Campaign>> {
    c::Entity::find_by_id(id).one(conn).await?.map(Campaign::try_from).transpose()
}

/// Every campaign, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn all(conn: &impl ConnectionTrait) -> StoreResult<Vec<Campaign>> {
    c::Entity::find().all(conn).await?.into_iter().map(Campaign::try_from).collect()
}

/// Lists a page of campaigns.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(conn: &impl ConnectionTrait, filter: &Filter, page: &PageRequest) -> StoreResult<Page<Campaign>> {
    let mut query = c::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(c::Column::Id.eq(id));
    }
    if let Some(code) = &filter.code {
        query = query.filter(c::Column::Code.eq(code.as_str()));
    }
    if let Some(status) = filter.status {
        query = query.filter(c::Column::Status.eq(status.as_str()));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(c::Column::UpdatedAt.gte(since));
    }
    let column = if page.sort == "code" { c::Column::Code } else { c::Column::CreatedAt };
    fetch(conn, query, page, column, c::Column::Id).await
}

/// Stores a new campaign.
///
/// # Errors
/// [`StoreError::Conflict`] when its id or code is taken.
pub async fn insert(tx: &Tx, campaign: &Campaign) -> StoreResult<()> {
    c::Entity::insert(campaign_row(campaign)).exec_without_returning(tx).await?;
    subjects_changed(tx).await
}

/// Stores a changed campaign.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, campaign: &Campaign) -> StoreResult<()> {
    let changed = c::Entity::update_many()
        .set(campaign_row(campaign))
        .filter(c::Column::Id.eq(campaign.stamp.id))
        .filter(c::Column::Version.eq(campaign.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { subjects_changed(tx).await } else { Err(StoreError::Stale) }
}

/// Finds many campaigns, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_many(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<Vec<Campaign>> {
    let rows = c::Entity::find().filter(c::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(Campaign::try_from).collect()
}

/// Finds many indicators, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn find_indicators(conn: &impl ConnectionTrait, ids: &[Uuid]) -> StoreResult<Vec<Indicator>> {
    let rows = i::Entity::find().filter(i::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(Indicator::try_from).collect()
}

/// Finds an indicator.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_indicator(conn: &impl ConnectionTrait, id: Uuid) -> StoreResult<Option<Indicator>> {
    i::Entity::find_by_id(id).one(conn).await?.map(Indicator::try_from).transpose()
}

/// Every indicator, in no order.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn all_indicators(conn: &impl ConnectionTrait) -> StoreResult<Vec<Indicator>> {
    i::Entity::find().all(conn).await?.into_iter().map(Indicator::try_from).collect()
}

/// All indicators of a campaign, the numbered ones first.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn indicators_of(conn: &impl ConnectionTrait, campaign_id: Uuid) -> StoreResult<Vec<Indicator>> {
    let rows = i::Entity::find()
        .filter(i::Column::CampaignId.eq(campaign_id))
        .order_by_asc(i::Column::CreatedAt)
        .order_by_asc(i::Column::Id)
        .all(conn)
        .await?;
    rows.into_iter().map(Indicator::try_from).collect()
}

/// Lists a page of indicators.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list_indicators(
    conn: &impl ConnectionTrait,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Indicator>> {
    let mut query = i::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(i::Column::Id.eq(id));
    }
    if let Some(campaign) = filter.campaign_id {
        query = query.filter(i::Column::CampaignId.eq(campaign));
    }
    if let Some(number) = filter.number {
        query = query.filter(i::Column::Number.eq(number));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(i::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, i::Column::CreatedAt, i::Column::Id).await
}

/// Stores a new indicator, and its target as the centre's first, which it gives.
///
/// # Errors
/// [`StoreError::Conflict`] when its id, or its number in the campaign, is taken.
pub async fn insert_indicator(tx: &Tx, indicator: &Indicator, made_by: Option<Uuid>) -> StoreResult<Option<Target>> {
    i::Entity::insert(indicator_row(indicator)).exec_without_returning(tx).await?;
    subjects_changed(tx).await?;
    targets::begin(tx, indicator, made_by).await
}

/// Stores a changed indicator.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update_indicator(tx: &Tx, indicator: &Indicator) -> StoreResult<()> {
    let changed = i::Entity::update_many()
        .set(indicator_row(indicator))
        .filter(i::Column::Id.eq(indicator.stamp.id))
        .filter(i::Column::Version.eq(indicator.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { subjects_changed(tx).await } else { Err(StoreError::Stale) }
}

/// Many campaigns, and all their indicators, the numbered ones first.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn with_indicators(
    conn: &impl ConnectionTrait,
    ids: &[Uuid],
) -> StoreResult<(HashMap<Uuid, Campaign>, Vec<Indicator>)> {
    let campaigns = c::Entity::find().filter(c::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    let indicators = i::Entity::find()
        .filter(i::Column::CampaignId.is_in(ids.iter().copied()))
        .order_by_asc(i::Column::CreatedAt)
        .order_by_asc(i::Column::Id)
        .all(conn)
        .await?;
    let campaigns = campaigns.into_iter().map(|row| Ok((row.id, Campaign::try_from(row)?)));
    Ok((
        campaigns.collect::<StoreResult<_>>()?,
        indicators.into_iter().map(Indicator::try_from).collect::<StoreResult<_>>()?,
    ))
}
