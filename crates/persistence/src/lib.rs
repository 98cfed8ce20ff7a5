//! Persistence with sea-orm on SQLite and PostgreSQL: entities, queries, migrations, the unit of work, the ledger and
//! its roll-ups.
//!
//! Reads take `&impl ConnectionTrait`; writes take the transaction, [`Tx`], so that forgetting one doesn't compile.
//! Entities hold raw columns and become domain values by `TryFrom`; a row that doesn't is named in the error.

pub mod access;
pub mod activities;
pub mod audit;
pub mod calendars;
pub mod campaigns;
pub mod clients;
pub mod digital_groups;
pub mod duplicates;
pub mod entities;
mod error;
pub mod evidence;
pub mod idempotency;
pub mod identities;
pub mod invitations;
pub mod ledger;
pub mod localities;
pub mod mail;
pub mod members;
mod migrations;
pub mod org_units;
pub mod page;
pub mod personal;
pub mod progress;
pub mod reference;
pub mod reorganisations;
pub mod reporting;
pub mod resets;
pub mod results;
pub mod revisions;
mod rows;
pub mod scope;
pub mod second_factor;
pub mod series;
pub mod sessions;
mod store;
pub mod tallies;
pub mod targets;
pub mod teams;
pub mod volunteers;
pub mod webhooks;

pub use error::{StoreError, StoreResult};
pub use migrations::Migrator;
pub use sea_orm::ConnectionTrait;
pub use store::{Database, Reader, Retryable, Store, Tx};
