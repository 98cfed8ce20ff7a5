//! The contract over HTTP: DTOs, extractors, authorisation, problems, handlers, OpenAPI, public pages.
//!
//! A slice has three files: `dto.rs` (what is sent), `ops.rs` (what a request means; knows no actix) and `mod.rs`
//! (handlers and routes). What all slices share stands beside them, once.

mod account_pages;
pub mod accounts;
pub mod address;
pub mod allowed;
pub mod app;
pub mod bulk;
pub mod contract;
pub mod cors;
mod docs_pages;
mod edge;
pub mod evidence_store;
mod example;
mod fields;
pub mod group;
pub mod guesses;
pub mod introductions;
pub mod keyring;
pub mod limits;
pub mod mail;
pub mod metrics;
pub mod oidc;
pub mod openapi_3_0;
pub mod outgoing;
pub mod page;
pub mod passwords;
mod pictures;
pub mod problem;
pub mod progress;
pub mod public;
pub mod public_pages;
pub mod reply;
pub mod request;
pub mod schema;
pub mod sealed;
pub mod slices;
mod strict_json;
mod system;
mod tls;
pub mod tokens;
