//! Schemas of the domain's vocabularies: the domain doesn't know OpenAPI, so the contract names them here, and says of every
//! list of words whether it may grow.

use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// One schema each: its words, what they are and, where the first word is no good example, a better one. It must stand here:
/// what a field that refers to a schema states as an example is lost.
macro_rules! word_schemas {
    ($($schema:ident = $name:literal for $words:path: $doc:literal $(, $example:literal)?;)+) => {$(
        #[doc = $doc]
        pub struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(<$words>::WORDS.iter().copied()))
                    .description(Some($doc))
                    $(.examples([$example]))?
                    .build()
                    .into()
            }
        }

        impl ToSchema for $schema {
            fn name() -> std::borrow::Cow<'static, str> { std::borrow::Cow::Borrowed($name) }
        }
    )+};
}

use tinhnguyen_domain as d;
word_schemas! {
    TopicSchema = "Topic" for d::catalogue::Topic: "What a turn was about (nội dung); see `GET /v1/topics`.", "cyber_safety";
    AudienceSchema = "Audience" for d::catalogue::Audience: "Who was supported (đối tượng).";
    SexSchema = "Sex" for d::catalogue::Sex: "Sex as reported; `unspecified`: asked and not told. Absent: not asked.";
    AgeBandSchema = "AgeBand" for d::catalogue::AgeBand: "Age band in completed years. Absent: not asked.";
    ActivityKindSchema = "ActivityKind" for d::catalogue::ActivityKind: "Kind of activity (loại hoạt động).", "training_class";
    MeasureSchema = "Measure" for d::catalogue::Measure: "What is counted (chỉ số).";
    RoleSchema = "Role" for d::access::Role: "A role over a subtree of the organisation (vai trò).", "verifier";
    InvitationStatusSchema = "InvitationStatus" for d::access::InvitationStatus: "Where an invitation stands (trạng thái lời mời).";
    OrgUnitKindSchema = "OrgUnitKind" for d::org_units::OrgUnitKind: "Kind of unit (cấp bộ Đoàn).", "province";
    TreeKindSchema = "TreeKind" for d::reorganisation::TreeKind: "One of the two trees: the organisation, or places.";
    ChangeKindSchema = "ChangeKind" for d::reorganisation::ChangeKind: "What a reorganisation does (hình thức sắp xếp): merge (nhập), split (chia, tách), move (điều chuyển), rename (đổi tên), close (giải thể).";
    LocalityKindSchema = "LocalityKind" for d::localities::LocalityKind: "Administrative level (cấp hành chính).";
    DifficultySchema = "Difficulty" for d::localities::Difficulty: "Designated difficulty (địa bàn khó khăn).";
    LocalityCategorySchema = "LocalityCategory" for d::localities::LocalityCategory: "What else sets a locality apart.";
    CampaignStatusSchema = "CampaignStatus" for d::campaigns::CampaignStatus: "Where a campaign stands (trạng thái).", "open";
    StrandKindSchema = "StrandKind" for d::campaigns::StrandKind: "Programme or drive (chương trình, chiến dịch).";
    ModeSchema = "Mode" for d::campaigns::Mode: "How volunteering is organised (hình thức tình nguyện).";
    TeamKindSchema = "TeamKind" for d::teams::TeamKind: "Kind of team (loại đội hình).";
    TeamStatusSchema = "TeamStatus" for d::teams::TeamStatus: "Where a team stands (trạng thái đội).";
    OccupationSchema = "Occupation" for d::volunteers::Occupation: "What a volunteer does beside (nghề nghiệp).";
    SkillLevelSchema = "SkillLevel" for d::volunteers::SkillLevel: "How well a topic is known (mức độ kỹ năng).";
    MemberRoleSchema = "MemberRole" for d::volunteers::MemberRole: "A volunteer's part in a team (vai trò trong đội).";
    ActivityStatusSchema = "ActivityStatus" for d::activities::ActivityStatus: "Where an activity stands (trạng thái hoạt động).";
    ActivityModeSchema = "ActivityMode" for d::activities::ActivityMode: "In person or online (hình thức tổ chức).";
    ResultStatusSchema = "ResultStatus" for d::results::ResultStatus: "Where a result stands (trạng thái kết quả).";
    FlagSchema = "Flag" for d::results::Flag: "A mark for a human eye (cờ cảnh báo).";
    CandidateStatusSchema = "CandidateStatus" for d::duplicates::CandidateStatus: "Where a duplicate candidate stands (trạng thái nghi trùng).";
    DecisionSchema = "Decision" for d::duplicates::Decision: "What is decided on a duplicate candidate (kết luận). `distinct`: different, both count; `joint`: one event, each team counted its own part, both count; `duplicate`: the same, one is taken back.";
    EverySchema = "Every" for d::reporting::Every: "How often a reporting period begins (chu kỳ).";
    ExtensionStatusSchema = "ExtensionStatus" for d::reporting::ExtensionStatus: "Where an extension of a deadline stands (trạng thái gia hạn).";
    TeamReportingSchema = "TeamReporting" for d::reporting::TeamReporting: "How a team stands in a period in which it is expected (tình trạng báo cáo của đội).";
    UnitReportingSchema = "UnitReporting" for d::reporting::UnitReporting: "How a unit stands in a period, by the teams of its subtree (tình trạng báo cáo của đơn vị): `complete`: all expected teams have reported; `partial`: some; `missing`: none; `none_expected`: no team is expected.";
    OutlookSchema = "Outlook" for d::progress::Outlook: "What is to be expected of a target (triển vọng): `reached`; `on_course`: reached by the last day if the days left are like the last seven; `at_risk`: not so, but within what is likely; `out_of_reach`: beyond it, and after the last day, missed.";
    EventTypeSchema = "EventType" for d::webhooks::EventType: "What a webhook tells.", "result.changed";
    DeliveryStatusSchema = "DeliveryStatus" for d::webhooks::DeliveryStatus: "Where a webhook's delivery stands: `pending` is sent as soon as it is due, `delivered` was taken by a 2xx, `failed` was given up.", "delivered";
    DisabledReasonSchema = "DisabledReason" for d::webhooks::DisabledReason: "Why a webhook tells nothing: `switched_off` by hand, `failing` for three days, `gone` (410), `owner_gone`.";
    FileTypeSchema = "FileType" for d::evidence::FileType: "What an evidence file is (loại tệp).";
    EvidenceKindSchema = "EvidenceKind" for d::results::EvidenceKind: "What a piece of evidence is (minh chứng).";
}

/// A time zone of the IANA database.
pub struct TimeZoneSchema;

impl PartialSchema for TimeZoneSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(64))
            .description(Some("IANA time zone, such as `Asia/Ho_Chi_Minh`."))
            .examples(["Asia/Ho_Chi_Minh"])
            .build()
            .into()
    }
}
impl ToSchema for TimeZoneSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("TimeZone")
    }
}

/// What somebody consents to, in words.
pub struct PurposeSchema;

impl PartialSchema for PurposeSchema {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(200))
            .pattern(Some(r"\S"))
            .description(Some("A purpose that somebody consented to (mục đích), in the words that they were told."))
            .examples(["tham gia hoạt động tình nguyện"])
            .build()
            .into()
    }
}
impl ToSchema for PurposeSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Purpose")
    }
}

/// An OAuth scope of the contract.
pub struct ScopeSchema;

impl PartialSchema for ScopeSchema {
    fn schema() -> RefOr<Schema> {
        let scopes = d::access::Permission::ALL.iter().map(|permission| permission.scope());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(scopes))
            .description(Some("An OAuth scope."))
            .build()
            .into()
    }
}
impl ToSchema for ScopeSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Scope")
    }
}

/// Whether a list of words may grow within `/v1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// It doesn't: a client may know all values.
    Closed,
    /// It may: a client takes a value that it doesn't know for something else, and goes on.
    Open,
}

impl Extent {
    /// Of the schema with this name; of a list that stands in one query parameter alone, by the parameter's name. `None`: nobody
    /// has decided.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "ActivityKind" | "ActivityMode" | "ActivityStatus" | "AgeBand" | "Audience" | "CampaignStatus"
            | "CandidateStatus" | "ChangeKind" | "Decision" | "DeliveryStatus" | "Difficulty" | "ExtensionStatus"
            | "InvitationStatus" | "ItemStatus" | "LocalityKind" | "MemberRole" | "Mode" | "Occupation"
            | "OrgUnitKind" | "Outlook" | "ResultStatus" | "Role" | "Sex" | "Shown" | "SkillLevel" | "StrandKind"
            | "SyncStatus" | "TeamKind" | "TeamReporting" | "TeamStatus" | "Topic" | "TreeKind" | "UnitReporting" => {
                Self::Closed
            }
            "lang" | "theme" => Self::Closed,
            "DisabledReason" | "EventType" | "Every" | "EvidenceKind" | "FileType" | "Flag" | "LocalityCategory"
            | "Measure" | "Scope" => Self::Open,
            // Of `GET /v1/changes`, of `GET /v1/progress` and of lists: more may be followed, brought along, grouped and sorted by.
            "kind" | "include" | "group_by" | "sort" => Self::Open,
            // Names the one branch of a body that it stands in.
            tag if tag.ends_with("Tag") => Self::Closed,
            _ => return None,
        })
    }

    /// As the document's extension says it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Closed => "Closed list: no value is added within `/v1`.",
            Self::Open => "Open list: values may be added within `/v1`; tolerate those that you don't know.",
        }
    }
}

/// The document's extension that says whether a list of words may grow.
pub const EXTENT: &str = "x-enum-extent";

/// States of every list of words in the document whether it may grow: in words, and as an extension.
pub fn state_extents(document: &mut Map<String, Value>) {
    let mut known: Vec<(Value, Extent)> = Vec::new();
    let components = document.get_mut("components");
    let schemas = components.and_then(|c| c.get_mut("schemas")).and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        let Some(words) = schema.get("enum").cloned() else { continue };
        let Some(extent) = Extent::of(name) else { continue };
        state(schema, extent);
        known.push((words, extent));
    }
    let headers = document.get_mut("components").and_then(|c| c.get_mut("headers")).and_then(Value::as_object_mut);
    for schema in headers.into_iter().flatten().filter_map(|(_, header)| header.get_mut("schema")) {
        // A header that is there or isn't.
        if schema.get("enum").is_some() {
            state(schema, Extent::Closed);
        }
    }
    // Parameters hold a copy of the schema that they are of.
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flatten().filter_map(|(_, item)| item.as_object_mut()).flatten();
    let parameters = operations.filter_map(|(_, operation)| operation.get_mut("parameters")?.as_array_mut()).flatten();
    for parameter in parameters {
        let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(schema) = parameter.get_mut("schema") else { continue };
        let Some(words) = schema.get("enum") else { continue };
        let same = known.iter().find(|(its, _)| its == words).map(|(_, extent)| *extent);
        if let Some(extent) = same.or_else(|| Extent::of(&name)) {
            state(schema, extent);
        }
    }
}

fn state(schema: &mut Value, extent: Extent) {
    let Some(members) = schema.as_object_mut() else { return };
    let words = members.get("description").and_then(Value::as_str).unwrap_or_default().trim();
    let words = format!("{words} {}", extent.sentence()).trim().to_owned();
    members.insert("description".to_owned(), words.into());
    members.insert(EXTENT.to_owned(), extent.word().into());
}
