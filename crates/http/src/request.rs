//! What every operation reads from its request: the query, the body, `If-Match`, `Idempotency-Key`, `dry_run`.

use crate::{
    address::ClientAddress,
    app::App,
    contract::Contract,
    problem::{ApiError, ApiResult, Code, Fault, Lang},
    strict_json::{self, canonical_hash},
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Bytes};
use futures_util::StreamExt;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{future::Ready, time::Duration};
use tinhnguyen_domain::evidence::MAX_FILE;
use utoipa::{IntoParams, ToSchema, openapi::path::ParameterIn};
use validator::Validate;

/// The largest body that is read, in bytes (2 MiB).
pub const MAX_BODY: usize = 2 * 1024 * 1024;
/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a file may take to come: within the deadline of the whole request.
const FILE_TIMEOUT: Duration = Duration::from_secs(25);

/// What the audit log says of a request beside who and what.
#[derive(Debug, Clone)]
pub struct Provenance {
    /// The name of the request in logs and problems.
    pub request_id: String,
    /// Where it comes from.
    pub address: ClientAddress,
    /// Whether only the head of the answer is wanted: routes see a GET.
    pub head: bool,
}

/// The head of a request; the body of a writing one is read by [`Request::body`] after the caller is known, so that
/// a stranger's body is never looked at.
pub struct Request {
    http: HttpRequest,
    payload: Mutex<Option<Payload>>,
}

impl FromRequest for Request {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(http: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self { http: http.clone(), payload: Mutex::new(Some(payload.take())) }))
    }
}

/// A body that passed all checks.
#[derive(Debug, Clone)]
pub struct Input<T> {
    /// The value.
    pub value: T,
    /// A hash that is the same for bodies that say the same.
    pub hash: Vec<u8>,
}

/// Versions that the client accepts to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`.
    Any,
    /// One of these ETags, without quotes.
    Tags(Vec<String>),
}

impl Request {
    /// Its name and where it comes from.
    ///
    /// # Errors
    /// `internal` when it did not come through the edge.
    pub fn provenance(&self) -> ApiResult<Provenance> {
        let provenance = self.http.extensions().get::<Provenance>().cloned();
        provenance.ok_or_else(|| ApiError::internal("the request's provenance is missing"))
    }

    /// A header's text.
    #[must_use]
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.http.headers().get(name).and_then(|v| v.to_str().ok())
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.http.method().as_str()
    }

    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.http.path()
    }

    /// The query as a typed value; unknown names and wrong values are refused, all at once.
    ///
    /// # Errors
    /// `invalid_parameter`, `unknown_parameter`.
    pub fn query<Q: DeserializeOwned + IntoParams>(&self, contract: &Contract) -> ApiResult<Q> {
        parse_query(contract, self.http.query_string())
    }

    /// The query's names and values, whatever they are: for what somebody else's service sends.
    ///
    /// # Errors
    /// `invalid_parameter` when it can't be read.
    pub fn query_pairs(&self) -> ApiResult<Vec<(String, String)>> {
        pairs(self.http.query_string())
    }

    /// Holds that a reading operation without parameters was sent none.
    ///
    /// # Errors
    /// `unknown_parameter`.
    pub fn no_query(&self) -> ApiResult<()> {
        let faults: Vec<_> = pairs(self.http.query_string())?
            .into_iter()
            .map(|(name, _)| Fault::of_parameter(name, Code::UnknownParameter))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(ApiError::parameters(faults)) }
    }

    /// Whether `dry_run=true` was sent, on a writing operation without other parameters.
    ///
    /// # Errors
    /// `invalid_parameter`, `unknown_parameter`.
    pub fn dry_run(&self) -> ApiResult<bool> {
        let mut dry_run = false;
        let mut faults = Vec::new();
        for (name, value) in pairs(self.http.query_string())? {
            match (name.as_str(), value.as_str()) {
                ("dry_run", "true") => dry_run = true,
                ("dry_run", "false") => dry_run = false,
                ("dry_run", _) => faults
                    .push(Fault::of_parameter("dry_run", Code::WrongType).limit(serde_json::json!(["true", "false"]))),
                _ => faults.push(Fault::of_parameter(name, Code::UnknownParameter)),
            }
        }
        if faults.is_empty() { Ok(dry_run) } else { Err(ApiError::parameters(faults)) }
    }

    /// The `If-Match` header, which an operation on one existing item wants.
    ///
    /// # Errors
    /// `if_match_required`.
    pub fn if_match(&self) -> ApiResult<IfMatch> {
        let text = self.header(header::IF_MATCH).filter(|text| !text.trim().is_empty());
        let Some(text) = text else { return Err(ApiError::new(Code::IfMatchRequired)) };
        if text.trim() == "*" {
            return Ok(IfMatch::Any);
        }
        // Weak tags never match in a strong comparison (RFC 9110 §13.1.1), so they are kept as they are.
        let tags = text.split(',').map(|tag| tag.trim().trim_matches('"').to_owned()).collect();
        Ok(IfMatch::Tags(tags))
    }

    /// The `Idempotency-Key` header: a structured field's string (RFC 8941, `"…"`), or the key as it is. Both mean the same
    /// key.
    ///
    /// # Errors
    /// `invalid_parameter` unless it is one key of 1 to 255 visible ASCII characters.
    pub fn idempotency_key(&self) -> ApiResult<Option<String>> {
        const NAME: &str = "Idempotency-Key";
        let refused = |code, limit: Value| Err(ApiError::parameter(Fault::of_parameter(NAME, code).limit(limit)));
        let mut sent = self.http.headers().get_all(NAME);
        let Some(raw) = sent.next() else { return Ok(None) };
        if sent.next().is_some() {
            return refused(Code::NotUnique, 1.into());
        }
        let text = raw.to_str().unwrap_or_default().trim();
        let key = if text.starts_with('"') {
            match sfv::Parser::new(text).parse::<sfv::Item>().ok().map(|item| item.bare_item) {
                Some(sfv::BareItem::String(key)) => key.as_str().to_owned(),
                _ => return refused(Code::BadFormat, "sf-string".into()),
            }
        } else {
            text.to_owned()
        };
        let sound = (1..=255).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if sound { Ok(Some(key)) } else { refused(Code::OutOfRange, 255.into()) }
    }

    /// The raw body, bounded in size and in time.
    ///
    /// # Errors
    /// `payload_too_large`, `request_timeout`, `malformed_json` when the transfer breaks.
    pub async fn bytes(&self) -> ApiResult<Bytes> {
        self.bytes_within(MAX_BODY, BODY_TIMEOUT).await
    }

    /// The raw body of an operation that takes files.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub async fn file(&self) -> ApiResult<Bytes> {
        self.bytes_within(MAX_FILE, FILE_TIMEOUT).await
    }

    /// The media type of the body, without its parameters, in small letters.
    #[must_use]
    pub fn content_type(&self) -> String {
        self.http.content_type().to_ascii_lowercase()
    }

    async fn bytes_within(&self, most: usize, within: Duration) -> ApiResult<Bytes> {
        let too_large = || ApiError::new(Code::PayloadTooLarge).with("limit", most);
        let declared = self.header(header::CONTENT_LENGTH).and_then(|l| l.parse::<usize>().ok());
        if declared.is_some_and(|l| l > most) {
            return Err(too_large());
        }
        let Some(mut payload) = self.payload.lock().take() else { return Ok(Bytes::new()) };
        let reading = async {
            let mut body = actix_web::web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|err| {
                    ApiError::new(Code::MalformedJson).detail(
                        format!("Không đọc được nội dung: {err}."),
                        format!("The body could not be read: {err}."),
                    )
                })?;
                if body.len().saturating_add(chunk.len()) > most {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.freeze())
        };
        tokio::time::timeout(within, reading).await.unwrap_or_else(|_| Err(ApiError::new(Code::RequestTimeout)))
    }

    /// The JSON body as a typed value. Syntax, schema of the contract and rules across fields are checked in this
    /// order; each step gives all its faults at once.
    ///
    /// # Errors
    /// 400, 408, 413, 415 and 422 problems.
    pub async fn body<T: DeserializeOwned + ToSchema + Validate>(&self, contract: &Contract) -> ApiResult<Input<T>> {
        check(contract, self.json().await?)
    }

    /// The JSON body, whatever it says.
    ///
    /// # Errors
    /// 400, 408, 413 and 415 problems; 422 for what JSON allows and we don't.
    pub async fn json(&self) -> ApiResult<Value> {
        let essence = self.content_type();
        let patch = self.http.method() == actix_web::http::Method::PATCH;
        if !(essence == "application/json" || (patch && essence == "application/merge-patch+json")) {
            return Err(ApiError::new(Code::UnsupportedMediaType).with("received", essence));
        }
        strict_json::parse(&self.bytes().await?)
    }

    /// What writes problems into an answer of several, in the language of the request.
    ///
    /// # Errors
    /// `internal` when the service is wired wrongly.
    pub fn renderer(&self) -> ApiResult<impl Fn(&ApiError) -> Value> {
        let lang = Lang::negotiate(self.header(header::ACCEPT_LANGUAGE));
        let base = self.app()?.settings.public_url.clone();
        let (path, provenance) = (self.path().to_owned(), self.provenance()?);
        Ok(move |error: &ApiError| error.body(lang, &base, &path, &provenance.request_id))
    }

    /// Reads and forgets the body of an operation that takes none: it must be empty or an empty object.
    ///
    /// # Errors
    /// 413, 408, 422 `unknown_field`.
    pub async fn no_body(&self) -> ApiResult<()> {
        let bytes = self.bytes().await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match strict_json::parse(&bytes)? {
            Value::Object(members) => {
                let faults: Vec<_> =
                    members.keys().map(|k| Fault::at(strict_json::step(k), Code::UnknownField)).collect();
                if faults.is_empty() { Ok(()) } else { Err(ApiError::invalid(faults)) }
            }
            _ => Err(ApiError::fault(Fault::at("", Code::WrongType).limit("object"))),
        }
    }
}

/// Checks a parsed value against the schema of `T`, and makes it one.
///
/// # Errors
/// 422 problems with pointers.
pub fn check<T: DeserializeOwned + ToSchema + Validate>(contract: &Contract, value: Value) -> ApiResult<Input<T>> {
    let faults = contract.faults(&T::name(), &value)?;
    if !faults.is_empty() {
        return Err(ApiError::invalid(faults));
    }
    let hash = canonical_hash(&value);
    Ok(Input { value: typed(value)?, hash })
}

/// Makes a value that fits the schema of `T` one, and holds it to the rules across fields.
///
/// # Errors
/// 422 problems with pointers.
pub fn typed<T: DeserializeOwned + Validate>(value: Value) -> ApiResult<T> {
    let typed: T = serde_path_to_error::deserialize(value).map_err(|err| {
        let pointer: String = err
            .path()
            .iter()
            .map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => strict_json::step(&index.to_string()),
                serde_path_to_error::Segment::Map { key } => strict_json::step(key),
                _ => String::new(),
            })
            .collect();
        ApiError::fault(Fault::at(pointer, Code::WrongType).message("Sai kiểu dữ liệu", err.inner().to_string()))
    })?;
    if let Err(errors) = typed.validate() {
        return Err(ApiError::invalid(faults_of(&errors, "")));
    }
    Ok(typed)
}

/// The faults that `validator` found, with pointers. A rule across fields names its field in the parameter `pointer`
/// and its code as the error's code.
fn faults_of(errors: &validator::ValidationErrors, at: &str) -> Vec<Fault> {
    use validator::ValidationErrorsKind as K;
    let mut faults = Vec::new();
    for (field, kind) in errors.errors() {
        let here = if field == "__all__" { at.to_owned() } else { format!("{at}{}", strict_json::step(field)) };
        match kind {
            K::Struct(inner) => faults.extend(faults_of(inner, &here)),
            K::List(items) => {
                for (index, inner) in items {
                    faults.extend(faults_of(inner, &format!("{here}/{index}")));
                }
            }
            K::Field(list) => faults.extend(list.iter().map(|error| {
                let code = Code::ALL.iter().copied().find(|c| c.as_str() == error.code);
                let pointer = error.params.get("pointer").and_then(Value::as_str).unwrap_or_default();
                Fault::at(format!("{here}{pointer}"), code.unwrap_or(Code::ValidationFailed))
            })),
        }
    }
    faults.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    faults
}

/// A rule across fields that is broken at `pointer`.
#[must_use]
pub fn broken(code: Code, pointer: &'static str) -> validator::ValidationError {
    let mut error = validator::ValidationError::new(code.as_str());
    error.add_param("pointer".into(), &pointer);
    error
}

fn pairs(query: &str) -> ApiResult<Vec<(String, String)>> {
    let decoded: Vec<(String, String)> = serde_urlencoded_pairs(query).ok_or_else(|| {
        ApiError::parameters(vec![Fault::of_parameter("", Code::BadFormat).limit("application/x-www-form-urlencoded")])
    })?;
    if let Some((name, _)) = decoded.iter().find(|(n, v)| n.contains('\0') || v.contains('\0')) {
        return Err(ApiError::parameters(vec![Fault::of_parameter(name.replace('\0', ""), Code::NulCharacter)]));
    }
    Ok(decoded)
}

fn serde_urlencoded_pairs(query: &str) -> Option<Vec<(String, String)>> {
    actix_web::web::Query::<Vec<(String, String)>>::from_query(query).ok().map(actix_web::web::Query::into_inner)
}

/// Parses a query by the parameters that `Q` declares in the contract.
fn parse_query<Q: DeserializeOwned + IntoParams>(contract: &Contract, query: &str) -> ApiResult<Q> {
    let mut faults = Vec::new();
    let mut values = Map::new();
    let declared = contract.declared(std::any::type_name::<Q>(), || {
        let parameters = Q::into_params(|| Some(ParameterIn::Query)).into_iter();
        parameters.map(|p| (p.name, serde_json::to_value(&p.schema).unwrap_or_default())).collect()
    });
    for (name, text) in pairs(query)? {
        let Some((_, schema)) = declared.iter().find(|(declared, _)| *declared == name) else {
            faults.push(Fault::of_parameter(name, Code::UnknownParameter));
            continue;
        };
        if values.contains_key(&name) {
            faults.push(Fault::of_parameter(name, Code::NotUnique));
            continue;
        }
        let value = coerce(schema, &text);
        let key = format!("{}?{name}", std::any::type_name::<Q>());
        faults.extend(contract.parameter_faults(&key, &name, schema, &value)?);
        values.insert(name, value);
    }
    if !faults.is_empty() {
        return Err(ApiError::parameters(faults));
    }
    serde_path_to_error::deserialize(Value::Object(values)).map_err(|err| {
        let name = err.path().to_string();
        let fault = Fault::of_parameter(name, Code::WrongType);
        ApiError::parameters(vec![fault.message("Sai kiểu dữ liệu", err.inner().to_string())])
    })
}

/// Query text as the JSON type that the schema wants; text that is not of the type stays text, and the schema says so.
fn coerce(schema: &Value, text: &str) -> Value {
    let wants = |name: &str| match schema.get("type") {
        Some(Value::String(t)) => t == name,
        Some(Value::Array(types)) => types.iter().any(|t| t == name),
        _ => false,
    };
    if wants("integer") {
        return text.parse::<i64>().map_or_else(|_| text.into(), Value::from);
    }
    if wants("boolean") {
        return match text {
            "true" => true.into(),
            "false" => false.into(),
            _ => text.into(),
        };
    }
    tinhnguyen_domain::text::nfc(text).into()
}

impl Request {
    /// The application's state.
    ///
    /// # Errors
    /// `internal` when the service is wired wrongly.
    pub fn app(&self) -> ApiResult<actix_web::web::Data<App>> {
        self.http.app_data::<actix_web::web::Data<App>>().cloned().ok_or_else(|| ApiError::internal("no state"))
    }
}
