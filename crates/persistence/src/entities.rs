//! The tables as sea-orm sees them: raw columns, nothing decided. Domain values are made by the slices' `TryFrom`.
#![expect(missing_docs, reason = "the columns are named and explained by the migrations and the domain types")]

macro_rules! entity {
    ($module:ident, $table:literal, { $($(#[$meta:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($(#[$meta])* pub $field: $type),+ }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
    // A resource: the four columns that every one has come first.
    ($module:ident, $table:literal, resource { $($field:ident: $type:ty),+ $(,)? }) => {
        entity!($module, $table, {
            #[sea_orm(primary_key, auto_increment = false)]
            id: Uuid,
            created_at: DateTimeUtc,
            updated_at: DateTimeUtc,
            version: i64,
            $($field: $type),+
        });
    };
}

entity!(counter, "counter", {
    #[sea_orm(primary_key, auto_increment = false)]
    name: String,
    value: i64,
});

entity!(locality, "locality", resource {
    code: String,
    name: String,
    name_en: Option<String>,
    name_folded: String,
    kind: String,
    locality_type: String,
    parent_id: Option<Uuid>,
    difficulty: String,
    categories: Json,
    valid_from: Date,
    valid_to: Option<Date>,
    path: String,
});

entity!(locality_successor, "locality_successor", {
    #[sea_orm(primary_key, auto_increment = false)]
    predecessor_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    successor_id: Uuid,
    is_default: bool,
});

entity!(org_unit, "org_unit", resource {
    code: String,
    name: String,
    name_en: Option<String>,
    name_folded: String,
    kind: String,
    parent_id: Option<Uuid>,
    locality_id: Option<Uuid>,
    national_org_code: Option<String>,
    valid_from: Date,
    valid_to: Option<Date>,
    path: String,
});

entity!(locality_placement, "locality_placement", {
    #[sea_orm(primary_key, auto_increment = false)]
    unit_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    valid_from: Date,
    valid_to: Date,
    parent_id: Option<Uuid>,
    name: String,
    name_en: Option<String>,
});

entity!(org_unit_placement, "org_unit_placement", {
    #[sea_orm(primary_key, auto_increment = false)]
    unit_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    valid_from: Date,
    valid_to: Date,
    parent_id: Option<Uuid>,
    name: String,
    name_en: Option<String>,
});

entity!(org_unit_successor, "org_unit_successor", {
    #[sea_orm(primary_key, auto_increment = false)]
    predecessor_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    successor_id: Uuid,
    is_default: bool,
});

entity!(reorganisation, "reorganisation", resource {
    tree: String,
    effective_on: Date,
    reason: Option<String>,
    document: Option<String>,
    org_unit_id: Option<Uuid>,
    ended: i64,
    begun: i64,
    moved: i64,
    renamed: i64,
    touched: i64,
});

entity!(reorganisation_detail, "reorganisation_detail", {
    #[sea_orm(primary_key, auto_increment = false)]
    reorganisation_id: Uuid,
    changes: Json,
});

entity!(user_account, "user_account", resource {
    username: String,
    full_name: String,
    email: Option<String>,
    password_hash: Option<String>,
    disabled: bool,
    created_by: Option<Uuid>,
});

entity!(access_grant, "access_grant", resource {
    user_id: Uuid,
    role: String,
    org_unit_id: Uuid,
    team_id: Option<Uuid>,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
    granted_by: Uuid,
});

entity!(campaign, "campaign", resource {
    code: String,
    name: String,
    name_en: Option<String>,
    theme: Option<String>,
    starts_on: Date,
    ends_on: Date,
    time_zone: String,
    status: String,
    strands: Json,
    modes: Json,
});

entity!(indicator, "indicator", resource {
    campaign_id: Uuid,
    number: Option<i32>,
    name: String,
    name_en: Option<String>,
    unit: String,
    measure: String,
    target_value: i64,
    counted_topics: Option<Json>,
});

entity!(target_revision, "target_revision", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    target_id: Uuid,
    indicator_id: Uuid,
    org_unit_id: Uuid,
    created_at: DateTimeUtc,
    set_at: DateTimeUtc,
    version: i64,
    value: i64,
    reason: Option<String>,
    set_by: Option<Uuid>,
});

entity!(team, "team", resource {
    campaign_id: Uuid,
    org_unit_id: Uuid,
    kind: String,
    name: String,
    name_folded: String,
    code: String,
    strand: Option<String>,
    modes: Json,
    locality_ids: Json,
    starts_on: Date,
    ends_on: Date,
    status: String,
    digital_group_ids: Json,
    completed_on: Option<Date>,
});

entity!(activity, "activity", resource {
    campaign_id: Uuid,
    lead_team_id: Uuid,
    team_ids: Json,
    locality_id: Uuid,
    kind: String,
    topics: Json,
    title: String,
    mode: String,
    venue: Option<String>,
    lat: Option<f64>,
    lon: Option<f64>,
    starts_at: DateTimeUtc,
    ends_at: DateTimeUtc,
    planned_turns: Option<i64>,
    status: String,
    series_id: Option<Uuid>,
    venue_capacity: Option<i64>,
    digital_group_ids: Json,
});

entity!(activity_series, "activity_series", resource {
    campaign_id: Uuid,
    lead_team_id: Uuid,
    title: String,
    recurrence: String,
    exdates: Json,
    time_zone: String,
    occurrences: Json,
    cancelled_count: i32,
    cancel_reason: Option<String>,
});

entity!(
    digital_group,
    "digital_group",
    resource {
        locality_id: Uuid,
        org_unit_id: Uuid,
        name: String,
        name_folded: String,
        members_count: i32,
        capability: Json,
    }
);

entity!(evidence_blob, "evidence_blob", {
    #[sea_orm(primary_key, auto_increment = false)]
    sha256: String,
    object_key: String,
    size: i64,
    content_type: String,
    created_at: DateTimeUtc,
});

entity!(evidence_file, "evidence_file", resource { sha256: String, uploaded_by: Uuid });

entity!(result_evidence, "result_evidence", {
    #[sea_orm(primary_key, auto_increment = false)]
    result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    file_id: Uuid,
});

entity!(calendar_link, "calendar_link", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    team_id: Uuid,
    token_hash: Vec<u8>,
    created_at: DateTimeUtc,
    created_by: Uuid,
});

entity!(activity_team, "activity_team", {
    #[sea_orm(primary_key, auto_increment = false)]
    activity_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    team_id: Uuid,
});

entity!(result, "result", resource {
    activity_id: Uuid,
    team_id: Uuid,
    reported_on: Date,
    lines: Json,
    outputs: Json,
    evidence: Json,
    turns: i64,
    status: String,
    revision: i32,
    flags: Json,
    created_by: Uuid,
    submitted_by: Option<Uuid>,
    verified_by: Option<Uuid>,
    return_reason: Option<String>,
    from_tallies: bool,
    locality_id: Option<Uuid>,
    findings: Option<Json>,
    marked: Option<i64>,
    filed_at: Option<DateTimeUtc>,
});

entity!(duplicate_candidate, "duplicate_candidate", resource {
    campaign_id: Uuid,
    locality_id: Uuid,
    day: Date,
    topics: Json,
    first_id: Uuid,
    first_team_id: Uuid,
    first_turns: i64,
    second_id: Uuid,
    second_team_id: Uuid,
    second_turns: i64,
    status: String,
    reason: Option<String>,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTimeUtc>,
    duplicate_result_id: Option<Uuid>,
});

entity!(ledger, "ledger", {
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    at: DateTimeUtc,
    actor_id: Uuid,
    result_id: Uuid,
    revision: i32,
    team_id: Uuid,
    org_unit_id: Uuid,
    locality_id: Uuid,
    indicator_id: Uuid,
    day: Date,
    topic: String,
    audience: String,
    delta_reported: i64,
    delta_verified: i64,
});

entity!(rollup_cell, "rollup_cell", {
    #[sea_orm(primary_key, auto_increment = false)]
    indicator_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    org_unit_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    locality_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    day: Date,
    #[sea_orm(primary_key, auto_increment = false)]
    topic: String,
    #[sea_orm(primary_key, auto_increment = false)]
    audience: String,
    reported: i64,
    verified: i64,
});

entity!(cube_snapshot, "cube_snapshot", {
    #[sea_orm(primary_key, auto_increment = false)]
    seq: i64,
    format: i32,
    at: DateTimeUtc,
    cells: Vec<u8>,
});

entity!(idempotency_key, "idempotency_key", {
    #[sea_orm(primary_key, auto_increment = false)]
    principal_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    method: String,
    #[sea_orm(primary_key, auto_increment = false)]
    path: String,
    #[sea_orm(primary_key, auto_increment = false)]
    key: String,
    body_hash: Vec<u8>,
    status: i32,
    etag: Option<String>,
    location: Option<String>,
    body: String,
    created_at: DateTimeUtc,
});

entity!(tally, "tally", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    activity_id: Uuid,
    team_id: Uuid,
    occurred_at: DateTimeUtc,
    day: Date,
    topic: String,
    audience: String,
    sex: Option<String>,
    turns: i64,
    created_by: Uuid,
    received_at: DateTimeUtc,
    batch_id: Uuid,
    result_id: Option<Uuid>,
});

entity!(result_revision, "result_revision", {
    #[sea_orm(primary_key, auto_increment = false)]
    result_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    revision: i32,
    lines: Json,
    outputs: Json,
    evidence: Json,
    status: String,
    amend_reason: Option<String>,
    submitted_by: Uuid,
    submitted_at: DateTimeUtc,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTimeUtc>,
    return_reason: Option<String>,
});

entity!(audit_log, "audit_log", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    at: DateTimeUtc,
    actor_id: Uuid,
    action: String,
    resource: String,
    resource_id: Uuid,
    request_id: String,
    org_unit_id: Option<Uuid>,
    seal: Option<i64>,
    address: Option<String>,
    team_id: Option<Uuid>,
});

entity!(audit_seal, "audit_seal", {
    #[sea_orm(primary_key, auto_increment = false)]
    number: i64,
    at: DateTimeUtc,
    entries: i64,
    hash: Vec<u8>,
});

entity!(chosen_id, "chosen_id", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    body_hash: Vec<u8>,
});

entity!(session, "session", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    user_id: Uuid,
    created_at: DateTimeUtc,
    revoked_at: Option<DateTimeUtc>,
});

entity!(login_place, "login_place", {
    #[sea_orm(primary_key, auto_increment = false)]
    user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    address: String,
    seen_at: DateTimeUtc,
});

entity!(refresh_token, "refresh_token", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    session_id: Uuid,
    secret_hash: Vec<u8>,
    created_at: DateTimeUtc,
    expires_at: DateTimeUtc,
    used_at: Option<DateTimeUtc>,
});

entity!(client, "client", resource { name: String, scopes: Json, org_unit_id: Uuid, disabled: bool, created_by: Uuid });

entity!(client_secret, "client_secret", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    client_id: Uuid,
    secret_hash: Vec<u8>,
    created_at: DateTimeUtc,
});

entity!(mail_outbox, "mail_outbox", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    created_at: DateTimeUtc,
    kind: String,
    recipient: String,
    subject: String,
    body: Option<Vec<u8>>,
    status: String,
    attempts: i32,
    due_at: DateTimeUtc,
    leased_until: Option<DateTimeUtc>,
    expires_at: DateTimeUtc,
    last_error: Option<String>,
});

entity!(invitation, "invitation", resource {
    email: String,
    full_name: String,
    token_hash: Vec<u8>,
    status: String,
    expires_at: DateTimeUtc,
    invited_by: Uuid,
    user_id: Option<Uuid>,
});

entity!(invitation_grant, "invitation_grant", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    invitation_id: Uuid,
    position: i32,
    role: String,
    org_unit_id: Uuid,
    team_id: Option<Uuid>,
    valid_from: Option<Date>,
    valid_to: Option<Date>,
});

entity!(password_reset_request, "password_reset_request", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    identifier: String,
    request_id: String,
    created_at: DateTimeUtc,
});

entity!(password_reset, "password_reset", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    user_id: Uuid,
    token_hash: Vec<u8>,
    created_at: DateTimeUtc,
    expires_at: DateTimeUtc,
    used_at: Option<DateTimeUtc>,
});

entity!(totp, "totp", {
    #[sea_orm(primary_key, auto_increment = false)]
    user_id: Uuid,
    secret: Vec<u8>,
    created_at: DateTimeUtc,
    confirmed_at: Option<DateTimeUtc>,
    last_step: Option<i64>,
    failures: i32,
    locked_until: Option<DateTimeUtc>,
});

entity!(recovery_code, "recovery_code", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    user_id: Uuid,
    code_hash: Vec<u8>,
    created_at: DateTimeUtc,
    used_at: Option<DateTimeUtc>,
});

entity!(oidc_login, "oidc_login", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    state_hash: Vec<u8>,
    secret: Vec<u8>,
    code_challenge: String,
    app_state: Option<String>,
    created_at: DateTimeUtc,
    expires_at: DateTimeUtc,
});

entity!(oidc_code, "oidc_code", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    code_hash: Vec<u8>,
    user_id: Uuid,
    code_challenge: String,
    created_at: DateTimeUtc,
    expires_at: DateTimeUtc,
});

entity!(oidc_identity, "oidc_identity", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    issuer: String,
    subject: String,
    user_id: Uuid,
    created_at: DateTimeUtc,
});

entity!(volunteer, "volunteer", resource {
    full_name: String,
    name_folded: String,
    sex: Option<String>,
    occupation: String,
    institution: Option<String>,
    org_unit_id: Uuid,
    skills: Json,
    can_teach: bool,
    consent_given_at: DateTimeUtc,
    consent_purposes: Json,
    archived: bool,
    erased_at: Option<DateTimeUtc>,
    erasure_reason: Option<String>,
});

entity!(personal_key, "personal_key", {
    #[sea_orm(primary_key, auto_increment = false)]
    generation: i64,
    wrapped_by: String,
    wrapped: Vec<u8>,
    created_at: DateTimeUtc,
});

entity!(personal_data, "personal_data", {
    #[sea_orm(primary_key, auto_increment = false)]
    owner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    field: String,
    generation: i64,
    sealed: Vec<u8>,
    blind: Option<Vec<u8>>,
});

entity!(team_member, "team_member", resource {
    team_id: Uuid,
    volunteer_id: Uuid,
    role: String,
    joined_on: Date,
    left_on: Option<Date>,
});

entity!(
    reporting_period,
    "reporting_period",
    resource {
        campaign_id: Uuid,
        series: String,
        code: String,
        name: String,
        starts_on: Date,
        ends_on: Date,
        due_on: Date,
    }
);

entity!(reporting_extension, "reporting_extension", resource {
    period_id: Uuid,
    org_unit_id: Uuid,
    due_on: Date,
    reason: String,
    granted_by: Uuid,
    revoked_at: Option<DateTimeUtc>,
    revoked_by: Option<Uuid>,
    revoke_reason: Option<String>,
});

entity!(nil_report, "nil_report", resource { team_id: Uuid, period_id: Uuid, reason: String, created_by: Uuid });

entity!(reporting_notice, "reporting_notice", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    at: DateTimeUtc,
    kind: String,
    days: i32,
    period_id: Uuid,
    org_unit_id: Uuid,
    due_on: Date,
    expected: i64,
    missing: i64,
});

entity!(webhook, "webhook", resource {
    url: String,
    description: Option<String>,
    event_types: Json,
    org_unit_id: Uuid,
    owner_id: Uuid,
    disabled: Option<String>,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<DateTimeUtc>,
    followed_seal: i64,
    followed_id: Uuid,
    failing_since: Option<DateTimeUtc>,
});

entity!(webhook_delivery, "webhook_delivery", {
    #[sea_orm(primary_key, auto_increment = false)]
    id: Uuid,
    webhook_id: Uuid,
    event_type: String,
    entry_id: Uuid,
    body: String,
    created_at: DateTimeUtc,
    status: String,
    attempts: i32,
    due_at: DateTimeUtc,
    lease: Option<Uuid>,
    leased_until: Option<DateTimeUtc>,
    delivered_at: Option<DateTimeUtc>,
    last_status: Option<i32>,
    last_error: Option<String>,
});
