//! The application: its state, its routes, and the actix service made of them.

use crate::{
    account_pages,
    accounts::Accounts,
    address::Networks,
    contract::Contract,
    cors::{self, Origins},
    docs_pages, edge,
    evidence_store::EvidenceStore,
    group::Group,
    guesses::Guesses,
    introductions::Introductions,
    limits::{Limits, Quotas},
    metrics::Metrics,
    outgoing::Outgoing,
    passwords::Passwords,
    problem::ApiError,
    progress::Figures,
    public::{self, cache::Public},
    slices::{self, changes::waiting::Waiting, results::filing::Filing},
    system,
    tokens::Tokens,
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
use tinhnguyen_domain::{clock::Clock, reporting::Leads};
use tinhnguyen_persistence::{Store, personal::Vault};
use utoipa_actix_web::AppExt;
use uuid::Uuid;

/// The most requests that are read or written together.
const GROUP: usize = 256;

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the service is reached from outside; empty for relative links.
    pub public_url: String,
    /// Proxies that are believed when they say whom they speak for.
    pub trusted_proxies: Networks,
    /// Other origins whose pages may call the API.
    pub cors_origins: Origins,
    /// How much one caller may ask for.
    pub quotas: Quotas,
    /// Who may ask for as much as they like.
    pub quota_exempt: Networks,
    /// When units are told what is missing of a reporting period.
    pub reminders: Leads,
    /// The count of a place from which on everybody may see it.
    pub public_min_count: i64,
    /// Whether webhooks may send to addresses inside, and unencrypted.
    pub webhooks_anywhere: bool,
}

/// The count of a place from which on everybody may see it, unless the operator says otherwise.
pub const PUBLIC_MIN_COUNT: u32 = 10;

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            trusted_proxies: Networks::default(),
            cors_origins: Origins::default(),
            quotas: Quotas::default(),
            quota_exempt: Limits::default_exempt(),
            reminders: Leads::default(),
            public_min_count: PUBLIC_MIN_COUNT.into(),
            webhooks_anywhere: false,
        }
    }
}

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
    /// What the operator decides about people's accounts.
    pub accounts: Accounts,
    /// Seals and opens personal data.
    pub vault: Vault,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Who has guessed passwords wrong.
    pub guesses: Guesses,
    /// Who has asked for how much.
    pub limits: Limits,
    /// What the operator decided.
    pub settings: Settings,
    /// Where the bytes of evidence files are.
    pub evidence: EvidenceStore,
    /// The folded ledger.
    pub figures: Figures,
    /// People who were introduced, and what they may do.
    pub introductions: Introductions,
    /// New results that wait to be written together.
    pub filings: Group<Filing>,
    /// Who waits for something to change.
    pub waiting: Waiting,
    /// What the public pages keep in memory.
    pub public: Public,
    /// Sends to addresses that clients chose.
    pub outgoing: Outgoing,
    /// What is measured.
    pub metrics: Metrics,
}

impl App {
    /// The application over an open and migrated store.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, tokens: Tokens, vault: Vault, mut settings: Settings) -> Self {
        settings.public_url.truncate(settings.public_url.trim_end_matches('/').len());
        // SQLite has one writer. On PostgreSQL one group is prepared while another one commits.
        let writers = if store.engine() == "sqlite" { 1 } else { 2 };
        Self {
            introductions: Introductions::default(),
            filings: Group::new(writers, GROUP),
            store,
            clock,
            contract: contract(),
            tokens,
            accounts: Accounts::default(),
            vault,
            passwords: Passwords::default(),
            guesses: Guesses::default(),
            limits: Limits::new(&settings.quotas, settings.quota_exempt.clone()),
            // Whoever serves puts one in its place that outlives the process.
            evidence: EvidenceStore::in_memory(),
            figures: Figures::default(),
            waiting: Waiting::default(),
            public: Public::default(),
            outgoing: Outgoing::new(settings.webhooks_anywhere),
            metrics: Metrics::default(),
            settings,
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
    let cors = cors::layer(&state.settings.cors_origins);
    let (app, _) = ActixApp::new()
        .into_utoipa_app()
        .app_data(state)
        .app_data(web::PathConfig::default().error_handler(|err, request| {
            use crate::problem::{Code, Fault};
            if let Some(error) = system::wrong_method(request) {
                return error.into();
            }
            let mut parameters = request.match_info().iter();
            let name = parameters.find(|(_, text)| Uuid::try_parse(text).is_err()).map_or("id", |(name, _)| name);
            let fault = Fault::of_parameter(name, Code::BadFormat).limit("uuid");
            ApiError { cause: Some(err.to_string()), ..ApiError::parameter(fault) }.into()
        }))
        .configure(slices::routes)
        .split_for_parts();
    app.configure(system::routes)
        .configure(docs_pages::routes)
        .configure(account_pages::routes)
        .configure(public::routes)
        .default_service(web::to(system::no_such_route))
        .wrap(Compress::default())
        .wrap(from_fn(edge::edge))
        // Outside the edge, which writes the body of every problem anew: browsers must be able to read those too.
        .wrap(cors)
}
