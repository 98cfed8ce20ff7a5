//! Changes as they are sent.

use crate::{
    problem::{ApiError, ApiResult, Code},
    slices::{
        activities::dto::Activity,
        campaigns::dto::{Campaign, Indicator},
        members::dto::Member,
        org_units::dto::OrgUnit,
        results::dto::Result as ResultBody,
        targets::dto::Target,
        teams::dto::Team,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tinhnguyen_persistence::audit::Position;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a change brings beside what was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// Each thing as the caller sees it now.
    Items,
}

/// From where on the changes are followed, and how.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct ChangeQuery {
    /// `next_cursor` of the answer before, of the same caller and `kind`; `now`: from this moment on; left out, from the
    /// beginning.
    #[param(min_length = 1, max_length = 1000, example = "now")]
    pub since: Option<String>,
    /// Things of this kind only.
    #[param(inline)]
    pub kind: Option<Kind>,
    /// `items`: with each thing as it is now.
    #[param(inline)]
    pub include: Option<Include>,
    /// Changes an answer, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// Seconds that the answer may wait for something to change, 0 to 30. It comes at once when there is something, after
    /// 25 seconds at the latest, and early and empty when too many wait already.
    #[param(minimum = 0, maximum = 30, default = 0)]
    pub wait: Option<u32>,
}

macro_rules! kinds {
    ($($variant:ident = $word:literal, $change:ident, $tag:ident, $item:ty, $doc:literal;)+) => {
        /// What kind of thing was changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {$(
            #[doc = $doc]
            $variant,
        )+}

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its word, the same as the audit log's.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        $(
            #[doc = concat!("The kind `", $word, "`.")]
            #[derive(Debug, Clone, Copy, Serialize, ToSchema)]
            #[serde(rename_all = "snake_case")]
            #[schema(description = concat!("The kind `", $word, "`."))]
            pub enum $tag {
                #[doc = $doc]
                $variant,
            }

            #[doc = $doc]
            #[derive(Debug, Serialize, ToSchema)]
            pub struct $change {
                /// What kind of thing it is.
                pub kind: $tag,
                /// Which one.
                pub id: Uuid,
                /// When it was changed last.
                pub at: DateTime<Utc>,
                /// What was done last: an operation's id. Open list.
                #[schema(max_length = 100, example = "…")]
                pub action: String,
                /// Its version now; absent when it is gone.
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schema(nullable = false, minimum = 1, example = 1)]
                pub version: Option<i64>,
                /// Whether it is gone for the caller: deleted, or out of their sight.
                pub deleted: bool,
                /// As the caller sees it now; with `include=items`, and unless it is gone.
                #[serde(skip_serializing_if = "Option::is_none")]
                #[schema(nullable = false)]
                pub item: Option<$item>,
            }
        )+

        /// One thing that was changed, at the place of its last change. `kind` tells which.
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(untagged)]
        #[schema(discriminator(property_name = "kind", mapping($(($word = concat!("#/components/schemas/", stringify!($change)))),+)))]
        pub enum Change {$(
            #[doc = $doc]
            $variant($change),
        )+}

        /// A thing as the caller sees it.
        #[derive(Debug, Clone)]
        pub enum Shown {$(
            #[doc = $doc]
            $variant($item),
        )+}

        impl Shown {
            /// Its version.
            #[must_use]
            pub const fn version(&self) -> i64 {
                match self { $(Self::$variant(item) => item.version),+ }
            }
        }

        impl Change {
            /// What is sent of a change: `shown` is the thing as it is now, none when it is gone.
            #[must_use]
            pub fn of(kind: Kind, id: Uuid, at: DateTime<Utc>, action: String, shown: Option<Shown>, with_item: bool) -> Self {
                let (version, deleted) = (shown.as_ref().map(Shown::version), shown.is_none());
                match kind {$(
                    Kind::$variant => Self::$variant($change {
                        kind: $tag::$variant,
                        id,
                        at,
                        action,
                        version,
                        deleted,
                        item: match shown {
                            Some(Shown::$variant(item)) if with_item => Some(item),
                            _ => None,
                        },
                    }),
                )+}
            }
        }
    };
}

kinds! {
    Campaign = "campaign", CampaignChange, CampaignTag, Campaign, "A campaign (chiến dịch) was changed.";
    Indicator = "indicator", IndicatorChange, IndicatorTag, Indicator, "An indicator (chỉ tiêu) was changed.";
    Target = "target", TargetChange, TargetTag, Target, "A unit's target (chỉ tiêu giao) was set.";
    OrgUnit = "org_unit", OrgUnitChange, OrgUnitTag, OrgUnit, "A unit of the organisation (đơn vị) was changed.";
    Team = "team", TeamChange, TeamTag, Team, "A team (đội hình) was changed.";
    TeamMember = "team_member", TeamMemberChange, TeamMemberTag, Member, "A membership (đội viên) was changed.";
    Activity = "activity", ActivityChange, ActivityTag, Activity, "An activity (hoạt động) was changed, or tallies came to it.";
    Result = "result", ResultChange, ResultTag, ResultBody, "A result (kết quả) was changed.";
}

/// What was changed, in the order of commits.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangePage {
    /// The changes, at most `limit`. Several of one thing are told once, at the place of the last.
    #[schema(max_items = 200)]
    pub data: Vec<Change>,
    /// Where to go on: `since` of the next request, also when nothing has changed.
    #[schema(max_length = 1000, example = "eyJzIjo0Mn0")]
    pub next_cursor: String,
    /// Whether more has happened already.
    pub has_more: bool,
    /// Whether the caller's rights differ from those under which `since` was given: what they see now that they did not see
    /// then is not told as a change, so that a copy of theirs is to be listed anew.
    pub sight_changed: bool,
}

/// A place in the feed, and whom it was given.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The seal.
    s: i64,
    /// The row under it.
    i: Uuid,
    /// Whom and for which kind it was given.
    f: String,
    /// What they saw.
    v: String,
}

impl Cursor {
    pub(super) const fn new(position: Position, reader: String, sight: String) -> Self {
        Self { s: position.seal, i: position.id, f: reader, v: sight }
    }

    /// Reads a cursor of this reader.
    ///
    /// # Errors
    /// `bad_cursor` when it is none, or was given to somebody else or for another kind: it has passed by what they may see.
    pub(super) fn read(text: &str, reader: &str) -> ApiResult<Self> {
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok())
            .filter(|cursor| cursor.f == reader && cursor.s >= 0)
            .ok_or_else(|| ApiError::new(Code::BadCursor))
    }

    pub(super) const fn position(&self) -> Position {
        Position { seal: self.s, id: self.i }
    }

    pub(super) fn saw(&self, sight: &str) -> bool {
        self.v == sight
    }

    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }
}
