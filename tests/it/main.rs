//! The workspace's integration tests: one binary, every test on SQLite and on PostgreSQL.
//!
//! PostgreSQL is a throw-away cluster named by `TEST_POSTGRES_URL`; `tests/run` starts one, and so does
//! `tests/postgres with cargo test`. With `TINHNGUYEN_TEST_SQLITE_ONLY=1` its halves are left out, and say so.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and its helpers stand outside of #[test] functions"
)]

#[macro_use]
mod harness;

mod access;
mod activities;
mod amendments;
mod audit;
mod auth;
mod binary;
mod bulk;
mod calendars;
mod campaigns;
mod catalogue;
mod changes;
mod chaos;
mod clients;
mod contract;
mod country;
mod cross_cutting;
mod digital_groups;
mod docs_site;
mod duplicates;
mod errors;
mod every_operation;
mod evidence;
mod examples;
mod guessing;
mod guides;
mod identities;
mod intake;
mod invitations;
mod keys;
mod ledger;
mod limits;
mod localities;
mod logins;
mod mail;
mod matrix;
mod members;
mod migrations;
mod mixed_grants;
mod model;
mod openapi_3_0;
mod org_units;
mod outlook;
mod passwords;
mod personal;
mod plausibility;
mod probes;
mod progress;
mod progress_sums;
mod public;
mod races;
mod reorganisations;
mod reporting;
mod reporting_counts;
mod requests;
mod results;
mod scope;
mod second_factor;
mod series;
mod sessions;
mod store;
mod store_postgres;
mod store_sqlite;
mod sync;
mod tallies;
mod targets;
mod teams;
mod volunteers;
mod webhooks;
