//! The service in this process, and callers who send it requests. Every answer is held against the contract: its status
//! is declared, its problem code is stated, its body fits the schema; and nothing answers 5xx.

use super::{Content, Db, Fixture, Scratch, now};
use actix_web::{
    HttpServer,
    body::{MessageBody, to_bytes},
    dev::{ServerHandle, Service},
    http::{Method, header::HeaderMap},
    test::{TestRequest, init_service},
    web::{Bytes, Data},
};
use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;
use serde_json::Value;
use std::{future::IntoFuture, net::SocketAddr, ops::Deref, rc::Rc, sync::Arc, sync::LazyLock};
use tinhnguyen_domain::{access::Role, clock::FixedClock};
use tinhnguyen_http::{
    accounts::Accounts,
    app::{App, Settings, service},
    evidence_store::EvidenceStore,
    keyring::generate_key,
    sealed::Sealer,
    tokens::Tokens,
};
use tinhnguyen_persistence::{Store, access};
use uuid::Uuid;

/// One key for all tests of the process, so that tokens are good across applications.
static KEY: LazyLock<String> = LazyLock::new(|| generate_key().unwrap());

type Call = Rc<dyn Fn(TestRequest) -> LocalBoxFuture<'static, Answer>>;

/// One key for all secrets of the process, so that what one application sealed another one opens.
static SECRETS: LazyLock<SecretString> = LazyLock::new(|| Sealer::generate().unwrap());

/// The application over a store, with a clock that the test moves.
pub fn app(store: Store, clock: Arc<FixedClock>) -> App {
    app_with(store, clock, Settings::default())
}

/// The same, as an operator has set it up.
pub fn app_with(store: Store, clock: Arc<FixedClock>, settings: Settings) -> App {
    let accounts = Accounts {
        sealer: Sealer::from_text(&SECRETS).unwrap(),
        links: "https://tinhnguyen.example".to_owned(),
        ..Accounts::default()
    };
    App { accounts, ..App::new(store, clock, Tokens::from_pem(&KEY).unwrap(), super::vault(), settings) }
}

/// The first part of a body; nothing when it has none.
async fn first_of(body: impl MessageBody) -> Bytes {
    let mut body = std::pin::pin!(body);
    let first = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
    first.map(|part| part.ok().unwrap()).unwrap_or_default()
}

/// The service over an application, as one function.
async fn serve(app: Data<App>) -> Call {
    let running = Rc::new(init_service(service(app)).await);
    Rc::new(move |request| {
        let running = running.clone();
        Box::pin(async move {
            // What has no route's request to go with is an error that carries its whole answer.
            let response = match running.call(request.to_request()).await {
                Ok(response) => response.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            let (head, body) = response.into_parts();
            let streams = head.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
            Answer {
                status: head.status().as_u16(),
                headers: head.headers().clone(),
                // Events never end: their first part is read.
                bytes: if streams { first_of(body).await } else { to_bytes(body).await.unwrap() },
            }
        })
    })
}

/// The service over a fresh database that holds the reference data and the administrator.
pub struct T {
    pub db: Db,
    pub clock: Arc<FixedClock>,
    pub app: Data<App>,
    /// Administrator at the centre.
    pub admin: Caller,
    /// Nobody: sends no token.
    pub stranger: Caller,
    call: Call,
}

impl Deref for T {
    type Target = Db;
    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Fixture for T {
    const CONTENT: Content = Content::Seeded;

    async fn set_up(scratch: &Scratch) -> Self {
        let db = Db::set_up(scratch).await;
        let clock = Arc::new(FixedClock::at(now()));
        let app = Data::new(app(db.store.clone(), clock.clone()));
        let call = serve(app.clone()).await;
        let admin = access::credentials(db.store.read(), super::ADMIN).await.unwrap().unwrap().user_id;
        let caller = |user_id| Caller { user_id, token: None, app: app.clone(), call: call.clone() };
        Self { admin: caller(admin).with_a_new_token(), stranger: caller(Uuid::nil()), db, clock, app, call }
    }

    async fn tear_down(self, passed: bool) {
        let Self { db, app, admin, stranger, call, .. } = self;
        drop((app, admin, stranger, call));
        db.tear_down(passed).await;
    }
}

impl T {
    /// A second application over the same database, as another replica is.
    pub async fn replica(&self) -> Replica {
        self.replica_with(Settings::default()).await
    }

    /// The same, as an operator has set it up.
    pub async fn replica_with(&self, settings: Settings) -> Replica {
        let app = Data::new(app_with(self.store.clone(), self.clock.clone(), settings));
        Replica { call: serve(app.clone()).await, app }
    }

    /// A replica whose operator decided something else about accounts.
    pub async fn replica_deciding(&self, decide: impl FnOnce(&mut Accounts)) -> Replica {
        let mut app = app(self.store.clone(), self.clock.clone());
        decide(&mut app.accounts);
        let app = Data::new(app);
        Replica { call: serve(app.clone()).await, app }
    }

    /// A replica on a free port of this machine. It has connections of its own, since those that its worker opens end with it.
    pub async fn listening(&self) -> (ServerHandle, SocketAddr) {
        let store = Store::open(self.database.clone()).await.unwrap();
        let evidence = self.app.evidence.clone();
        let app = Data::new(App { evidence, ..app(store, self.clock.clone()) });
        let server = HttpServer::new(move || service(app.clone())).workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        (handle, address)
    }

    /// Somebody without a grant.
    pub async fn nobody(&self) -> Caller {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let user = access::User {
            stamp: super::rows::stamp(),
            username: format!("nguoi-dung-{number}"),
            full_name: format!("Người dùng {number}"),
            email: None,
            disabled: false,
            created_by: Some(self.admin.user_id),
        };
        self.store.write(async |tx| access::insert_user(tx, &user, None).await).await.unwrap();
        Caller { user_id: user.stamp.id, token: None, app: self.app.clone(), call: self.call.clone() }
            .with_a_new_token()
    }

    /// Somebody with a role over a subtree.
    pub async fn user(&self, role: Role, org_unit_id: Uuid) -> Caller {
        let user = self.nobody().await;
        self.grant(&user, role, org_unit_id, None).await;
        user
    }

    /// Somebody who leads a team and nothing else.
    pub async fn leader(&self, team: &Value) -> Caller {
        let user = self.nobody().await;
        let (unit, team) = (id_in(team, "org_unit_id"), id_in(team, "id"));
        self.grant(&user, Role::TeamLeader, unit, Some(team)).await;
        user
    }

    /// Gives a role; the id of the grant.
    pub async fn grant(&self, to: &Caller, role: Role, org_unit_id: Uuid, team_id: Option<Uuid>) -> Uuid {
        let grant = access::GrantRecord {
            stamp: super::rows::stamp(),
            user_id: to.user_id,
            role,
            org_unit_id,
            team_id,
            valid_from: None,
            valid_to: None,
            granted_by: self.admin.user_id,
        };
        self.store.write(async |tx| access::insert_grant(tx, &grant).await).await.unwrap();
        grant.stamp.id
    }
}

impl T {
    /// A replica whose evidence files are kept somewhere of its own.
    pub async fn replica_keeping(&self, evidence: EvidenceStore) -> Replica {
        let app = app(self.store.clone(), self.clock.clone());
        let app = Data::new(App { evidence, ..app });
        Replica { call: serve(app.clone()).await, app }
    }
}

/// Another replica.
pub struct Replica {
    pub app: Data<App>,
    call: Call,
}

impl Replica {
    /// The same person, who asks this replica.
    pub fn asked_by(&self, caller: &Caller) -> Caller {
        Caller { app: self.app.clone(), call: self.call.clone(), ..caller.clone() }
    }
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Caller {
    pub user_id: Uuid,
    pub token: Option<String>,
    app: Data<App>,
    call: Call,
}

impl Caller {
    /// The same person with a token issued now.
    pub fn with_a_new_token(self) -> Self {
        let token = self.app.tokens.issue(self.user_id, self.app.clock.now()).unwrap();
        self.with_token(token)
    }

    /// The same requests, known to be this account's.
    pub fn of(&self, user_id: Uuid) -> Self {
        Self { user_id, ..self.clone() }
    }

    /// The same person with this token.
    pub fn with_token(self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self }
    }

    /// A request that is sent when it is awaited.
    pub fn send(&self, method: Method, path: &str) -> Sending {
        let mut request = TestRequest::default().method(method.clone()).uri(path);
        if let Some(token) = &self.token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        Sending {
            app: self.app.clone(),
            call: self.call.clone(),
            method,
            path: path.to_owned(),
            request,
            lenient: false,
        }
    }

    pub fn get(&self, path: &str) -> Sending {
        self.send(Method::GET, path)
    }

    pub fn delete(&self, path: &str) -> Sending {
        self.send(Method::DELETE, path)
    }

    /// A POST with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Sending {
        self.send(Method::POST, path).json(body)
    }

    /// A PATCH with a JSON body, of whatever version; see [`Sending::if_match`].
    pub fn patch(&self, path: &str, body: &Value) -> Sending {
        self.send(Method::PATCH, path).json(body)
    }

    /// A POST without a body, as state actions are, of whatever version.
    pub fn act(&self, path: &str) -> Sending {
        self.send(Method::POST, path).if_match("*")
    }
}

/// A request on its way.
pub struct Sending {
    app: Data<App>,
    call: Call,
    method: Method,
    path: String,
    request: TestRequest,
    lenient: bool,
}

impl Sending {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = actix_web::http::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        let value = actix_web::http::header::HeaderValue::from_bytes(value.as_ref()).unwrap();
        self.request = self.request.insert_header((name, value));
        self
    }

    pub fn if_match(self, tag: &str) -> Self {
        self.header("if-match", tag)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// A body as it stands, of this media type.
    pub fn body(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.request = self.request.set_payload(bytes);
        self.header("content-type", media_type)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// From this address.
    pub fn from(mut self, address: &str) -> Self {
        self.request = self.request.peer_addr((address.parse::<std::net::IpAddr>().unwrap(), 40_000).into());
        self
    }

    /// Leaves the check against the contract out, for answers that no contract can state.
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }
}

impl IntoFuture for Sending {
    type Output = Answer;
    type IntoFuture = LocalBoxFuture<'static, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let answer = (self.call)(self.request).await;
            if !self.lenient {
                super::conformance::hold(&self.app, &self.method, &self.path, &answer);
            }
            answer
        })
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Holds the status and gives the body.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Holds that it is a file; gives its bytes.
    #[track_caller]
    pub fn ok_bytes(&self) -> Bytes {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        self.bytes.clone()
    }

    /// Holds that it is the problem with this code; gives its body.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{}", self.text());
        body
    }

    /// Holds that it is a problem with these faults, each a place (a pointer or a parameter) and a code, in any order.
    #[track_caller]
    pub fn faults(&self, status: u16, expected: &[(&str, &str)]) -> Value {
        let body = self.json();
        assert_eq!(self.status, status, "{}", self.text());
        let mut faults: Vec<(&str, &str)> = body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|fault| {
                let place = fault["pointer"].as_str().or(fault["parameter"].as_str()).unwrap();
                (place, fault["code"].as_str().unwrap())
            })
            .collect();
        faults.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(faults, expected, "{}", self.text());
        body
    }

    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag").expect("an ETag").to_owned()
    }

    pub fn id(&self) -> Uuid {
        id_in(&self.json(), "id")
    }
}

/// An id in a body.
#[track_caller]
pub fn id_in(body: &Value, field: &str) -> Uuid {
    body[field].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {field} in {body}"))
}
