//! Reorganisations as they are sent.

use crate::{
    page::{list_query, page_schema},
    reply::Item,
    schema::{
        ChangeKindSchema, DifficultySchema, LocalityCategorySchema, LocalityKindSchema, OrgUnitKindSchema,
        TreeKindSchema,
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_domain::{
    localities::{Difficulty, LocalityCategory, LocalityKind},
    org_units::OrgUnitKind,
    reorganisation::{self as d, ChangeKind, TreeKind},
};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

/// A unit or place as it was called when the reorganisation was done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReorganisedUnit {
    /// Its id.
    pub id: Uuid,
    /// Its code.
    #[schema(max_length = 40, example = "TD-2025-15")]
    pub code: String,
    /// Its name: of what is renamed, the old one in `from` and the new one in `into`.
    #[schema(max_length = 200, example = "Tỉnh Đoàn Lào Cai")]
    pub name: String,
}

/// A change that was done.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReorganisationChange {
    /// What was done.
    #[schema(value_type = ChangeKindSchema, example = "merge")]
    pub kind: ChangeKind,
    /// To whom.
    #[schema(max_items = 20000)]
    pub from: Vec<ReorganisedUnit>,
    /// What they became; what they stand below now; what they are called now.
    #[schema(max_items = 20000)]
    pub into: Vec<ReorganisedUnit>,
    /// Those of `into` that began by it.
    #[schema(max_items = 20000)]
    pub begun: Vec<Uuid>,
    /// Which of `into` the figures fall to; null when nothing ended or nothing took its place.
    pub default_into: Option<Uuid>,
    /// What stood directly below those that ended and goes on: it stands below what took their place now.
    #[schema(max_items = 20000)]
    pub moved_along: Vec<ReorganisedUnit>,
}

/// How much a reorganisation did.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct ReorganisationCounts {
    /// Units that ended.
    #[schema(minimum = 0, example = 2)]
    pub ended: i64,
    /// Units that began.
    #[schema(minimum = 0, example = 1)]
    pub begun: i64,
    /// Units that stand directly below another one: by a move, or along with one that ended.
    #[schema(minimum = 0, example = 9)]
    pub moved: i64,
    /// Units that are called something else.
    #[schema(minimum = 0, example = 0)]
    pub renamed: i64,
    /// Units that were there before and of which anything is different now, be it only the path.
    #[schema(minimum = 0, example = 180)]
    pub touched: i64,
}

/// A reorganisation that was done (sắp xếp).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Reorganisation {
    /// UUIDv7; a client may choose it.
    pub id: Uuid,
    /// Of which tree.
    #[schema(value_type = TreeKindSchema, example = "org_units")]
    pub tree: TreeKind,
    /// The first day of the new tree (ngày hiệu lực).
    #[schema(example = "2025-07-01")]
    pub effective_on: NaiveDate,
    /// Why.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
    /// By which document (văn bản).
    #[schema(max_length = 200, example = "202/2025/QH15")]
    pub document: Option<String>,
    /// How much was done.
    pub counts: ReorganisationCounts,
    /// What was done. Left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, max_items = 20000)]
    pub changes: Option<Vec<ReorganisationChange>>,
    /// Instant at which it was entered.
    pub created_at: DateTime<Utc>,
    /// The same.
    pub updated_at: DateTime<Utc>,
    /// Always 1; in quotes it is the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i64,
    /// What this caller may do with it: nothing, it is done.
    #[schema(max_items = 20, example = json!([]))]
    pub allowed_actions: Vec<&'static str>,
}

impl Item for Reorganisation {
    fn location(&self) -> String {
        let of = match self.tree {
            TreeKind::OrgUnits => "org-unit",
            TreeKind::Localities => "locality",
        };
        // Not beneath the tree: there it would stand where an id does.
        format!("/v1/{of}-reorganisations/{}", self.id)
    }

    fn version(&self) -> i64 {
        self.version
    }
}

page_schema!(ReorganisationPage of Reorganisation);

impl Reorganisation {
    /// What is sent of one in a list.
    #[must_use]
    pub fn of(done: d::Reorganisation) -> Self {
        let d::Counts { ended, begun, moved, renamed, touched } = done.counts;
        Self {
            id: done.stamp.id,
            tree: done.tree,
            effective_on: done.effective_on,
            reason: done.reason,
            document: done.document,
            counts: ReorganisationCounts { ended, begun, moved, renamed, touched },
            changes: None,
            created_at: done.stamp.created_at,
            updated_at: done.stamp.updated_at,
            version: done.stamp.version,
            allowed_actions: vec![],
        }
    }

    /// The same with what was done.
    #[must_use]
    pub fn whole(done: d::Reorganisation, changes: Vec<d::DoneChange>) -> Self {
        let named = |units: Vec<d::Named>| {
            units.into_iter().map(|unit| ReorganisedUnit { id: unit.id, code: unit.code, name: unit.name }).collect()
        };
        let change = |change: d::DoneChange| ReorganisationChange {
            kind: change.kind,
            from: named(change.from),
            into: named(change.into),
            begun: change.begun,
            default_into: change.default_into,
            moved_along: named(change.rehung),
        };
        Self { changes: Some(changes.into_iter().map(change).collect()), ..Self::of(done) }
    }
}

list_query!(
    /// Which reorganisations are listed.
    ReorganisationQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// In force from this day.
        effective_on: NaiveDate,
    }
);

/// A unit that begins by a reorganisation; of a `rename`, only `name` and `name_en`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrgUnitSuccessor {
    /// Your id for it (UUIDv7), by which other changes of the same request may name it.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Stable code, unique. Required of a new unit.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9._-]+$", example = "TD-2025-15")]
    pub code: Option<String>,
    /// Vietnamese name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Tỉnh Đoàn Lào Cai")]
    pub name: String,
    /// English name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub name_en: Option<String>,
    /// What it is. Required of a new unit.
    #[serde(default)]
    #[schema(value_type = Option<OrgUnitKindSchema>, example = "province")]
    pub kind: Option<OrgUnitKind>,
    /// The unit above. Required of a new unit.
    #[serde(default)]
    #[schema(example = "0190a1b2-0000-7000-8000-000000000001")]
    pub parent_id: Option<Uuid>,
    /// The locality that it covers.
    #[serde(default)]
    pub locality_id: Option<Uuid>,
    /// The organisation's national identification code.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub national_org_code: Option<String>,
}

/// What becomes of some units: one that is there, by its id, or a new one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OrgUnitInto {
    /// One that is there, or that another change of the same request states with this id.
    Existing(Uuid),
    /// One that begins; of a `rename`, the new name.
    New(Box<NewOrgUnitSuccessor>),
}

/// A change of the organisation.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "merge",
    "from": ["0190a1b2-0000-7000-8000-000000000002", "0190a1b2-0000-7000-8000-000000000003"],
    "into": [{"code": "TD-2025-15", "name": "Tỉnh Đoàn Lào Cai", "kind": "province", "parent_id": "0190a1b2-0000-7000-8000-000000000001"}]
}))]
pub struct NewOrgUnitChange {
    /// What is done. `merge`: all of `from` end and become the one of `into`. `split`: the one of `from` ends and becomes
    /// several. `move`: `from` stand below the one of `into`. `rename`: the one of `from` is called what the one of `into`
    /// says. `close`: `from` end.
    #[schema(value_type = ChangeKindSchema)]
    pub kind: ChangeKind,
    /// To whom.
    #[schema(min_items = 1, max_items = 1000)]
    pub from: Vec<Uuid>,
    /// What they become.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub into: Vec<OrgUnitInto>,
    /// Of a `split`: the id or the code of the one of `into` to which figures fall; the first when absent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub default_into: Option<String>,
}

/// A reorganisation of the organisation.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewOrgUnitReorganisation {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The first day of the new tree: today or earlier. What ends was there until the day before.
    #[schema(example = "2025-07-01")]
    pub effective_on: NaiveDate,
    /// Why.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: Option<String>,
    /// By which document.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "202/2025/QH15")]
    pub document: Option<String>,
    /// What is done, all of it or nothing.
    #[schema(min_items = 1, max_items = 1000)]
    pub changes: Vec<NewOrgUnitChange>,
}

/// A locality that begins by a reorganisation; of a `rename`, only `name` and `name_en`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLocalitySuccessor {
    /// Your id for it (UUIDv7), by which other changes of the same request may name it.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Statistical code, zero-padded text. Required of a new locality; it may be the code of one that ends.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 10, pattern = "^[A-Za-z0-9._-]+$", example = "15")]
    pub code: Option<String>,
    /// Vietnamese name with its type.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Tỉnh Lào Cai")]
    pub name: String,
    /// English name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub name_en: Option<String>,
    /// Administrative level. Required of a new locality.
    #[serde(default)]
    #[schema(value_type = Option<LocalityKindSchema>, example = "province")]
    pub kind: Option<LocalityKind>,
    /// Vietnamese type. Required of a new locality.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40, pattern = r"\S", example = "Tỉnh")]
    pub r#type: Option<String>,
    /// The locality above; provinces have none.
    #[serde(default)]
    pub parent_id: Option<Uuid>,
    /// Designated difficulty; none when absent.
    #[serde(default)]
    #[schema(value_type = Option<DifficultySchema>)]
    pub difficulty: Option<Difficulty>,
    /// What else sets it apart.
    #[serde(default)]
    #[schema(value_type = Option<Vec<LocalityCategorySchema>>, max_items = 20)]
    pub categories: Option<Vec<LocalityCategory>>,
}

/// What becomes of some localities: one that is there, by its id, or a new one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum LocalityInto {
    /// One that is there, or that another change of the same request states with this id.
    Existing(Uuid),
    /// One that begins; of a `rename`, the new name.
    New(Box<NewLocalitySuccessor>),
}

/// A change of places.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "split", "from": ["0190a1b2-0000-7000-8000-000000000002"],
    "into": ["0190a1b2-0000-7000-8000-000000000003",
        {"code": "00097", "name": "Phường Hồng Hà", "kind": "commune", "type": "Phường", "parent_id": "0190a1b2-0000-7000-8000-000000000001"}],
    "default_into": "00097"
}))]
pub struct NewLocalityChange {
    /// What is done. `merge`: all of `from` end and become the one of `into`. `split`: the one of `from` ends and becomes
    /// several. `move`: `from` stand below the one of `into`. `rename`: the one of `from` is called what the one of `into`
    /// says. `close`: `from` end.
    #[schema(value_type = ChangeKindSchema)]
    pub kind: ChangeKind,
    /// To whom.
    #[schema(min_items = 1, max_items = 1000)]
    pub from: Vec<Uuid>,
    /// What they become.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub into: Vec<LocalityInto>,
    /// Of a `split`: the id or the code of the one of `into` to which figures fall; the first when absent.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 40)]
    pub default_into: Option<String>,
}

/// A reorganisation of places.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewLocalityReorganisation {
    /// Your id for it (UUIDv7).
    #[serde(default)]
    pub id: Option<Uuid>,
    /// The first day of the new tree; it may be to come. What ends is valid until the day before.
    #[schema(example = "2025-07-01")]
    pub effective_on: NaiveDate,
    /// Why.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: Option<String>,
    /// By which document.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200, example = "202/2025/QH15")]
    pub document: Option<String>,
    /// What is done, all of it or nothing.
    #[schema(min_items = 1, max_items = 1000)]
    pub changes: Vec<NewLocalityChange>,
}
