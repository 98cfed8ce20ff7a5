//! What requests on volunteers mean.

use super::dto::{
    CandidateQuery, ExportedMembership, ExportedReading, Guardian, May, NewConsent, NewVolunteer, PersonalDataExport,
    Skill, Volunteer, VolunteerPatch, VolunteerQuery,
};
use crate::{
    allowed::{Demand, MemberWrite, Scope, VolunteerPersonal, VolunteerRead, VolunteerWrite},
    app::today,
    fields::{Faults, repeated},
    page::ListQuery,
    problem::{ApiError, ApiResult, Code, Fault},
    reply::{Cx, Reply},
    slices::teams::ops as teams,
};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::HashMap;
use tinhnguyen_domain::{
    access::{Permission, Reaches},
    org_units::{OrgUnit, UnitPath},
    personal::{Personal, PersonalField},
    volunteers::{self as d, Occupation},
};
use tinhnguyen_persistence::{
    ConnectionTrait, Store, Tx, audit, members, org_units,
    page::{Page, PageRequest},
    personal::{self, Owner, Reading, Vault},
    volunteers::{self, Contacts, Filter},
};
use uuid::Uuid;

/// Nobody who volunteers was born before this year.
const EARLIEST: i32 = 1900;

/// What is kept in the vault from now on, by field.
type Kept = Vec<(PersonalField, Option<Personal<String>>)>;

/// Lists the volunteers that the caller reaches, masked, with the paths of their units.
///
/// # Errors
/// Problems of the query.
pub async fn list(
    conn: &impl ConnectionTrait,
    scope: &Scope<VolunteerRead>,
    query: &VolunteerQuery,
) -> ApiResult<(Page<d::Volunteer>, HashMap<Uuid, UnitPath>)> {
    let page = query.page_request()?;
    let within = match teams::within(conn, scope, query.within).await? {
        Ok(path) => path,
        Err(teams::Nowhere) => return Ok((teams::nothing(page.include_total), HashMap::new())),
    };
    let filter = Filter {
        id: query.id,
        org_unit_id: query.org_unit_id,
        within,
        team_id: query.team_id,
        occupation: query.occupation,
        can_teach: query.can_teach,
        topic: query.topic,
        archived: query.archived,
        q: query.q.clone(),
        updated_since: query.updated_since,
    };
    let found = volunteers::list(conn, &scope.reaches, scope.today(), &filter, &page).await?;
    let units: Vec<Uuid> = found.data.iter().map(|volunteer| volunteer.org_unit_id).collect();
    let paths = org_units::paths(conn, &units).await?;
    Ok((found, paths))
}

/// Shows volunteers to this caller without the personal fields.
pub fn view<P: Demand>(scope: &Scope<P>) -> impl Fn(d::Volunteer, Option<&UnitPath>) -> Volunteer {
    let writes = scope.reaches_of(Permission::VolunteerWrite);
    let personal = scope.reaches_of(Permission::VolunteerPersonal);
    move |volunteer, unit| {
        let over = |reaches: &Reaches| unit.is_some_and(|unit| reaches.covers_unit(unit));
        Volunteer::masked(volunteer, May { write: over(&writes), personal: over(&personal) })
    }
}

/// Finds a volunteer that the caller reads, or holds the operation's own permission over, and the unit that manages them.
///
/// # Errors
/// `not_found`.
pub async fn find<P: Demand>(
    conn: &impl ConnectionTrait,
    scope: &Scope<P>,
    id: Uuid,
) -> ApiResult<(d::Volunteer, OrgUnit)> {
    let read = scope.reaches_of(Permission::VolunteerRead);
    let mut found = volunteers::find(conn, &read, scope.today(), id).await?;
    if found.is_none() {
        found = volunteers::find(conn, &scope.reaches, scope.today(), id).await?;
    }
    let volunteer = found.ok_or_else(ApiError::not_found)?;
    let unit = org_units::find(conn, volunteer.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    Ok((volunteer, unit))
}

/// Reads the personal fields of one volunteer, which the audit log remembers, and who else has the same.
async fn disclosed<P: Demand>(
    tx: &Tx,
    vault: &Vault,
    scope: &Scope<P>,
    reading: &Reading<'_>,
    volunteer: &d::Volunteer,
) -> ApiResult<(Contacts, Vec<Uuid>)> {
    let id = volunteer.stamp.id;
    let owner = Owner { id, org_unit_id: volunteer.org_unit_id };
    let values = vault.read(tx, reading, &[owner]).await?.remove(&id).unwrap_or_default();
    let contacts = Contacts::of(id, values)?;
    let reaches = scope.reaches_of(Permission::VolunteerPersonal);
    let alike = volunteers::duplicates(tx, vault, &reaches, scope.today(), id, &contacts).await?;
    Ok((contacts, alike))
}

/// Shows one volunteer: with the personal fields to whoever manages them.
///
/// # Errors
/// `not_found`, and what keeps the audit log from being written.
pub async fn read(
    store: &Store,
    vault: &Vault,
    scope: &Scope<VolunteerRead>,
    reading: &Reading<'_>,
    id: Uuid,
) -> ApiResult<Volunteer> {
    let (volunteer, unit) = find(store.read(), scope, id).await?;
    let manages = scope.reaches_of(Permission::VolunteerPersonal).covers_unit(&unit.path);
    if !manages || volunteer.is_erased() {
        return Ok(view(scope)(volunteer, Some(&unit.path)));
    }
    store
        .write(async |tx| {
            // As they are now: they may have been erased or moved meanwhile.
            let (volunteer, unit) = find(tx, scope, id).await?;
            if !scope.reaches_of(Permission::VolunteerPersonal).covers_unit(&unit.path) {
                return Ok(view(scope)(volunteer, Some(&unit.path)));
            }
            let (contacts, alike) = disclosed(tx, vault, scope, reading, &volunteer).await?;
            Ok(view(scope)(volunteer, Some(&unit.path)).showing(contacts, Some(alike)))
        })
        .await
}

/// What a write is answered with: with the personal fields to whoever manages the volunteer, but not in what is stored of
/// the answer, and not of a rehearsal, which leaves no row in the audit log.
async fn answer<P: Demand>(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<P>,
    volunteer: d::Volunteer,
    unit: &UnitPath,
    created: bool,
) -> ApiResult<Reply> {
    let masked = view(scope)(volunteer.clone(), Some(unit));
    let of = |shown: &Volunteer| if created { Reply::created(shown) } else { Reply::ok(shown) };
    let manages = scope.reaches_of(Permission::VolunteerPersonal).covers_unit(unit);
    if !manages || volunteer.is_erased() || cx.is_rehearsal() {
        return of(&masked);
    }
    let (contacts, alike) = disclosed(tx, vault, scope, &cx.reading(), &volunteer).await?;
    of(&masked.clone().showing(contacts, Some(alike)))?.stored_as(&masked)
}

fn check_skills(faults: &mut Faults, skills: &[Skill]) {
    let topics: Vec<_> = skills.iter().map(|skill| skill.topic).collect();
    repeated(&topics).for_each(|at| faults.add(format!("/skills/{at}/topic"), Code::NotUnique));
}

fn check_birth_date(faults: &mut Faults, day: NaiveDate, today: NaiveDate) {
    use chrono::Datelike;
    if day > today {
        faults.push(Fault::at("/birth_date", Code::InTheFuture).limit(today.to_string()));
    } else if day.year() < EARLIEST {
        faults.push(Fault::at("/birth_date", Code::OutOfRange).limit(format!("{EARLIEST}-01-01")));
    }
}

fn check_consent(faults: &mut Faults, consent: &NewConsent, now: DateTime<Utc>) {
    if consent.given_at > now {
        faults.push(Fault::at("/consent/given_at", Code::InTheFuture).limit(now.to_rfc3339()));
    }
    repeated(&consent.purposes).for_each(|at| faults.add(format!("/consent/purposes/{at}"), Code::NotUnique));
}

/// A minor takes part when their guardian consents.
fn check_guardian(
    faults: &mut Faults,
    occupation: Occupation,
    birth_date: Option<NaiveDate>,
    given_at: DateTime<Utc>,
    has_guardian: bool,
) {
    if !has_guardian && d::needs_guardian(occupation, birth_date, today(given_at)) {
        faults.push(Fault::at("/consent/guardian", Code::GuardianConsentRequired).limit(d::FULL_AGE));
    }
}

fn day_text(day: &Personal<NaiveDate>) -> Personal<String> {
    Personal::new(day.reveal().to_string())
}

fn guardian_text(guardian: Personal<Guardian>) -> Personal<String> {
    let guardian =
        guardian.map(|g| d::Guardian { full_name: g.full_name, relationship: g.relationship, phone: g.phone });
    Contacts::guardian_text(&guardian)
}

fn skills_of(skills: &[Skill]) -> Vec<d::Skill> {
    skills.iter().map(|skill| d::Skill { topic: skill.topic, level: skill.level }).collect()
}

/// Registers a volunteer at a unit that the caller coordinates.
///
/// # Errors
/// The problems that the operation states.
pub async fn create(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<VolunteerWrite>,
    new: &NewVolunteer,
) -> ApiResult<Reply> {
    if cx.is_retry(tx, new.id).await? {
        let (volunteer, unit) = find(tx, scope, new.id.unwrap_or_default()).await?;
        return answer(tx, cx, vault, scope, volunteer, &unit.path, false).await;
    }
    let mut faults = Faults::default();
    let unit = org_units::find(tx, new.org_unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
    let unit = faults.found("/org_unit_id", unit);
    if let Some(unit) = &unit {
        scope.ensure_unit(&unit.path)?;
    }
    let birth_date = new.birth_date.as_ref().map(|day| *day.reveal());
    if let Some(day) = birth_date {
        check_birth_date(&mut faults, day, today(cx.now));
    }
    check_skills(&mut faults, &new.skills);
    check_consent(&mut faults, &new.consent, cx.now);
    let has_guardian = new.consent.guardian.is_some();
    check_guardian(&mut faults, new.occupation, birth_date, new.consent.given_at, has_guardian);
    faults.settle()?;
    let Some(unit) = unit else { return Err(ApiError::not_found()) };
    let volunteer = d::Volunteer {
        stamp: cx.new_stamp(new.id),
        full_name: new.full_name.clone(),
        sex: new.sex,
        occupation: new.occupation,
        institution: new.institution.clone(),
        org_unit_id: new.org_unit_id,
        skills: skills_of(&new.skills),
        can_teach: new.can_teach,
        consent_given_at: new.consent.given_at,
        consent_purposes: new.consent.purposes.clone(),
        archived: false,
        erased_at: None,
        erasure_reason: None,
    };
    volunteers::insert(tx, &volunteer).await?;
    let kept = [
        (PersonalField::Phone, new.phone.clone()),
        (PersonalField::Email, new.email.clone()),
        (PersonalField::BirthDate, new.birth_date.as_ref().map(day_text)),
        (PersonalField::Guardian, new.consent.guardian.clone().map(guardian_text)),
    ];
    vault.keep(tx, volunteer.stamp.id, &kept).await?;
    cx.record(tx, "volunteer", volunteer.stamp.id, Some(volunteer.org_unit_id)).await?;
    answer(tx, cx, vault, scope, volunteer, &unit.path, true).await
}

/// Finds a volunteer whose unit the caller coordinates, and keeps others from changing them meanwhile.
async fn take(tx: &Tx, scope: &Scope<VolunteerWrite>, id: Uuid) -> ApiResult<(d::Volunteer, OrgUnit)> {
    let (_, unit) = find(tx, scope, id).await?;
    scope.ensure_unit(&unit.path)?;
    let volunteer = volunteers::lock(tx, id).await?.ok_or_else(ApiError::not_found)?;
    let unit = org_units::find(tx, volunteer.org_unit_id).await?.ok_or_else(ApiError::not_found)?;
    scope.ensure_unit(&unit.path)?;
    Ok((volunteer, unit))
}

/// Changes a volunteer.
///
/// # Errors
/// The problems that the operation states.
pub async fn change(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<VolunteerWrite>,
    id: Uuid,
    patch: &VolunteerPatch,
) -> ApiResult<Reply> {
    let (mut volunteer, mut unit) = take(tx, scope, id).await?;
    cx.ensure_unchanged(&volunteer.stamp)?;
    if volunteer.is_erased() {
        return Err(ApiError::new(Code::VolunteerErased));
    }
    let mut faults = Faults::default();
    if let Some(unit_id) = patch.org_unit_id {
        let to = org_units::find(tx, unit_id).await?.filter(|unit| scope.sees.sees_unit(&unit.path));
        if let Some(to) = faults.found("/org_unit_id", to) {
            scope.ensure_unit(&to.path)?;
            volunteer.org_unit_id = unit_id;
            unit = to;
        }
    }
    let kept = changed(tx, cx, vault, &mut faults, &mut volunteer, patch).await?;
    faults.settle()?;
    volunteer.stamp = cx.next_stamp(volunteer.stamp);
    volunteers::update(tx, &volunteer).await?;
    vault.keep(tx, id, &kept).await?;
    cx.record(tx, "volunteer", id, Some(volunteer.org_unit_id)).await?;
    answer(tx, cx, vault, scope, volunteer, &unit.path, false).await
}

/// Takes the fields of a patch over, and gives what the vault has to keep.
async fn changed(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    faults: &mut Faults,
    volunteer: &mut d::Volunteer,
    patch: &VolunteerPatch,
) -> ApiResult<Kept> {
    let mut kept = Kept::new();
    if let Some(name) = &patch.full_name {
        volunteer.full_name = name.clone();
    }
    volunteer.sex = patch.sex.unwrap_or(volunteer.sex);
    volunteer.occupation = patch.occupation.unwrap_or(volunteer.occupation);
    if let Some(institution) = &patch.institution {
        volunteer.institution.clone_from(institution);
    }
    if let Some(skills) = &patch.skills {
        check_skills(faults, skills);
        volunteer.skills = skills_of(skills);
    }
    volunteer.can_teach = patch.can_teach.unwrap_or(volunteer.can_teach);
    volunteer.archived = patch.archived.unwrap_or(volunteer.archived);
    if let Some(phone) = &patch.phone {
        kept.push((PersonalField::Phone, phone.clone()));
    }
    if let Some(email) = &patch.email {
        kept.push((PersonalField::Email, email.clone()));
    }
    let age_matters = patch.birth_date.is_some() || patch.consent.is_some() || patch.occupation.is_some();
    if !age_matters {
        return Ok(kept);
    }
    let (mut birth_date, mut has_guardian) = volunteers::age_facts(tx, vault, volunteer.stamp.id).await?;
    if let Some(day) = &patch.birth_date {
        birth_date = day.as_ref().map(|day| *day.reveal());
        if let Some(day) = birth_date {
            check_birth_date(faults, day, today(cx.now));
        }
        kept.push((PersonalField::BirthDate, day.as_ref().map(day_text)));
    }
    if let Some(consent) = &patch.consent {
        check_consent(faults, consent, cx.now);
        volunteer.consent_given_at = consent.given_at;
        volunteer.consent_purposes.clone_from(&consent.purposes);
        has_guardian = consent.guardian.is_some();
        kept.push((PersonalField::Guardian, consent.guardian.clone().map(guardian_text)));
    }
    check_guardian(faults, volunteer.occupation, birth_date, volunteer.consent_given_at, has_guardian);
    Ok(kept)
}

/// Makes a volunteer unknown for good. Whoever asks again gets the same answer.
///
/// # Errors
/// The problems that the operation states.
pub async fn erase(
    tx: &Tx,
    cx: &Cx<'_>,
    vault: &Vault,
    scope: &Scope<VolunteerWrite>,
    id: Uuid,
    reason: &str,
) -> ApiResult<Reply> {
    let (volunteer, unit) = take(tx, scope, id).await?;
    if volunteer.is_erased() {
        return answer(tx, cx, vault, scope, volunteer, &unit.path, false).await;
    }
    cx.ensure_unchanged(&volunteer.stamp)?;
    if volunteers::is_named_in(tx, vault, &volunteer, reason).await? {
        return Err(ApiError::fault(Fault::at("/reason", Code::PersonalDataInText)));
    }
    let erased = volunteers::erase(tx, volunteer, cx.now, today(cx.now), reason).await?;
    cx.record(tx, "volunteer", id, Some(erased.org_unit_id)).await?;
    answer(tx, cx, vault, scope, erased, &unit.path, false).await
}

/// All that is kept of one volunteer; the audit log remembers it.
///
/// # Errors
/// `not_found`, and what keeps the audit log from being written.
pub async fn export(
    store: &Store,
    vault: &Vault,
    scope: &Scope<VolunteerPersonal>,
    reading: &Reading<'_>,
    id: Uuid,
) -> ApiResult<PersonalDataExport> {
    store
        .write(async |tx| {
            let (volunteer, unit) = find(tx, scope, id).await?;
            scope.ensure_unit(&unit.path)?;
            let (contacts, _) = disclosed(tx, vault, scope, reading, &volunteer).await?;
            let memberships = members::of_volunteer(tx, id).await?.into_iter().map(|member| ExportedMembership {
                team_id: member.team_id,
                role: member.role,
                joined_on: member.joined_on,
                left_on: member.left_on,
            });
            let filter = audit::Filter {
                resource_id: Some(id),
                resource: Some(personal::RESOURCE.to_owned()),
                ..audit::Filter::default()
            };
            let latest = PageRequest {
                sort: "created_at".to_owned(),
                descending: true,
                limit: 200,
                after: None,
                include_total: false,
            };
            let readings = audit::list_all(tx, &filter, &latest).await?;
            Ok(PersonalDataExport {
                exported_at: reading.at,
                memberships: memberships.collect(),
                readings: readings.data.into_iter().map(ExportedReading::of).collect(),
                // Who else has the same number is not this person's to know.
                volunteer: view(scope)(volunteer, Some(&unit.path)).showing(contacts, None),
            })
        })
        .await
}

/// Lists who could join a team, masked, with the paths of their units.
///
/// # Errors
/// `not_found`.
pub async fn candidates(
    conn: &impl ConnectionTrait,
    scope: &Scope<MemberWrite>,
    team_id: Uuid,
    query: &CandidateQuery,
) -> ApiResult<Vec<Volunteer>> {
    let (team, unit) = teams::find(conn, scope, team_id).await?;
    scope.ensure_team(&unit.path, team_id)?;
    let from = scope.today().max(team.starts_on);
    let limit = u64::from(query.limit.unwrap_or(50));
    let found = volunteers::candidates(conn, &unit.path, (from, team.ends_on.max(from)), query.topic, limit).await?;
    let units: Vec<Uuid> = found.iter().map(|volunteer| volunteer.org_unit_id).collect();
    let paths = org_units::paths(conn, &units).await?;
    let show = view(scope);
    Ok(found
        .into_iter()
        .map(|volunteer| {
            let path = paths.get(&volunteer.org_unit_id);
            show(volunteer, path)
        })
        .collect())
}
