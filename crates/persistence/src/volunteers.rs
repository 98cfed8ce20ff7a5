//! Volunteers: rows, what the vault holds beside them, and how they are made unknown.

use crate::{
    StoreError, StoreResult, Tx,
    audit::{self, Change},
    entities::{campaign, chosen_id, idempotency_key, team, team_member as m, volunteer as t},
    localities::contains,
    org_units::advance,
    page::{Page, PageRequest, fetch},
    personal::{Values, Vault},
    rows::{At, json},
    scope,
};
use aws_lc_rs::rand;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, RelationDef, Select,
    sea_query::{Expr, ExprTrait, LikeExpr, SelectStatement},
};
use tinhnguyen_domain::{
    Stamp,
    access::Reaches,
    catalogue::Topic,
    org_units::UnitPath,
    personal::{Personal, PersonalField, email_key, phone_key},
    text::fold,
    volunteers::{Guardian, Occupation, Volunteer},
};
use uuid::Uuid;

/// Who is named in the audit log where nobody asked: the service itself.
pub const SYSTEM: Uuid = Uuid::nil();
/// The counter whose row is locked while the time of keeping is held, so that replicas take turns.
const RETENTION: &str = "volunteer_retention";

impl TryFrom<t::Model> for Volunteer {
    type Error = StoreError;

    fn try_from(row: t::Model) -> StoreResult<Self> {
        let at = |column| At("volunteer", column, row.id);
        Ok(Self {
            stamp: Stamp { id: row.id, created_at: row.created_at, updated_at: row.updated_at, version: row.version },
            sex: row.sex.as_deref().map(|sex| at("sex").word(sex)).transpose()?,
            occupation: at("occupation").word(&row.occupation)?,
            skills: at("skills").json(row.skills.clone())?,
            consent_purposes: at("consent_purposes").json(row.consent_purposes.clone())?,
            full_name: Personal::new(row.full_name),
            institution: row.institution,
            org_unit_id: row.org_unit_id,
            can_teach: row.can_teach,
            consent_given_at: row.consent_given_at,
            archived: row.archived,
            erased_at: row.erased_at,
            erasure_reason: row.erasure_reason,
        })
    }
}

fn row(volunteer: &Volunteer) -> t::ActiveModel {
    let name = volunteer.full_name.reveal();
    t::ActiveModel {
        id: Set(volunteer.stamp.id),
        created_at: Set(volunteer.stamp.created_at),
        updated_at: Set(volunteer.stamp.updated_at),
        version: Set(volunteer.stamp.version),
        full_name: Set(name.clone()),
        name_folded: Set(fold(name)),
        sex: Set(volunteer.sex.map(|sex| sex.as_str().to_owned())),
        occupation: Set(volunteer.occupation.as_str().to_owned()),
        institution: Set(volunteer.institution.clone()),
        org_unit_id: Set(volunteer.org_unit_id),
        skills: Set(json(&volunteer.skills)),
        can_teach: Set(volunteer.can_teach),
        consent_given_at: Set(volunteer.consent_given_at),
        consent_purposes: Set(json(&volunteer.consent_purposes)),
        archived: Set(volunteer.archived),
        erased_at: Set(volunteer.erased_at),
        erasure_reason: Set(volunteer.erasure_reason.clone()),
    }
}

/// What the vault holds of a volunteer.
#[derive(Clone, Default)]
pub struct Contacts {
    /// Phone number.
    pub phone: Option<Personal<String>>,
    /// Mail address.
    pub email: Option<Personal<String>>,
    /// Day of birth.
    pub birth_date: Option<Personal<NaiveDate>>,
    /// Who consented for a minor.
    pub guardian: Option<Personal<Guardian>>,
}

impl Contacts {
    /// What the vault's values say.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when one is not of its kind.
    pub fn of(id: Uuid, mut values: Values) -> StoreResult<Self> {
        let corrupt = |field: PersonalField| At("personal_data", field.as_str(), id).corrupt("not of its kind");
        let day = values.remove(&PersonalField::BirthDate).map(|text| {
            let day = text.reveal().parse().map_err(|_| corrupt(PersonalField::BirthDate))?;
            Ok::<_, StoreError>(Personal::new(day))
        });
        let guardian = values.remove(&PersonalField::Guardian).map(|text| {
            let read = serde_json::from_str(text.reveal()).map_err(|_| corrupt(PersonalField::Guardian))?;
            Ok::<_, StoreError>(Personal::new(read))
        });
        Ok(Self {
            phone: values.remove(&PersonalField::Phone),
            email: values.remove(&PersonalField::Email),
            birth_date: day.transpose()?,
            guardian: guardian.transpose()?,
        })
    }

    /// A guardian as the vault keeps it.
    #[must_use]
    pub fn guardian_text(guardian: &Personal<Guardian>) -> Personal<String> {
        Personal::new(json(guardian.reveal()).to_string())
    }
}

/// The birth date, and whether a guardian is named: for a decision that tells nobody what they are.
///
/// # Errors
/// [`StoreError::Sealed`], or when the database can't be asked.
pub async fn age_facts(conn: &impl ConnectionTrait, vault: &Vault, id: Uuid) -> StoreResult<(Option<NaiveDate>, bool)> {
    let values = vault.open(conn, &[id]).await?.remove(&id).unwrap_or_default();
    let contacts = Contacts::of(id, values)?;
    Ok((contacts.birth_date.map(Personal::into_revealed), contacts.guardian.is_some()))
}

/// Whether a text names somebody: their name, phone number or mail address, or their guardian's.
///
/// # Errors
/// [`StoreError::Sealed`], or when the database can't be asked.
pub async fn is_named_in(
    conn: &impl ConnectionTrait,
    vault: &Vault,
    volunteer: &Volunteer,
    text: &str,
) -> StoreResult<bool> {
    let id = volunteer.stamp.id;
    let contacts = Contacts::of(id, vault.open(conn, &[id]).await?.remove(&id).unwrap_or_default())?;
    let guardian = contacts.guardian.as_ref().map(Personal::reveal);
    let folded = fold(text);
    let names = [Some(volunteer.full_name.reveal()), guardian.map(|g| &g.full_name)];
    let mails = [contacts.email.as_ref().map(Personal::reveal)];
    let phones = [contacts.phone.as_ref().map(Personal::reveal), guardian.and_then(|g| g.phone.as_ref())];
    let digits = phone_key(text);
    Ok(names.into_iter().flatten().any(|name| folded.contains(&fold(name)))
        || mails.into_iter().flatten().any(|mail| folded.contains(&email_key(mail)))
        || phones.into_iter().flatten().any(|phone| {
            // Without its leading zero, so that it is found behind a country code too.
            let key = phone_key(phone);
            let key = key.trim_start_matches('0');
            !key.is_empty() && digits.contains(key)
        }))
}

/// Which volunteers are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// By id.
    pub id: Option<Uuid>,
    /// Of this unit itself.
    pub org_unit_id: Option<Uuid>,
    /// Of units at or below this path.
    pub within: Option<UnitPath>,
    /// Active in this team today.
    pub team_id: Option<Uuid>,
    /// Who do this beside.
    pub occupation: Option<Occupation>,
    /// Who can teach, or can't.
    pub can_teach: Option<bool>,
    /// Who know this topic.
    pub topic: Option<Topic>,
    /// Who are set aside, or are not.
    pub archived: Option<bool>,
    /// Whose name holds this text, whatever its accents and case.
    pub q: Option<String>,
    /// Changed at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
}

/// Finds a volunteer that is reached on a day.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    day: NaiveDate,
    id: Uuid,
) -> StoreResult<Option<Volunteer>> {
    let found = t::Entity::find_by_id(id).filter(scope::volunteers_reached(reaches, day)).one(conn).await?;
    found.map(Volunteer::try_from).transpose()
}

/// Finds a volunteer of a unit at or below a path.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn find_within(conn: &impl ConnectionTrait, path: &UnitPath, id: Uuid) -> StoreResult<Option<Volunteer>> {
    let here = t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_within(path)));
    t::Entity::find_by_id(id).filter(here).one(conn).await?.map(Volunteer::try_from).transpose()
}

/// Keeps a volunteer's row from others until the transaction ends, and gives it as it stands then.
///
/// # Errors
/// When the database can't be asked or the row is corrupt.
pub async fn lock(tx: &Tx, id: Uuid) -> StoreResult<Option<Volunteer>> {
    t::Entity::find_by_id(id).lock_exclusive().one(tx).await?.map(Volunteer::try_from).transpose()
}

/// Whose skills name a topic. They are stored as JSON, in which a topic's word stands nowhere else.
fn knows(topic: Topic) -> Condition {
    let word = topic.as_str().replace('_', "!_");
    let skills = Expr::col((t::Entity, t::Column::Skills)).cast_as("text");
    Condition::all().add(skills.like(LikeExpr::new(format!("%\"{word}\"%")).escape('!')))
}

/// Lists a page of the volunteers that are reached on a day.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn list(
    conn: &impl ConnectionTrait,
    reaches: &Reaches,
    day: NaiveDate,
    filter: &Filter,
    page: &PageRequest,
) -> StoreResult<Page<Volunteer>> {
    let mut query = t::Entity::find().filter(scope::volunteers_reached(reaches, day));
    if let Some(id) = filter.id {
        query = query.filter(t::Column::Id.eq(id));
    }
    if let Some(unit) = filter.org_unit_id {
        query = query.filter(t::Column::OrgUnitId.eq(unit));
    }
    if let Some(path) = &filter.within {
        query = query.filter(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_within(path))));
    }
    if let Some(team) = filter.team_id {
        query = query.filter(t::Column::Id.in_subquery(scope::members_of(team, day)));
    }
    if let Some(occupation) = filter.occupation {
        query = query.filter(t::Column::Occupation.eq(occupation.as_str()));
    }
    if let Some(can_teach) = filter.can_teach {
        query = query.filter(t::Column::CanTeach.eq(can_teach));
    }
    if let Some(topic) = filter.topic {
        query = query.filter(knows(topic));
    }
    if let Some(archived) = filter.archived {
        query = query.filter(t::Column::Archived.eq(archived));
    }
    if let Some(text) = &filter.q {
        query = query.filter(contains(t::Column::NameFolded, text));
    }
    if let Some(since) = filter.updated_since {
        query = query.filter(t::Column::UpdatedAt.gte(since));
    }
    fetch(conn, query, page, t::Column::CreatedAt, t::Column::Id).await
}

/// Who could join a team for a time: of its unit or one below, not set aside, in no other team meanwhile. Those who can
/// teach come first.
///
/// # Errors
/// When the database can't be asked or a row is corrupt.
pub async fn candidates(
    conn: &impl ConnectionTrait,
    unit: &UnitPath,
    (from, to): (NaiveDate, NaiveDate),
    topic: Option<Topic>,
    limit: u64,
) -> StoreResult<Vec<Volunteer>> {
    let engaged = m::Entity::find()
        .select_only()
        .column(m::Column::VolunteerId)
        .join(JoinType::InnerJoin, crate::members::on_team())
        .filter(crate::members::overlaps(from, to))
        .into_query();
    let mut query = t::Entity::find()
        .filter(t::Column::OrgUnitId.in_subquery(scope::unit_ids(scope::units_within(unit))))
        .filter(t::Column::Archived.eq(false))
        .filter(t::Column::ErasedAt.is_null())
        .filter(t::Column::Id.not_in_subquery(engaged));
    if let Some(topic) = topic {
        query = query.filter(knows(topic));
    }
    let rows = query
        .order_by_desc(t::Column::CanTeach)
        .order_by_asc(t::Column::CreatedAt)
        .order_by_asc(t::Column::Id)
        .limit(limit)
        .all(conn)
        .await?;
    rows.into_iter().map(Volunteer::try_from).collect()
}

/// Others that are reached and have the same phone number or mail address, at most 20.
///
/// # Errors
/// [`StoreError::Sealed`], or when the database can't be asked.
pub async fn duplicates(
    conn: &impl ConnectionTrait,
    vault: &Vault,
    reaches: &Reaches,
    day: NaiveDate,
    id: Uuid,
    contacts: &Contacts,
) -> StoreResult<Vec<Uuid>> {
    let mut alike = Vec::new();
    for (field, value) in [(PersonalField::Phone, &contacts.phone), (PersonalField::Email, &contacts.email)] {
        if let Some(value) = value {
            alike.extend(vault.owners_of(conn, field, value).await?);
        }
    }
    alike.retain(|other| *other != id);
    if alike.is_empty() {
        return Ok(vec![]);
    }
    let rows = t::Entity::find()
        .select_only()
        .column(t::Column::Id)
        .filter(t::Column::Id.is_in(alike))
        .filter(scope::volunteers_reached(reaches, day))
        .order_by_asc(t::Column::Id)
        .limit(20);
    Ok(rows.into_tuple().all(conn).await?)
}

/// Stores a new volunteer.
///
/// # Errors
/// [`StoreError::Conflict`] when its id is taken.
pub async fn insert(tx: &Tx, volunteer: &Volunteer) -> StoreResult<()> {
    t::Entity::insert(row(volunteer)).exec_without_returning(tx).await?;
    Ok(())
}

/// Stores a changed volunteer.
///
/// # Errors
/// [`StoreError::Stale`] when the stored row is at another version.
pub async fn update(tx: &Tx, volunteer: &Volunteer) -> StoreResult<()> {
    let changed = t::Entity::update_many()
        .set(row(volunteer))
        .filter(t::Column::Id.eq(volunteer.stamp.id))
        .filter(t::Column::Version.eq(volunteer.stamp.version - 1))
        .exec(tx)
        .await?;
    if changed.rows_affected == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// Makes a volunteer unknown for good, wherever they stand: the row, the vault, the stored answers and the hashes of the
/// requests that told of them. Their memberships end on `day`, and stay.
///
/// # Errors
/// [`StoreError::Stale`] when the row changed since it was read, or when the database refuses.
pub async fn erase(
    tx: &Tx,
    volunteer: Volunteer,
    at: DateTime<Utc>,
    day: NaiveDate,
    reason: &str,
) -> StoreResult<Volunteer> {
    let id = volunteer.stamp.id;
    let erased = volunteer.erased(at, reason.to_owned());
    update(tx, &erased).await?;
    Vault::forget(tx, id).await?;
    let open = || m::Entity::update_many().filter(m::Column::VolunteerId.eq(id));
    let bumped = || Expr::col(m::Column::Version).add(1);
    open()
        .col_expr(m::Column::LeftOn, Expr::value(day))
        .col_expr(m::Column::Version, bumped())
        .col_expr(m::Column::UpdatedAt, Expr::value(at))
        .filter(m::Column::JoinedOn.lte(day))
        .filter(Condition::any().add(m::Column::LeftOn.is_null()).add(m::Column::LeftOn.gt(day)))
        .exec(tx)
        .await?;
    // What had not begun yet never lasts longer than its first day.
    open()
        .col_expr(m::Column::LeftOn, Expr::col(m::Column::JoinedOn))
        .col_expr(m::Column::Version, bumped())
        .col_expr(m::Column::UpdatedAt, Expr::value(at))
        .filter(m::Column::JoinedOn.gt(day))
        .exec(tx)
        .await?;
    let own = format!("/v1/volunteers/{id}");
    idempotency_key::Entity::delete_many()
        // Not the request that is at work now: it has no status yet.
        .filter(idempotency_key::Column::Status.ne(0))
        .filter(
            Condition::any()
                .add(idempotency_key::Column::Location.eq(own.as_str()))
                .add(idempotency_key::Column::Path.starts_with(own.as_str())),
        )
        .exec(tx)
        .await?;
    let mut nothing = [0_u8; 32];
    rand::fill(&mut nothing).map_err(|_| StoreError::Sealed("the machine gives no randomness".to_owned()))?;
    chosen_id::Entity::update_many()
        .set(chosen_id::ActiveModel { body_hash: Set(nothing.to_vec()), ..Default::default() })
        .filter(chosen_id::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(erased)
}

/// Volunteers whose time is over: consent and registration are older than `days`, and so is the end of every campaign
/// in whose teams they were.
fn due(now: DateTime<Utc>, today: NaiveDate, days: u32) -> Select<t::Entity> {
    let back = Duration::days(i64::from(days));
    let (instant, day) = (now - back, today - back);
    let on_campaign: RelationDef =
        team::Entity::belongs_to(campaign::Entity).from(team::Column::CampaignId).to(campaign::Column::Id).into();
    let recent: SelectStatement = m::Entity::find()
        .select_only()
        .column(m::Column::VolunteerId)
        .join(JoinType::InnerJoin, crate::members::on_team())
        .join(JoinType::InnerJoin, on_campaign)
        .filter(campaign::Column::EndsOn.gte(day))
        .into_query();
    t::Entity::find()
        .filter(t::Column::ErasedAt.is_null())
        .filter(t::Column::ConsentGivenAt.lt(instant))
        .filter(t::Column::CreatedAt.lt(instant))
        .filter(t::Column::Id.not_in_subquery(recent))
}

/// How many volunteers' time is over.
///
/// # Errors
/// When the database can't be asked.
pub async fn count_due(
    conn: &impl ConnectionTrait,
    now: DateTime<Utc>,
    today: NaiveDate,
    days: u32,
) -> StoreResult<u64> {
    Ok(due(now, today, days).count(conn).await?)
}

/// Makes up to `limit` volunteers unknown whose time is over, as the service's own act; gives how many. Replicas take
/// turns.
///
/// # Errors
/// When the database refuses.
pub async fn expire(tx: &Tx, now: DateTime<Utc>, today: NaiveDate, days: u32, limit: u64) -> StoreResult<u64> {
    advance(tx, RETENTION, 0).await?;
    let rows = due(now, today, days).order_by_asc(t::Column::Id).limit(limit).lock_exclusive().all(tx).await?;
    let mut changes = Vec::new();
    for row in rows {
        let volunteer = Volunteer::try_from(row)?;
        let (id, unit) = (volunteer.stamp.id, volunteer.org_unit_id);
        erase(tx, volunteer, now, today, "retention").await?;
        changes.push(Change {
            at: now,
            actor_id: SYSTEM,
            action: "expire_volunteer",
            resource: "volunteer",
            resource_id: id,
            request_id: "retention",
            org_unit_id: Some(unit),
            address: None,
        });
    }
    audit::record_many(tx, &changes).await?;
    Ok(u64::try_from(changes.len()).unwrap_or(u64::MAX))
}
