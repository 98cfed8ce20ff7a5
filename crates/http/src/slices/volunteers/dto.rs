//! Volunteers as they are sent. Nothing here can be printed by accident: what holds personal data has no `Debug`.

use crate::{
    page::{list_query, page_schema},
    reply::Item,
    schema::{MemberRoleSchema, OccupationSchema, PurposeSchema, SexSchema, SkillLevelSchema, TopicSchema},
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    catalogue::{Sex, Topic},
    personal::Personal,
    volunteers::{self as d, MemberRole, Occupation, SkillLevel},
};
use tinhnguyen_persistence::{audit::Entry, volunteers::Contacts};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

/// A topic that a volunteer knows (kỹ năng).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Skill {
    /// The topic.
    #[schema(value_type = TopicSchema)]
    pub topic: Topic,
    /// How well it is known.
    #[schema(value_type = SkillLevelSchema)]
    pub level: SkillLevel,
}

/// Who consented for a minor (người giám hộ).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Guardian {
    /// Name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Trần Văn Bình")]
    pub full_name: String,
    /// What they are to the minor.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 50, example = "cha")]
    pub relationship: Option<String>,
    /// Phone number.
    #[serde(default)]
    #[schema(max_length = 21, pattern = r"^\+?[0-9(][0-9 .()-]{6,19}$", example = "0987 654 321")]
    pub phone: Option<String>,
}

/// What somebody consented to, and when (sự đồng ý).
#[derive(Clone, Serialize, ToSchema)]
pub struct Consent {
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// What for; empty after erasure.
    #[schema(max_items = 20, example = json!(["tham gia hoạt động tình nguyện"]))]
    pub purposes: Vec<String>,
    /// Who consented for a minor; null where there is none or it is masked.
    pub guardian: Option<Guardian>,
}

/// A volunteer (tình nguyện viên). Phone, mail address, birth date and guardian are shown to whoever manages them, one
/// volunteer at a time, and each showing is in the audit log; otherwise they are null and `masked` is true.
#[derive(Clone, Serialize, ToSchema)]
pub struct Volunteer {
    /// UUIDv7; a client may choose it on create.
    pub id: Uuid,
    /// Name; a pseudonym after erasure.
    #[schema(max_length = 200, example = "Nguyễn Thị Đào")]
    pub full_name: String,
    /// Day of birth.
    #[schema(example = json!(null))]
    pub birth_date: Option<NaiveDate>,
    /// Sex, when told.
    #[schema(value_type = Option<SexSchema>)]
    pub sex: Option<Sex>,
    /// What they do beside.
    #[schema(value_type = OccupationSchema)]
    pub occupation: Occupation,
    /// School, university, employer.
    #[schema(max_length = 200, example = "Đại học Bách khoa Hà Nội")]
    pub institution: Option<String>,
    /// Phone number.
    #[schema(max_length = 30, example = json!(null))]
    pub phone: Option<String>,
    /// Mail address.
    #[schema(max_length = 254, example = json!(null))]
    pub email: Option<String>,
    /// The unit that manages them.
    pub org_unit_id: Uuid,
    /// What they know.
    #[schema(max_items = 20)]
    pub skills: Vec<Skill>,
    /// Whether they can teach a class.
    pub can_teach: bool,
    /// What they consented to.
    pub consent: Consent,
    /// Whether they are set aside: kept, and no candidate for a team.
    pub archived: bool,
    /// When they were made unknown; null while they are known.
    pub erased_at: Option<DateTime<Utc>>,
    /// Why they were made unknown.
    #[schema(max_length = 500)]
    pub erasure_reason: Option<String>,
    /// Whether phone, mail address, birth date and guardian are kept back here, so that null doesn't say "none".
    #[schema(example = true)]
    pub masked: bool,
    /// Others within the caller's reach with the same phone number or mail address; null where it was not asked.
    #[schema(max_items = 20, example = json!(null))]
    pub duplicate_ids: Option<Vec<Uuid>>,
    /// Instant of creation.
    pub created_at: DateTime<Utc>,
    /// Instant of the last change.
    pub updated_at: DateTime<Utc>,
    /// Counts the changes from 1; in quotes it is the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i64,
    /// What this caller may do with it now.
    #[schema(max_items = 20, example = json!([]))]
    pub allowed_actions: Vec<&'static str>,
}

impl Item for Volunteer {
    fn location(&self) -> String {
        format!("/v1/volunteers/{}", self.id)
    }
    fn version(&self) -> i64 {
        self.version
    }
}

page_schema!(VolunteerPage of Volunteer);

/// What a caller may do with a volunteer.
#[derive(Debug, Clone, Copy, Default)]
pub struct May {
    /// Change them.
    pub write: bool,
    /// Read how to reach them.
    pub personal: bool,
}

impl Volunteer {
    /// What is sent of a volunteer to whoever may not read the personal fields, or has not asked for one alone.
    #[must_use]
    pub fn masked(volunteer: d::Volunteer, may: May) -> Self {
        let erased = volunteer.is_erased();
        let mut allowed_actions = Vec::new();
        if may.write && !erased {
            allowed_actions.extend(["edit", "withdraw", "erase"]);
        }
        if may.personal {
            allowed_actions.push("read_personal_data");
        }
        Self {
            id: volunteer.stamp.id,
            full_name: volunteer.full_name.into_revealed(),
            birth_date: None,
            sex: volunteer.sex,
            occupation: volunteer.occupation,
            institution: volunteer.institution,
            phone: None,
            email: None,
            org_unit_id: volunteer.org_unit_id,
            skills: volunteer.skills.iter().map(|s| Skill { topic: s.topic, level: s.level }).collect(),
            can_teach: volunteer.can_teach,
            consent: Consent {
                given_at: volunteer.consent_given_at,
                purposes: volunteer.consent_purposes,
                guardian: None,
            },
            archived: volunteer.archived,
            erased_at: volunteer.erased_at,
            erasure_reason: volunteer.erasure_reason,
            masked: !erased,
            duplicate_ids: None,
            created_at: volunteer.stamp.created_at,
            updated_at: volunteer.stamp.updated_at,
            version: volunteer.stamp.version,
            allowed_actions,
        }
    }

    /// The same with the personal fields, which were read with a row in the audit log.
    #[must_use]
    pub fn showing(self, contacts: Contacts, duplicates: Option<Vec<Uuid>>) -> Self {
        Self {
            phone: contacts.phone.map(Personal::into_revealed),
            email: contacts.email.map(Personal::into_revealed),
            birth_date: contacts.birth_date.map(Personal::into_revealed),
            consent: Consent {
                guardian: contacts.guardian.map(Personal::into_revealed).map(|guardian| Guardian {
                    full_name: guardian.full_name,
                    relationship: guardian.relationship,
                    phone: guardian.phone,
                }),
                ..self.consent
            },
            masked: false,
            duplicate_ids: duplicates,
            ..self
        }
    }
}

list_query!(
    /// Which volunteers are listed.
    VolunteerQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// Of this unit itself.
        org_unit_id: Uuid,
        /// Of this unit and all units below it.
        within: Uuid,
        /// In this team today.
        team_id: Uuid,
        /// Who do this beside.
        #[param(inline, value_type = Option<OccupationSchema>)]
        occupation: Occupation,
        /// Who can teach, or can't.
        can_teach: bool,
        /// Who know this topic.
        #[param(inline, value_type = Option<TopicSchema>)]
        topic: Topic,
        /// Who are set aside, or are not.
        archived: bool,
        /// Whose name holds this text, whatever its accents and case.
        #[param(min_length = 1, max_length = 100)]
        q: String,
    }
);

/// Which candidates are listed.
#[derive(Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct CandidateQuery {
    /// Who know this topic.
    #[param(inline, value_type = Option<TopicSchema>)]
    pub topic: Option<Topic>,
    /// How many at most, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// What somebody consents to.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// When it was given; not after now.
    #[schema(example = "2024-05-20T02:30:00Z")]
    pub given_at: DateTime<Utc>,
    /// What for, each in words that the person was told.
    #[schema(value_type = std::collections::BTreeSet<PurposeSchema>, min_items = 1, max_items = 20, example = json!(["tham gia hoạt động tình nguyện"]))]
    pub purposes: Vec<String>,
    /// Who consents for a minor: wanted of whoever was under 18 on that day, and of a pupil without a birth date.
    #[serde(default)]
    #[schema(value_type = Option<Guardian>, example = json!(null))]
    pub guardian: Option<Personal<Guardian>>,
}

/// A new volunteer.
#[derive(Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewVolunteer {
    /// Your id for them (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Name.
    #[schema(value_type = String, min_length = 1, max_length = 200, pattern = r"\S", example = "Nguyễn Thị Đào")]
    pub full_name: Personal<String>,
    /// Day of birth.
    #[serde(default)]
    #[schema(value_type = Option<NaiveDate>, example = "2003-04-05")]
    pub birth_date: Option<Personal<NaiveDate>>,
    /// Sex, when told.
    #[serde(default)]
    #[schema(value_type = Option<SexSchema>)]
    pub sex: Option<Sex>,
    /// What they do beside.
    #[schema(value_type = OccupationSchema, example = "student")]
    pub occupation: Occupation,
    /// School, university, employer.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Đại học Bách khoa Hà Nội")]
    pub institution: Option<String>,
    /// Phone number.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 21, pattern = r"^\+?[0-9(][0-9 .()-]{6,19}$", example = "0912 345 678")]
    pub phone: Option<Personal<String>>,
    /// Mail address.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 254, example = "dao@example.org")]
    pub email: Option<Personal<String>>,
    /// The unit that manages them.
    pub org_unit_id: Uuid,
    /// What they know, each topic once.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub skills: Vec<Skill>,
    /// Whether they can teach a class.
    #[serde(default)]
    pub can_teach: bool,
    /// What they consented to.
    pub consent: NewConsent,
}

/// What changes in a volunteer (JSON Merge Patch, RFC 7396).
#[derive(Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct VolunteerPatch {
    /// Name.
    #[serde(default)]
    #[schema(nullable = false, value_type = String, required = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Nguyễn Thị Đào")]
    pub full_name: Option<Personal<String>>,
    /// Day of birth.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<NaiveDate>)]
    pub birth_date: Option<Option<Personal<NaiveDate>>>,
    /// Sex, when told.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<SexSchema>)]
    pub sex: Option<Option<Sex>>,
    /// What they do beside.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<OccupationSchema>)]
    pub occupation: Option<Occupation>,
    /// School, university, employer.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"\S")]
    pub institution: Option<Option<String>>,
    /// Phone number.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, max_length = 21, pattern = r"^\+?[0-9(][0-9 .()-]{6,19}$")]
    pub phone: Option<Option<Personal<String>>>,
    /// Mail address.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, format = Email, max_length = 254)]
    pub email: Option<Option<Personal<String>>>,
    /// The unit that manages them from now on: one that the caller coordinates too.
    #[serde(default)]
    #[schema(nullable = false)]
    pub org_unit_id: Option<Uuid>,
    /// What they know, all of it, each topic once.
    #[serde(default)]
    #[schema(nullable = false, max_items = 20)]
    pub skills: Option<Vec<Skill>>,
    /// Whether they can teach a class.
    #[serde(default)]
    #[schema(nullable = false)]
    pub can_teach: Option<bool>,
    /// A new consent, all of it, with the guardian.
    #[serde(default)]
    #[schema(nullable = false)]
    pub consent: Option<NewConsent>,
    /// Whether they are set aside.
    #[serde(default)]
    #[schema(nullable = false, example = true)]
    pub archived: Option<bool>,
}

/// Why a volunteer is made unknown.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewErasure {
    /// The reason, without the person's name, phone number or mail address.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S", example = "Theo yêu cầu của chính người đó")]
    pub reason: String,
}

/// A membership in an export.
#[derive(Clone, Serialize, ToSchema)]
pub struct ExportedMembership {
    /// The team.
    pub team_id: Uuid,
    /// Their part.
    #[schema(value_type = MemberRoleSchema)]
    pub role: MemberRole,
    /// First day, inclusive.
    pub joined_on: NaiveDate,
    /// Last day, inclusive; null until they leave or the team's time is over.
    pub left_on: Option<NaiveDate>,
}

/// A reading of somebody's personal data.
#[derive(Clone, Serialize, ToSchema)]
pub struct ExportedReading {
    /// When.
    pub at: DateTime<Utc>,
    /// Who: a user or a client.
    pub actor_id: Uuid,
    /// By which operation.
    #[schema(max_length = 100, example = "get_volunteer")]
    pub action: String,
}

impl ExportedReading {
    /// What is exported of a row of the audit log.
    #[must_use]
    pub fn of(entry: Entry) -> Self {
        Self { at: entry.at, actor_id: entry.actor_id, action: entry.action }
    }
}

/// All that is kept of one person (bản sao dữ liệu cá nhân), to be handed to them.
#[derive(Clone, Serialize, ToSchema)]
pub struct PersonalDataExport {
    /// When it was made.
    pub exported_at: DateTime<Utc>,
    /// The volunteer, with every field.
    pub volunteer: Volunteer,
    /// The teams that they were in, at most 1,000.
    #[schema(max_items = 1000)]
    pub memberships: Vec<ExportedMembership>,
    /// Who has read their personal data, the latest 200 first; this export is one of them.
    #[schema(max_items = 200)]
    pub readings: Vec<ExportedReading>,
}

impl Item for PersonalDataExport {
    fn location(&self) -> String {
        format!("/v1/volunteers/{}/personal-data", self.volunteer.id)
    }
    fn version(&self) -> i64 {
        self.volunteer.version
    }
}
