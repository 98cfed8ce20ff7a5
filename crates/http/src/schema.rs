//! Schemas of the domain's closed vocabularies: the domain doesn't know OpenAPI, so the contract names them here.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! word_schemas {
    ($($schema:ident = $name:literal for $words:path: $doc:literal;)+) => {$(
        #[doc = $doc]
        pub struct $schema;

        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some(<$words>::WORDS.iter().copied()))
                    .description(Some($doc))
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
    TopicSchema = "Topic" for d::catalogue::Topic: "What a turn was about (nội dung). Closed list; see `GET /v1/topics`.";
    AudienceSchema = "Audience" for d::catalogue::Audience: "Who was supported (đối tượng). Closed list.";
    SexSchema = "Sex" for d::catalogue::Sex: "Sex as reported; `unspecified`: asked and not told. Absent: not asked.";
    AgeBandSchema = "AgeBand" for d::catalogue::AgeBand: "Age band in completed years. Absent: not asked.";
    ActivityKindSchema = "ActivityKind" for d::catalogue::ActivityKind: "Kind of activity (loại hoạt động). Closed list.";
    MeasureSchema = "Measure" for d::catalogue::Measure: "What is counted (chỉ số). Open list: more may be added.";
    RoleSchema = "Role" for d::access::Role: "A role over a subtree of the organisation (vai trò). Closed list.";
    InvitationStatusSchema = "InvitationStatus" for d::access::InvitationStatus: "Where an invitation stands (trạng thái lời mời). Closed list.";
    OrgUnitKindSchema = "OrgUnitKind" for d::org_units::OrgUnitKind: "Kind of unit (cấp bộ Đoàn). Closed list.";
    TreeKindSchema = "TreeKind" for d::reorganisation::TreeKind: "One of the two trees: the organisation, or places. Closed list.";
    ChangeKindSchema = "ChangeKind" for d::reorganisation::ChangeKind: "What a reorganisation does (hình thức sắp xếp): merge (nhập), split (chia, tách), move (điều chuyển), rename (đổi tên), close (giải thể). Closed list.";
    LocalityKindSchema = "LocalityKind" for d::localities::LocalityKind: "Administrative level (cấp hành chính). Closed list.";
    DifficultySchema = "Difficulty" for d::localities::Difficulty: "Designated difficulty (địa bàn khó khăn). Closed list.";
    LocalityCategorySchema = "LocalityCategory" for d::localities::LocalityCategory: "What else sets a locality apart. Open list.";
    CampaignStatusSchema = "CampaignStatus" for d::campaigns::CampaignStatus: "Where a campaign stands (trạng thái). Closed list.";
    StrandKindSchema = "StrandKind" for d::campaigns::StrandKind: "Programme or drive (chương trình, chiến dịch). Closed list.";
    ModeSchema = "Mode" for d::campaigns::Mode: "How volunteering is organised (hình thức tình nguyện). Closed list.";
    TeamKindSchema = "TeamKind" for d::teams::TeamKind: "Kind of team (loại đội hình). Closed list.";
    TeamStatusSchema = "TeamStatus" for d::teams::TeamStatus: "Where a team stands (trạng thái đội). Closed list.";
    OccupationSchema = "Occupation" for d::volunteers::Occupation: "What a volunteer does beside (nghề nghiệp). Closed list.";
    SkillLevelSchema = "SkillLevel" for d::volunteers::SkillLevel: "How well a topic is known (mức độ kỹ năng). Closed list.";
    MemberRoleSchema = "MemberRole" for d::volunteers::MemberRole: "A volunteer's part in a team (vai trò trong đội). Closed list.";
    ActivityStatusSchema = "ActivityStatus" for d::activities::ActivityStatus: "Where an activity stands (trạng thái hoạt động). Closed list.";
    ActivityModeSchema = "ActivityMode" for d::activities::ActivityMode: "In person or online (hình thức tổ chức). Closed list.";
    ResultStatusSchema = "ResultStatus" for d::results::ResultStatus: "Where a result stands (trạng thái kết quả). Closed list.";
    FlagSchema = "Flag" for d::results::Flag: "A mark for a human eye (cờ cảnh báo). Open list: more may be added.";
    CandidateStatusSchema = "CandidateStatus" for d::duplicates::CandidateStatus: "Where a duplicate candidate stands (trạng thái nghi trùng). Closed list.";
    DecisionSchema = "Decision" for d::duplicates::Decision: "What is decided on a duplicate candidate (kết luận). `distinct`: different, both count; `joint`: one event, each team counted its own part, both count; `duplicate`: the same, one is taken back. Closed list.";
    EverySchema = "Every" for d::reporting::Every: "How often a reporting period begins (chu kỳ). Open list: more may be added.";
    ExtensionStatusSchema = "ExtensionStatus" for d::reporting::ExtensionStatus: "Where an extension of a deadline stands (trạng thái gia hạn). Closed list.";
    TeamReportingSchema = "TeamReporting" for d::reporting::TeamReporting: "How a team stands in a period in which it is expected (tình trạng báo cáo của đội). Closed list.";
    UnitReportingSchema = "UnitReporting" for d::reporting::UnitReporting: "How a unit stands in a period, by the teams of its subtree (tình trạng báo cáo của đơn vị): `complete`: all expected teams have reported; `partial`: some; `missing`: none; `none_expected`: no team is expected. Closed list.";
    OutlookSchema = "Outlook" for d::progress::Outlook: "What is to be expected of a target (triển vọng): `reached`; `on_course`: reached by the last day if the days left are like the last seven; `at_risk`: not so, but within what is likely; `out_of_reach`: beyond it, and after the last day, missed. Closed list.";
    EventTypeSchema = "EventType" for d::webhooks::EventType: "What a webhook tells. Open list: more may be added.";
    DeliveryStatusSchema = "DeliveryStatus" for d::webhooks::DeliveryStatus: "Where a webhook's delivery stands: `pending` is sent as soon as it is due, `delivered` was taken by a 2xx, `failed` was given up. Closed list.";
    DisabledReasonSchema = "DisabledReason" for d::webhooks::DisabledReason: "Why a webhook tells nothing: `switched_off` by hand, `failing` for three days, `gone` (410), `owner_gone`. Open list: more may be added.";
    FileTypeSchema = "FileType" for d::evidence::FileType: "What an evidence file is (loại tệp). Open list: more may be added.";
    EvidenceKindSchema = "EvidenceKind" for d::results::EvidenceKind: "What a piece of evidence is (minh chứng). Open list.";
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
            .description(Some("An OAuth scope. Open list: more may be added."))
            .build()
            .into()
    }
}
impl ToSchema for ScopeSchema {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("Scope")
    }
}
