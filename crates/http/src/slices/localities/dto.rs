//! Localities as they are sent.

use crate::{
    page::{list_query, page_schema},
    schema::{DifficultySchema, LocalityCategorySchema, LocalityKindSchema},
    slices::item,
};
use chrono::NaiveDate;
use tinhnguyen_domain::localities::{self as d, Difficulty, LocalityCategory, LocalityKind};
use uuid::Uuid;

item! {
    /// A place (địa bàn, đơn vị hành chính). Its key is `code` with `valid_from`: seven codes name another province
    /// since July 2025.
    Locality at "/v1/localities" {
        /// Statistical code, zero-padded text.
        #[schema(max_length = 10, example = "48")]
        code: String,
        /// Vietnamese name with its type.
        #[schema(max_length = 200, example = "Thành phố Đà Nẵng")]
        name: String,
        /// English name.
        #[schema(max_length = 200)]
        name_en: Option<String>,
        /// Administrative level.
        #[schema(value_type = LocalityKindSchema, example = "province")]
        kind: LocalityKind,
        /// Vietnamese type: tỉnh, thành phố, quận, huyện, xã, phường, thị trấn, đặc khu …
        #[schema(max_length = 40, example = "Thành phố")]
        r#type: String,
        /// The locality above; provinces have none.
        parent_id: Option<Uuid>,
        /// Designated difficulty (địa bàn khó khăn).
        #[schema(value_type = DifficultySchema)]
        difficulty: Difficulty,
        /// What else sets it apart.
        #[schema(value_type = Vec<LocalityCategorySchema>, max_items = 20)]
        categories: Vec<LocalityCategory>,
        /// First day of validity.
        #[schema(example = "2024-01-01")]
        valid_from: NaiveDate,
        /// Last day of validity, inclusive; null while it stands.
        #[schema(example = "2025-06-30")]
        valid_to: Option<NaiveDate>,
    }
}

page_schema!(LocalityPage of Locality);

impl Locality {
    /// What is sent of a locality.
    #[must_use]
    pub fn of(place: d::Locality) -> Self {
        Self {
            id: place.stamp.id,
            code: place.code,
            name: place.name,
            name_en: place.name_en,
            kind: place.kind,
            r#type: place.locality_type,
            parent_id: place.parent_id,
            difficulty: place.difficulty,
            categories: place.categories,
            valid_from: place.valid_from,
            valid_to: place.valid_to,
            created_at: place.stamp.created_at,
            updated_at: place.stamp.updated_at,
            version: place.stamp.version,
            allowed_actions: vec![],
        }
    }
}

list_query!(
    /// Which localities are listed.
    LocalityQuery, sorts: ["code", "-code", "created_at", "-created_at"], {
        /// By id.
        id: Uuid,
        /// By code.
        #[param(max_length = 10)]
        code: String,
        /// Directly below this locality, on the day of `as_of` when it is given.
        parent_id: Uuid,
        /// Of this level.
        #[param(inline, value_type = Option<LocalityKindSchema>)]
        kind: LocalityKind,
        /// This locality and all below it.
        within: Uuid,
        /// Valid on this day; today when absent.
        as_of: NaiveDate,
        /// Whose name holds this text, whatever its accents and case: `da nang` finds `Đà Nẵng`.
        #[param(min_length = 1, max_length = 100)]
        q: String,
    }
);
