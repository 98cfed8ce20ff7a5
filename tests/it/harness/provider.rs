//! A small identity provider on loopback: discovery, keys, and a token endpoint that says what a test wants it to say.

use super::now;
use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Data, Form},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tinhnguyen_http::{
    accounts::Accounts,
    keyring::generate_key,
    oidc::{Provider, Settings},
    tokens::Tokens,
};

pub const CLIENT: &str = "tinhnguyen";
const SECRET: &str = "bi-mat-cua-ung-dung";

/// What a code of the provider brings: the PKCE challenge that must be answered, the ID token, and how it is signed.
struct Issued {
    challenge: String,
    id_token: String,
}

struct State {
    base: String,
    jwks: Value,
    issued: Mutex<HashMap<String, Issued>>,
    /// Other members of the discovery document, such as another issuer.
    says: Mutex<Value>,
}

/// The provider, as long as it runs.
pub struct Idp {
    pub issuer: String,
    key: String,
    state: Arc<State>,
    handle: ServerHandle,
}

impl Idp {
    pub async fn start() -> Self {
        let key = generate_key().unwrap();
        let jwks = Tokens::from_pem(&key).unwrap().keyring().jwks();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (issued, says) = (Mutex::default(), Mutex::new(json!({})));
        let state = Arc::new(State { base: issuer.clone(), jwks, issued, says });
        let shared = Data::from(state.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/jwks", web::get().to(jwks_of))
                .route("/token", web::post().to(token))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { issuer, key, state, handle }
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }

    /// Lets people of an application log in here.
    pub fn trusted_by(&self, accounts: &mut Accounts, return_url: Option<&str>) {
        let settings = Settings {
            issuer: self.issuer.clone(),
            client_id: CLIENT.to_owned(),
            client_secret: SECRET.to_owned().into(),
            redirect: "https://tinhnguyen.example/v1/auth/oidc/callback".to_owned(),
            return_url: return_url.map(|url| url.parse().unwrap()),
        };
        accounts.oidc = Some(Provider::new(settings).unwrap());
    }

    /// Says something else in the discovery document.
    pub fn says(&self, members: Value) {
        *self.state.says.lock().unwrap() = members;
    }

    /// The claims of a good ID token.
    pub fn claims(&self, subject: &str, email: &str, nonce: &str) -> Value {
        let at = now().timestamp();
        json!({
            "iss": self.issuer, "aud": CLIENT, "sub": subject, "email": email, "email_verified": true, "nonce": nonce,
            "iat": at, "exp": at + 300,
        })
    }

    /// An ID token of these claims, signed with the provider's key.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&self.key, claims)
    }

    /// The same with another key under the provider's key's name.
    pub fn sign_with(&self, key: &str, claims: &Value) -> String {
        let kid = self.state.jwks["keys"][0]["kid"].as_str().unwrap().to_owned();
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_pem(key.as_bytes()).unwrap()).unwrap()
    }

    /// An ID token signed with the client's secret, as no provider of ours may.
    pub fn sign_with_the_clients_secret(&self, claims: &Value) -> String {
        let header = Header::new(Algorithm::HS256);
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    /// Gives a code out that brings this ID token to whoever answers the challenge.
    pub fn issue(&self, code: &str, challenge: &str, id_token: String) {
        let issued = Issued { challenge: challenge.to_owned(), id_token };
        self.state.issued.lock().unwrap().insert(code.to_owned(), issued);
    }
}

async fn discovery(state: Data<State>) -> HttpResponse {
    let base = &state.base;
    let mut document = json!({
        "issuer": base, "authorization_endpoint": format!("{base}/authorize"), "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/jwks"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "EdDSA", "HS256"],
    });
    for (name, value) in state.says.lock().unwrap().as_object().unwrap() {
        document[name] = value.clone();
    }
    HttpResponse::Ok().json(document)
}

async fn jwks_of(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(&state.jwks)
}

async fn token(state: Data<State>, request: HttpRequest, form: Form<HashMap<String, String>>) -> HttpResponse {
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    let known = request.headers().get("authorization").is_some_and(|v| v.as_bytes() == basic.as_bytes());
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    // Each code is good once.
    let issued = state.issued.lock().unwrap().remove(field("code"));
    let answered = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
    match issued {
        Some(issued) if known && field("grant_type") == "authorization_code" && issued.challenge == answered => {
            HttpResponse::Ok().json(json!({
                "access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": issued.id_token,
            }))
        }
        _ => HttpResponse::BadRequest().json(json!({"error": "invalid_grant"})),
    }
}
