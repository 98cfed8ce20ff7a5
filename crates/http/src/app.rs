//! The application: its state, its routes, and the actix service made of them.

use crate::{
    contract::Contract, edge, metrics::Metrics, passwords::Passwords, problem::ApiError, progress::Figures, slices,
    system, tokens::Tokens,
};
use actix_web::{
    App as ActixApp, Error,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, from_fn},
    web,
};
use chrono::{DateTime, NaiveDate, Utc};
use std::sync::Arc;
use tinhnguyen_domain::clock::Clock;
use tinhnguyen_persistence::{Store, personal::Vault};
use utoipa_actix_web::AppExt;

/// What all requests share.
pub struct App {
    /// The databases.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The contract.
    pub contract: Contract,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// Seals and opens personal data.
    pub vault: Vault,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// The folded ledger.
    pub figures: Figures,
    /// What is measured.
    pub metrics: Metrics,
    /// Where the service is reached from outside, without a slash at the end; empty for relative links.
    pub public_url: String,
}

impl App {
    /// The application over an open and migrated store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, tokens: Tokens, vault: Vault, public_url: &str) -> Self {
        Self {
            store,
            clock,
            contract: contract(),
            tokens,
            vault,
            passwords: Passwords::default(),
            figures: Figures::default(),
            metrics: Metrics::default(),
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    /// Today in Viet Nam: by it grants are in force and localities valid.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        today(self.clock.now())
    }
}

/// The day of an instant in Viet Nam.
#[must_use]
pub fn today(now: DateTime<Utc>) -> NaiveDate {
    now.with_timezone(&chrono_tz::Asia::Ho_Chi_Minh).date_naive()
}

/// The contract of this version.
#[must_use]
pub fn contract() -> Contract {
    let (_, document) =
        ActixApp::new().into_utoipa_app().openapi(system::about()).configure(slices::routes).split_for_parts();
    Contract::new(&document)
}

/// The actix application over the state.
pub fn service(
    state: web::Data<App>,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let (app, _) = ActixApp::new()
        .into_utoipa_app()
        .app_data(state)
        .app_data(web::PathConfig::default().error_handler(|err, _| {
            use crate::problem::{Code, Fault};
            let fault = Fault::of_parameter("id", Code::BadFormat).limit("uuid");
            ApiError { cause: Some(err.to_string()), ..ApiError::parameter(fault) }.into()
        }))
        .configure(slices::routes)
        .split_for_parts();
    app.configure(system::routes)
        .default_service(web::to(system::no_such_route))
        .wrap(Compress::default())
        .wrap(from_fn(edge::edge))
}
