//! The slices, named after the contract's resources.

pub mod access;
pub mod activities;
pub mod audit;
pub mod auth;
pub mod calendars;
pub mod campaigns;
pub mod catalogue;
pub mod changes;
pub mod clients;
pub mod digital_groups;
pub mod duplicates;
pub mod evidence;
pub mod identities;
pub mod invitations;
pub mod localities;
pub mod members;
pub mod org_units;
pub mod passwords;
pub mod progress;
pub mod public;
pub mod reorganisations;
pub mod reporting;
pub mod results;
pub mod second_factor;
pub mod series;
pub mod sync;
pub mod tallies;
pub mod targets;
pub mod teams;
pub mod volunteers;
pub mod webhooks;

use utoipa_actix_web::service_config::ServiceConfig;

/// All routes of the contract, so that none is served without being documented. They are tried in this order, so what is
/// asked most comes first: figures, then what phones send, then the rest.
pub fn routes(config: &mut ServiceConfig<'_>) {
    progress::routes(config);
    public::routes(config);
    results::routes(config);
    tallies::routes(config);
    sync::routes(config);
    changes::routes(config);
    auth::routes(config);
    activities::routes(config);
    teams::routes(config);
    duplicates::routes(config);
    evidence::routes(config);
    // Before the units and places, whose `/{id}` would take the word for an id.
    reorganisations::routes(config);
    org_units::routes(config);
    localities::routes(config);
    campaigns::routes(config);
    targets::routes(config);
    catalogue::routes(config);
    reporting::routes(config);
    members::routes(config);
    volunteers::routes(config);
    digital_groups::routes(config);
    series::routes(config);
    calendars::routes(config);
    access::routes(config);
    identities::routes(config);
    passwords::routes(config);
    second_factor::routes(config);
    invitations::routes(config);
    clients::routes(config);
    audit::routes(config);
    webhooks::routes(config);
}

/// Declares a resource as it is sent: identity and version, its own fields, and what this caller may do with it.
macro_rules! item {
    ($(#[$meta:meta])* $name:ident at $path:literal { $($(#[$fmeta:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            /// UUIDv7; a client may choose it on create.
            pub id: uuid::Uuid,
            $($(#[$fmeta])* pub $field: $type,)+
            /// Instant of creation.
            pub created_at: chrono::DateTime<chrono::Utc>,
            /// Instant of the last change.
            pub updated_at: chrono::DateTime<chrono::Utc>,
            /// Counts the changes from 1; in quotes it is the ETag.
            #[schema(minimum = 1, example = 1)]
            pub version: i64,
            /// What this caller may do with it now.
            #[schema(max_items = 20, example = json!([]))]
            pub allowed_actions: Vec<&'static str>,
        }

        impl $crate::reply::Item for $name {
            fn location(&self) -> String {
                format!(concat!($path, "/{}"), self.id)
            }
            fn version(&self) -> i64 {
                self.version
            }
        }
    };
}
pub(crate) use item;
