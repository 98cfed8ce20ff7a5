//! Units of the organisation as they are sent.

use crate::{
    page::{list_query, page_schema},
    problem::Code,
    request::broken,
    schema::OrgUnitKindSchema,
    slices::item,
};
use chrono::NaiveDate;
use serde::Deserialize;
use tinhnguyen_domain::org_units::{self as d, OrgUnitKind};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

item! {
    /// A unit of the organisation (tổ chức Đoàn).
    OrgUnit at "/v1/org-units" {
        /// Stable code, unique.
        #[schema(max_length = 40, example = "TD-01")]
        code: String,
        /// Vietnamese name.
        #[schema(max_length = 200, example = "Thành Đoàn Hà Nội")]
        name: String,
        /// English name.
        #[schema(max_length = 200)]
        name_en: Option<String>,
        /// What it is.
        #[schema(value_type = OrgUnitKindSchema, example = "province")]
        kind: OrgUnitKind,
        /// The unit above; only the centre has none. Of one that another took the place of: its default successor.
        parent_id: Option<Uuid>,
        /// The locality that it covers, where it covers one.
        locality_id: Option<Uuid>,
        /// The organisation's national identification code (mã định danh).
        #[schema(max_length = 40)]
        national_org_code: Option<String>,
        /// First day of existence.
        #[schema(example = "2024-01-01")]
        valid_from: NaiveDate,
        /// Last day of existence, inclusive; null while it stands.
        valid_to: Option<NaiveDate>,
        /// Its place in the tree: the numbers of its ancestors and its own.
        #[schema(max_length = 400, example = "/1/2/")]
        path: String,
        /// Steps from the centre, which is at 0.
        #[schema(minimum = 0, maximum = 20, example = 1)]
        depth: usize,
    }
}

page_schema!(OrgUnitPage of OrgUnit);

impl OrgUnit {
    /// What is sent of a unit.
    #[must_use]
    pub fn of(unit: d::OrgUnit, may_write: bool, today: NaiveDate) -> Self {
        let has_ended = unit.valid_to.is_some_and(|end| end < today);
        let actions: &[_] = match (may_write, has_ended) {
            (false, _) => &[],
            (true, true) => &["edit"],
            (true, false) => &["edit", "add_child"],
        };
        Self {
            id: unit.stamp.id,
            code: unit.code,
            name: unit.name,
            name_en: unit.name_en,
            kind: unit.kind,
            parent_id: unit.parent_id,
            locality_id: unit.locality_id,
            national_org_code: unit.national_org_code,
            valid_from: unit.valid_from,
            valid_to: unit.valid_to,
            path: unit.path.to_string(),
            depth: unit.path.depth(),
            created_at: unit.stamp.created_at,
            updated_at: unit.stamp.updated_at,
            version: unit.stamp.version,
            allowed_actions: actions.to_vec(),
        }
    }
}

list_query!(
    /// Which units are listed.
    OrgUnitQuery, sorts: ["code", "-code", "created_at", "-created_at"], {
        /// By id.
        id: Uuid,
        /// By code.
        #[param(max_length = 40)]
        code: String,
        /// Directly below this unit, on the day of `as_of` when it is given.
        parent_id: Uuid,
        /// Of this kind.
        #[param(inline, value_type = Option<OrgUnitKindSchema>)]
        kind: OrgUnitKind,
        /// This unit and all below it, as the tree stands now; with those whose place was taken by one of them.
        within: Uuid,
        /// Covering this locality.
        locality_id: Uuid,
        /// Existing on this day; all when absent.
        as_of: NaiveDate,
        /// Whose name holds this text, whatever its accents and case: `da nang` finds `Đà Nẵng`.
        #[param(min_length = 1, max_length = 100)]
        q: String,
    }
);

/// A new unit.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[validate(schema(function = "dates"))]
#[schema(example = json!({
    "code": "XD-00001", "name": "Đoàn phường Phúc Xá", "kind": "commune", "parent_id": "0190a1b2-0000-7000-8000-000000000001"
}))]
pub struct NewOrgUnit {
    /// Your id for it (UUIDv7), so that you can refer to it before it is sent.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Stable code, unique.
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "XD-00001")]
    pub code: String,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Đoàn phường Phúc Xá")]
    pub name: String,
    /// English name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub name_en: Option<String>,
    /// What it is.
    #[schema(value_type = OrgUnitKindSchema, example = "commune")]
    pub kind: OrgUnitKind,
    /// The unit above.
    pub parent_id: Uuid,
    /// The locality that it covers.
    #[serde(default)]
    pub locality_id: Option<Uuid>,
    /// The organisation's national identification code.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub national_org_code: Option<String>,
    /// First day of existence; today when absent.
    #[serde(default)]
    pub valid_from: Option<NaiveDate>,
    /// Last day of existence, inclusive.
    #[serde(default)]
    pub valid_to: Option<NaiveDate>,
}

fn dates(new: &NewOrgUnit) -> Result<(), ValidationError> {
    match (new.valid_from, new.valid_to) {
        (Some(from), Some(to)) if to < from => Err(broken(Code::DatesInverted, "/valid_to")),
        _ => Ok(()),
    }
}

/// What changes in a unit (JSON Merge Patch, RFC 7396). Its place changes by a reorganisation only.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct OrgUnitPatch {
    /// Vietnamese name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Thành Đoàn Hà Nội")]
    pub name: Option<String>,
    /// English name.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    pub name_en: Option<Option<String>>,
    /// The locality that it covers.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<Uuid>)]
    pub locality_id: Option<Option<Uuid>>,
    /// The organisation's national identification code.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 40)]
    pub national_org_code: Option<Option<String>>,
    /// Last day of existence, inclusive.
    #[serde(default, with = "serde_with::rust::double_option")]
    #[schema(value_type = Option<NaiveDate>)]
    pub valid_to: Option<Option<NaiveDate>>,
}
