//! The contract as machinery: the OpenAPI document, finished by one pass, validates every body and every parameter,
//! so that what is documented is what is enforced.

use crate::problem::{ApiError, Code, Fault};
use jsonschema::{
    Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use parking_lot::RwLock;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};
use tinhnguyen_domain::access::Permission;

/// The methods of an OpenAPI path item.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// How long the headers may be that any operation takes. An `Idempotency-Key` is looked at where it is read.
pub const HEADER_LENGTHS: [(&str, usize); 5] = [
    ("Accept-Language", 200),
    ("X-Request-Id", 200),
    ("If-Match", 200),
    ("If-None-Match", 2000),
    ("Last-Event-ID", 40),
];

/// The finished document and what is compiled from it.
pub struct Contract {
    document: Value,
    text: String,
    text_3_0: OnceLock<String>,
    validators: RwLock<HashMap<String, Arc<Validator>>>,
    queries: RwLock<HashMap<&'static str, Arc<Declared>>>,
}

/// The parameters that a query may have: their names and schemas.
pub type Declared = Vec<(String, Value)>;

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Path template, such as `/v1/teams/{id}`.
    pub path: String,
    /// Method in upper case.
    pub method: String,
    /// `operationId`.
    pub id: String,
    /// The permission that it demands; none for public ones.
    pub permission: Option<Permission>,
    /// Its tag.
    pub tag: String,
    /// What it does, in few words.
    pub summary: String,
    /// The problems that it may answer.
    pub codes: Vec<Code>,
}

impl Contract {
    /// Finishes the document that the handlers generate.
    #[must_use]
    pub fn new(generated: &utoipa::openapi::OpenApi) -> Self {
        let mut document = serde_json::to_value(generated).unwrap_or(Value::Null);
        finish(&mut document);
        let text = written(&document);
        let text_3_0 = OnceLock::new();
        Self { document, text, text_3_0, validators: RwLock::default(), queries: RwLock::default() }
    }

    /// The document.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.document
    }

    /// The document as it is served and committed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same in the words of OpenAPI 3.0, as it is served and committed.
    #[must_use]
    pub fn text_3_0(&self) -> &str {
        self.text_3_0.get_or_init(|| written(&crate::openapi_3_0::of(&self.document)))
    }

    /// All operations.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let mut operations = Vec::new();
        for (path, item) in self.document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for method in METHODS {
                let Some(operation) = item.get(method) else { continue };
                let text = |key: &str| operation.get(key).and_then(Value::as_str).unwrap_or_default();
                let list = |key: &str| operation.get(key).and_then(Value::as_array).into_iter().flatten();
                let stated: Vec<&str> = list("x-problem-codes").filter_map(Value::as_str).collect();
                operations.push(Operation {
                    path: path.clone(),
                    method: method.to_ascii_uppercase(),
                    id: text("operationId").to_owned(),
                    permission: text("x-permission").parse().ok(),
                    tag: list("tags").next().and_then(Value::as_str).unwrap_or_default().to_owned(),
                    summary: text("summary").to_owned(),
                    codes: Code::ALL.iter().copied().filter(|code| stated.contains(&code.as_str())).collect(),
                });
            }
        }
        operations
    }

    /// The methods of the path template that a request's path matches; none when there is no such path. Of several, it is
    /// the one that has words where the others have parameters.
    #[must_use]
    pub fn methods_of(&self, path: &str) -> Option<Vec<String>> {
        let paths = self.document.get("paths").and_then(Value::as_object)?;
        let matches = |template: &str| {
            let (mut left, mut right) = (template.split('/'), path.split('/'));
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some(l), Some(r)) if l == r || (l.starts_with('{') && !r.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        let parameters = |template: &str| template.split('/').map(|part| part.starts_with('{')).collect::<Vec<_>>();
        let matching = paths.iter().filter(|(template, _)| matches(template));
        let (_, item) = matching.min_by_key(|(template, _)| parameters(template))?;
        let methods = METHODS.iter().filter(|m| item.get(**m).is_some()).map(|m| m.to_ascii_uppercase());
        let head = item.get("get").map(|_| "HEAD".to_owned());
        Some(methods.chain(head).chain(["OPTIONS".to_owned()]).collect())
    }

    /// All faults of a value against a named schema of the document.
    ///
    /// # Errors
    /// `internal` when the schema is not in the document.
    pub fn faults(&self, schema: &str, value: &Value) -> Result<Vec<Fault>, ApiError> {
        let validator = self.validator(schema, || json!({"$ref": format!("#/components/schemas/{schema}")}))?;
        let faults = validator.iter_errors(value).filter(|err| !of_a_rule(err.kind()));
        Ok(faults.flat_map(|err| faults_of(&err)).collect())
    }

    /// All faults of a parameter's value against its schema. `key` names the parameter uniquely.
    ///
    /// # Errors
    /// `internal` when the schema does not compile.
    pub fn parameter_faults(
        &self,
        key: &str,
        name: &str,
        schema: &Value,
        value: &Value,
    ) -> Result<Vec<Fault>, ApiError> {
        let validator = self.validator(key, || schema.clone())?;
        Ok(validator
            .iter_errors(value)
            .flat_map(|err| faults_of(&err))
            .map(|fault| Fault { pointer: None, parameter: Some(name.to_owned()), ..fault })
            .collect())
    }

    /// The parameters of a query's type, which are worked out once: that takes longer than many an answer.
    pub fn declared(&self, query: &'static str, declare: impl FnOnce() -> Declared) -> Arc<Declared> {
        if let Some(declared) = self.queries.read().get(query) {
            return Arc::clone(declared);
        }
        let declared = Arc::new(declare());
        self.queries.write().insert(query, Arc::clone(&declared));
        declared
    }

    fn validator(&self, key: &str, schema: impl FnOnce() -> Value) -> Result<Arc<Validator>, ApiError> {
        if let Some(validator) = self.validators.read().get(key) {
            return Ok(validator.clone());
        }
        let mut root = schema();
        if let (Value::Object(root), Some(components)) = (&mut root, self.document.get("components")) {
            let schemas = components.get("schemas").cloned().unwrap_or_default();
            root.insert("components".to_owned(), json!({"schemas": schemas}));
        }
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .map_err(|err| ApiError::internal(format!("schema {key}: {err}")))?;
        let validator = Arc::new(validator);
        self.validators.write().insert(key.to_owned(), validator.clone());
        Ok(validator)
    }
}

/// What the document states and the operation itself tells, item by item and together with its other rules: what stands
/// twice, and which of two fields is wanted.
const fn of_a_rule(kind: &Kind) -> bool {
    matches!(kind, Kind::UniqueItems | Kind::MinProperties { .. } | Kind::MaxProperties { .. })
}

fn written(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default() + "\n"
}

/// The faults that one error of the validator stands for.
fn faults_of(err: &jsonschema::ValidationError<'_>) -> Vec<Fault> {
    let pointer = err.instance_path().to_string();
    let one = |code| Fault::at(pointer.as_str(), code);
    let below = |name: &str, code| Fault::at(format!("{pointer}{}", crate::strict_json::step(name)), code);
    vec![match err.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            return unexpected.iter().map(|name| below(name, Code::UnknownField)).collect();
        }
        Kind::Required { property } => below(property.as_str().unwrap_or_default(), Code::Required),
        Kind::Type { kind } => one(Code::WrongType).limit(type_name(kind)),
        Kind::Enum { options } => one(Code::NotAllowedValue).limit(options.as_ref().clone()),
        Kind::Constant { expected_value } => one(Code::NotAllowedValue).limit(expected_value.as_ref().clone()),
        Kind::Maximum { limit }
        | Kind::Minimum { limit }
        | Kind::ExclusiveMaximum { limit }
        | Kind::ExclusiveMinimum { limit } => one(Code::OutOfRange).limit(limit.clone()),
        Kind::MaxLength { limit } => one(Code::TooLong).limit(*limit),
        Kind::MinLength { limit } => one(Code::TooShort).limit(*limit),
        Kind::MaxItems { limit } => one(Code::TooMany).limit(*limit),
        Kind::MinItems { limit } => one(Code::TooFew).limit(*limit),
        Kind::Format { format } => one(Code::BadFormat).limit(format.as_str()),
        Kind::Pattern { pattern } => one(Code::BadFormat).limit(pattern.as_str()),
        // A nullable reference: the faults of the branch that is not `null` are the ones that help.
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            let has = |errors: &[jsonschema::ValidationError<'_>], kind: fn(&Kind) -> bool| {
                errors.iter().any(|e| kind(e.kind()))
            };
            let branch = context.iter().find(|errors| !has(errors, |k| matches!(k, Kind::Type { .. })));
            let branch = branch.or_else(|| context.iter().find(|errors| !has(errors, wants_null)));
            match branch.or_else(|| context.last()) {
                Some(errors) if !errors.is_empty() => return errors.iter().flat_map(faults_of).collect(),
                _ => one(Code::WrongType),
            }
        }
        _ => one(Code::ValidationFailed),
    }]
}

fn wants_null(kind: &Kind) -> bool {
    matches!(kind, Kind::Type { kind } if type_name(kind) == "null")
}

/// The JSON types that were wanted, such as `integer`, or `integer or null`.
fn type_name(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => several.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" or "),
    }
}

fn finish(document: &mut Value) {
    let Some(root) = document.as_object_mut() else { return };
    root.remove("jsonSchemaDialect");
    let components = root.entry("components").or_insert_with(|| json!({}));
    if let Some(components) = components.as_object_mut() {
        components.insert("responses".to_owned(), problem_responses());
        components.insert("parameters".to_owned(), shared_parameters());
        components.insert("headers".to_owned(), shared_headers());
        components.insert("securitySchemes".to_owned(), security_schemes());
    }
    lift_descriptions(root);
    require_nullable(root);
    let schemas = root.get("components").and_then(|c| c.get("schemas")).and_then(Value::as_object).cloned();
    let schemas = schemas.unwrap_or_default();
    let Some(paths) = root.get_mut("paths").and_then(Value::as_object_mut) else { return };
    // Not in the order in which routes are tried.
    paths.sort_keys();
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                finish_operation(path, method, operation, &schemas);
                add_examples(operation, &schemas);
            }
        }
    }
    drop_unused_responses(root);
    crate::schema::state_extents(root);
    root.insert("webhooks".to_owned(), crate::slices::webhooks::document::section(&schemas));
}

/// The same token under two names: for tools that log in by themselves, and for those that are given a token.
fn security_schemes() -> Value {
    let scopes: Map<String, Value> =
        Permission::ALL.iter().map(|p| (p.scope().to_owned(), format!("The permission `{p}`.").into())).collect();
    json!({
        "oauth2": {
            "type": "oauth2",
            "description": "The listed scopes are what a registered client must hold; a user's rights come from their grants.",
            "flows": {"password": {"tokenUrl": "/v1/auth/token", "scopes": scopes}},
        },
        "bearer": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token of `POST /v1/auth/token`, valid for 15 minutes.",
        },
    })
}

/// A field that may be null says what it is beside the reference, where few tools look: it belongs to the field.
fn lift_descriptions(root: &mut Map<String, Value>) {
    let schemas = root.get_mut("components").and_then(|c| c.get_mut("schemas")).and_then(Value::as_object_mut);
    let fields = schemas
        .into_iter()
        .flat_map(|schemas| schemas.values_mut())
        .filter_map(|schema| schema.get_mut("properties").and_then(Value::as_object_mut))
        .flat_map(|properties| properties.values_mut())
        .filter_map(Value::as_object_mut);
    for field in fields.filter(|field| !field.contains_key("description")) {
        let branches = field.get_mut("oneOf").and_then(Value::as_array_mut);
        let description = branches
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .find_map(|branch| branch.remove("description"));
        field.extend(description.map(|description| ("description".to_owned(), description)));
    }
}

/// Fields of answers that are left out where nobody asked for them, and null where there is no such thing.
const NOT_ASKED: [(&str, &str); 2] = [("ProgressGroup", "target"), ("ProgressGroup", "percent")];

/// What an answer may say null of is always in it: a field that is left out when it is empty is never null.
fn require_nullable(root: &mut Map<String, Value>) {
    let whole = Value::Object(root.clone());
    let mut sent = BTreeSet::new();
    let operations = whole.get("paths").and_then(Value::as_object).into_iter().flat_map(Map::values);
    for operation in operations.filter_map(Value::as_object).flat_map(Map::values) {
        refer(&whole, operation.get("requestBody"), &mut sent);
    }
    let schemas = root.get_mut("components").and_then(|c| c.get_mut("schemas")).and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten().filter(|(name, _)| !sent.contains(name.as_str())) {
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let required: Vec<Value> = fields
            .filter(|(field, one)| {
                let asked = !NOT_ASKED.contains(&(name.as_str(), field.as_str()));
                required.iter().any(|already| already == *field) || is_nullable(one) && asked
            })
            .map(|(field, _)| field.as_str().into())
            .collect();
        if let Some(schema) = schema.as_object_mut().filter(|_| !required.is_empty()) {
            schema.insert("required".to_owned(), required.into());
        }
    }
}

/// Notes the named schemas that a part of the document refers to, by whatever way.
fn refer(document: &Value, part: Option<&Value>, named: &mut BTreeSet<String>) {
    match part {
        Some(Value::Object(members)) => {
            let to = members.get("$ref").and_then(Value::as_str);
            if let Some((to, name)) = to.and_then(|to| Some((to.strip_prefix('#')?, to.rsplit('/').next()?)))
                && named.insert(name.to_owned())
            {
                refer(document, document.pointer(to), named);
            }
            members.values().for_each(|member| refer(document, Some(member), named));
        }
        Some(Value::Array(items)) => items.iter().for_each(|item| refer(document, Some(item), named)),
        _ => {}
    }
}

fn is_nullable(schema: &Value) -> bool {
    let null = |one: &Value| one == "null";
    let types = schema.get("type").and_then(Value::as_array);
    let branches = schema.get("oneOf").and_then(Value::as_array);
    types.is_some_and(|all| all.iter().any(null))
        || branches.is_some_and(|all| all.iter().filter_map(|one| one.get("type")).any(null))
}

/// A parameter whose schema is made by a function says there what it is: it belongs to the parameter.
fn lift_from_schema(parameter: &mut Map<String, Value>) {
    if parameter.contains_key("description") {
        return;
    }
    let schema = parameter.get_mut("schema").and_then(Value::as_object_mut);
    let description = schema.and_then(|schema| schema.remove("description"));
    parameter.extend(description.map(|description| ("description".to_owned(), description)));
}

/// A shared response that no operation gives has no place in the document.
fn drop_unused_responses(root: &mut Map<String, Value>) {
    let used = root.get("paths").map(ToString::to_string).unwrap_or_default();
    let responses = root.get_mut("components").and_then(|c| c.get_mut("responses")).and_then(Value::as_object_mut);
    if let Some(responses) = responses {
        responses.retain(|name, _| used.contains(&format!("#/components/responses/{name}\"")));
    }
}

/// Puts an example on every body that has none of its own.
fn add_examples(operation: &mut Map<String, Value>, schemas: &Map<String, Value>) {
    let (request, answers): (Vec<_>, Vec<_>) = operation
        .iter_mut()
        .filter(|(key, _)| matches!(key.as_str(), "requestBody" | "responses"))
        .partition(|(key, _)| key.as_str() == "requestBody");
    let answers = answers.into_iter().filter_map(|(_, all)| all.as_object_mut()).flat_map(|all| all.values_mut());
    for body in request.into_iter().map(|(_, body)| body).chain(answers) {
        for (_, media) in body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
            let Some(media) = media.as_object_mut().filter(|m| !m.contains_key("example")) else { continue };
            let example = media.get("schema").map(|schema| crate::example::of(schema, schemas));
            media.extend(example.map(|example| ("example".to_owned(), example)));
        }
    }
}

/// Whether an operation wants `If-Match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// It makes something new.
    None,
    /// It changes one item that exists.
    Wanted,
    /// It makes an item that isn't there yet, and changes one that is.
    WantedWhenThere,
}

/// Whether an operation wants `If-Match`. The contract's actions are verbs (`/results/{id}/submit`), its collections plural
/// nouns; what is done to a collection as a whole is named here.
#[must_use]
pub fn precondition(path: &str, method: &str) -> Precondition {
    let last = path.rsplit('/').next().unwrap_or_default();
    let of_collection = last.ends_with('s') || matches!(last, "bulk" | "suggestion");
    match method {
        "put" => Precondition::WantedWhenThere,
        "patch" | "delete" => Precondition::Wanted,
        "post" if path.contains("/{id}/") && !of_collection => Precondition::Wanted,
        _ => Precondition::None,
    }
}

fn finish_operation(path: &str, method: &str, operation: &mut Map<String, Value>, schemas: &Map<String, Value>) {
    // Extensions come in no order: taken out here, put back where they always stand.
    let permission: Option<Permission> =
        operation.remove("x-permission").as_ref().and_then(Value::as_str).and_then(|word| word.parse().ok());
    let form = operation.get("requestBody").is_some_and(|b| b.to_string().contains("x-www-form-urlencoded"));
    let has_body = operation.contains_key("requestBody");
    let write = method != "get";

    let mut description = operation.get("description").and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    match permission {
        Some(p) => {
            let roles: Vec<_> = p.roles().iter().map(|r| format!("`{r}`")).collect();
            let held = if roles.len() == tinhnguyen_domain::access::Role::ALL.len() {
                "any role".to_owned()
            } else {
                format!("role {}", roles.join(" or "))
            };
            description.push_str(&format!("\n\nDemands scope `{}` and {held} over the unit concerned.", p.scope()));
            operation.insert("security".to_owned(), json!([{"oauth2": [p.scope()]}, {"bearer": []}]));
            operation.insert("x-permission".to_owned(), p.as_str().into());
        }
        None => {
            description.push_str("\n\nPublic: no token is wanted.");
            operation.insert("security".to_owned(), json!([]));
        }
    }

    let mut statuses: Vec<&str> = vec!["400", "406", "429", "500", "503"];
    if permission.is_some() {
        statuses.extend(["401", "403"]);
    }
    if path.contains('{') || permission.is_some() && write {
        statuses.push("404");
    }
    if method == "get" && path.contains('{') {
        statuses.push("404");
    }
    let mut parameters = vec!["AcceptLanguage", "XRequestId"];
    if method == "post" {
        parameters.push("IdempotencyKey");
    }
    if write && !form {
        // A conflict comes with a code of the operation's own.
        statuses.extend(["422", "507"]);
        parameters.push("DryRun");
        match precondition(path, method) {
            Precondition::None => {}
            Precondition::Wanted => parameters.push("IfMatch"),
            Precondition::WantedWhenThere => parameters.push("IfMatchWhenThere"),
        }
        if precondition(path, method) != Precondition::None {
            statuses.extend(["412", "428"]);
        }
    }
    if has_body && !form {
        statuses.push("415");
    }
    if write {
        statuses.extend(["408", "413"]);
    }
    let revalidated = method == "get" && is_revalidated(operation);
    if revalidated {
        parameters.push("IfNoneMatch");
        statuses.push("304");
    }
    let own: Vec<Code> = operation
        .remove("x-codes")
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
        .filter_map(|own| Code::ALL.iter().copied().find(|c| c.as_str() == own))
        .collect();
    let mut statuses: Vec<String> = statuses.into_iter().map(ToOwned::to_owned).collect();
    statuses.extend(own.iter().map(|code| code.status().to_string()));
    let list = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(list) = list.as_array_mut() {
        list.iter_mut().filter_map(Value::as_object_mut).for_each(lift_from_schema);
        list.extend(parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})));
    }

    let mut codes: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|c| statuses.contains(&c.status().to_string()))
        .filter(|c| may_refuse(permission, *c))
        .filter(|c| shared(*c) && (c.status() != 422 || has_body || of_no_body(*c)))
        .collect();
    codes.extend(own);
    if form {
        // What is wrong with the form itself is said in OAuth's own words.
        codes.retain(|code| {
            matches!(code.status(), 406 | 408 | 413 | 429 | 500 | 503)
                || matches!(code, Code::InvalidParameter | Code::UnknownParameter)
        });
    }
    codes.sort_by_key(|c| (c.status(), c.as_str()));
    codes.dedup();
    if !codes.is_empty() {
        let named: Vec<_> = codes.iter().map(|c| format!("`{}` ({})", c.as_str(), c.status())).collect();
        description.push_str(&format!("\n\nProblems: {}.", named.join(", ")));
    }
    operation.insert("x-problem-codes".to_owned(), codes.iter().map(|c| c.as_str()).collect());
    operation.insert("description".to_owned(), description.into());

    let counts = operation.get("tags").and_then(|tags| tags.get(0)).is_some_and(|tag| tag == "results");
    let walked = names_parameter(operation, "cursor");
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let Some(responses) = responses.as_object_mut() else { return };
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['2', '3'])) {
        let is_item = is_item(response, schemas);
        let mut named = ALWAYS.to_vec();
        named.extend((revalidated || write && is_item).then_some("ETag"));
        named.extend((status == "201" && is_item || status == "302").then_some("Location"));
        named.extend(walked.then_some("Link"));
        named.extend((write && !form).then_some("DryRun"));
        named.extend((method == "post" && !form).then_some("IdempotencyReplayed"));
        named.extend((write && counts).then_some("LedgerSeq"));
        if let Some(response) = response.as_object_mut() {
            response.insert("headers".to_owned(), headers(&named));
        }
    }
    // An endpoint with errors of its own form answers problems beside them.
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('4')) {
        if let Some(content) = response.get_mut("content").and_then(Value::as_object_mut) {
            let problem = || json!({"schema": {"$ref": "#/components/schemas/Problem"}});
            content.entry("application/problem+json").or_insert_with(problem);
        }
    }
    for status in statuses {
        responses.entry(&status).or_insert_with(|| json!({"$ref": format!("#/components/responses/Problem{status}")}));
    }
    let mut sorted: Vec<_> = std::mem::take(responses).into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    responses.extend(sorted);
}

/// The headers of every answer.
const ALWAYS: [&str; 4] = ["XRequestId", "RateLimit", "RateLimitPolicy", "CacheControl"];

/// References to these headers, under their names.
fn headers(named: &[&str]) -> Value {
    let reference = |name: &str| json!({"$ref": format!("#/components/headers/{name}")});
    named.iter().map(|name| (header_name(name).to_owned(), reference(name))).collect::<Map<_, _>>().into()
}

/// Whether the answer to a reading operation has an ETag: one that leads elsewhere, or never ends, has none.
fn is_revalidated(operation: &Map<String, Value>) -> bool {
    let responses = operation.get("responses");
    let leads_elsewhere = responses.is_some_and(|all| all.get("302").is_some());
    let success = responses.and_then(|all| all.get("200")).and_then(|response| response.get("content"));
    !leads_elsewhere && success.is_some_and(|content| content.get("text/event-stream").is_none())
}

/// Whether what is answered is an item: it has an identity and a version.
fn is_item(response: &Value, schemas: &Map<String, Value>) -> bool {
    let schema = response.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str);
    let schema = schema.and_then(|to| schemas.get(to.rsplit('/').next().unwrap_or_default()));
    let has = |field: &str| schema.is_some_and(|schema| schema.pointer(&format!("/properties/{field}")).is_some());
    has("id") && has("version")
}

/// Whether an operation has a parameter of this name of its own.
fn names_parameter(operation: &Map<String, Value>, name: &str) -> bool {
    let parameters = operation.get("parameters").and_then(Value::as_array);
    parameters.is_some_and(|all| all.iter().any(|parameter| parameter.get("name").is_some_and(|n| n == name)))
}

/// Whether an operation with this permission may refuse its caller with this code: a public one refuses nobody, and what
/// one does with one's own account wants no second factor.
const fn may_refuse(permission: Option<Permission>, code: Code) -> bool {
    match code {
        Code::Forbidden => permission.is_some(),
        Code::SecondFactorRequired => !matches!(permission, None | Some(Permission::SelfRead | Permission::SelfWrite)),
        _ => true,
    }
}

/// What an operation that takes no body may find wrong with one.
const fn of_no_body(code: Code) -> bool {
    matches!(
        code,
        Code::ValidationFailed
            | Code::UnknownField
            | Code::WrongType
            | Code::NulCharacter
            | Code::DuplicateKey
            | Code::IdempotencyKeyReused
    )
}

/// Codes that any operation of their status may answer; the others are stated by the operation.
const fn shared(code: Code) -> bool {
    matches!(
        code,
        Code::MalformedJson
            | Code::InvalidParameter
            | Code::UnknownParameter
            | Code::Unauthenticated
            | Code::Forbidden
            | Code::SecondFactorRequired
            | Code::NotFound
            | Code::NotAcceptable
            | Code::RequestTimeout
            | Code::StaleVersion
            | Code::PayloadTooLarge
            | Code::UnsupportedMediaType
            | Code::ValidationFailed
            | Code::UnknownField
            | Code::Required
            | Code::WrongType
            | Code::NotAllowedValue
            | Code::OutOfRange
            | Code::TooLong
            | Code::TooShort
            | Code::TooMany
            | Code::TooFew
            | Code::BadFormat
            | Code::NotUnique
            | Code::NulCharacter
            | Code::DuplicateKey
            | Code::IdempotencyKeyReused
            | Code::IfMatchRequired
            | Code::TooManyRequests
            | Code::Internal
            | Code::Unavailable
            | Code::StorageFull
    )
}

fn header_name(component: &str) -> &str {
    match component {
        "XRequestId" => "X-Request-Id",
        "RateLimitPolicy" => "RateLimit-Policy",
        "DryRun" => "Dry-Run",
        "IdempotencyReplayed" => "Idempotency-Replayed",
        "CacheControl" => "Cache-Control",
        "LedgerSeq" => "Ledger-Seq",
        "ContentLanguage" => "Content-Language",
        "RetryAfter" => "Retry-After",
        "WwwAuthenticate" => "WWW-Authenticate",
        other => other,
    }
}

fn shared_headers() -> Value {
    json!({
        "XRequestId": {"required": true, "description": "Names the request in our logs.", "schema": {"type": "string", "maxLength": 200}},
        "RateLimit": {"required": true, "description": "What is left of each quota (`r`, requests) and in how many seconds it is whole again (`t`).", "schema": {"type": "string", "maxLength": 200}, "example": "\"address\";r=59999;t=1, \"write\";r=2999;t=1"},
        "RateLimitPolicy": {"required": true, "description": "The quotas that this request was counted against: so many requests (`q`) in so many seconds (`w`), of each replica.", "schema": {"type": "string", "maxLength": 200}, "example": "\"address\";q=60000;w=60, \"write\";q=3000;w=60"},
        "ETag": {"required": true, "description": "Strong validator: an item's version in quotes.", "schema": {"type": "string", "maxLength": 200}},
        "DryRun": {"description": "`true` when nothing was kept.", "schema": {"type": "string", "enum": ["true"]}},
        "IdempotencyReplayed": {"description": "`true` when this is the stored answer of an earlier request with the same key.", "schema": {"type": "string", "enum": ["true"]}},
        "LedgerSeq": {"description": "The ledger's last entry that this write made, when it changed a figure; sent as `min_ledger_seq`, it makes a reading wait for it.", "schema": {"type": "string", "pattern": "^[0-9]+$", "maxLength": 19}, "example": "1234"},
        "CacheControl": {"required": true, "description": "How long the answer may be kept.", "schema": {"type": "string", "maxLength": 200}},
        "Location": {"required": true, "description": "Where it is found.", "schema": {"type": "string", "maxLength": 4000}, "example": "/v1/teams/018f3a5e-0000-7000-8000-000000000001"},
        "Link": {"description": "The next page, as `rel=\"next\"` (RFC 8288); not on the last one.", "schema": {"type": "string", "maxLength": 8000}, "example": "</v1/teams?cursor=eyJmIjoi&limit=50>; rel=\"next\""},
        "ContentLanguage": {"required": true, "description": "The language of the words.", "schema": {"type": "string", "enum": ["vi", "en"]}},
        "WwwAuthenticate": {"required": true, "description": "A bearer token is wanted; with `error=\"invalid_token\"` when the one that was sent is no good.", "schema": {"type": "string", "maxLength": 200}, "example": "Bearer realm=\"tinhnguyen\""},
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1, "maximum": 3600}},
    })
}

/// What a key looks like: as it is, or a structured field's string.
const KEY_PATTERN: &str = r#"^([!#-~]([ -~]*[!-~])?|"([ !#-\[\]-~]|\\["\\])+")$"#;

const IDEMPOTENCY_KEY: &str = "A key of your choice, 1 to 255 visible ASCII characters, as it is or as a structured field's string \
    (`\"…\"`, RFC 8941): both are the same key. It belongs to you, the method and the path; a retry with the same body (passwords are \
    compared where they are all that it says) gives the stored answer, with `Idempotency-Replayed: true`, for 24 hours. Stored is what was done (2xx) and what the \
    state was against (409 and 422 beyond what the body alone says): after the state was mended, send it under a new key. Never stored, \
    so that the same key may be used again: 400, 401, 403, 404, 408, 412, 413, 415, 428, 429, 5xx, `idempotency_in_progress`, and the \
    422 of a body that breaks its schema or the rules across its fields. A rehearsal (`dry_run=true`) takes no key. Requests for tokens \
    store nothing and ignore it.";

fn shared_parameters() -> Value {
    json!({
        "AcceptLanguage": {"name": "Accept-Language", "in": "header", "required": false, "description": "`vi` (default) or `en`: the language of problems. Codes never change with it.", "schema": {"type": "string", "maxLength": 200}, "example": "en"},
        "XRequestId": {"name": "X-Request-Id", "in": "header", "required": false, "description": "Your name for the request, 1 to 64 of `A–Z a–z 0–9 . _ -`; it comes back and stands in our logs. Anything else of up to 200 characters gets a new name.", "schema": {"type": "string", "maxLength": 200}, "example": "lop-01-07"},
        "DryRun": {"name": "dry_run", "in": "query", "required": false, "description": "`true`: the same checks and the same answer, nothing kept.", "schema": {"type": "boolean", "default": false}},
        "IdempotencyKey": {"name": "Idempotency-Key", "in": "header", "required": false, "description": IDEMPOTENCY_KEY, "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN}, "example": "5f0c3a5e-9f7c-4b1e-8a5d-0c8f1f0e2d3b"},
        "IfMatch": {"name": "If-Match", "in": "header", "required": true, "description": "The `ETag` that you read, such as `\"3\"`; `*` for whatever version.", "schema": {"type": "string", "minLength": 1, "maxLength": 200}, "example": "\"1\""},
        "IfMatchWhenThere": {"name": "If-Match", "in": "header", "required": false, "description": "The `ETag` that you read, such as `\"3\"`, or `*` for whatever version: wanted when it is there already. Left out, it is made, and refused with 428 when somebody has made it meanwhile.", "schema": {"type": "string", "minLength": 1, "maxLength": 200}, "example": "\"1\""},
        "IfNoneMatch": {"name": "If-None-Match", "in": "header", "required": false, "description": "The `ETag` that you have: 304 when it is still good.", "schema": {"type": "string", "maxLength": 2000}, "example": "\"1\""},
    })
}

fn problem_responses() -> Value {
    let mut responses = Map::new();
    let unchanged = [&ALWAYS[..], &["ETag"]].concat();
    let unchanged = json!({"description": "What you have is still good.", "headers": headers(&unchanged)});
    responses.insert("Problem304".to_owned(), unchanged);
    let statuses: BTreeSet<u16> = Code::ALL.iter().map(|c| c.status()).collect();
    for status in statuses {
        let codes: Vec<Code> = Code::ALL.iter().copied().filter(|c| c.status() == status).collect();
        let Some(first) = codes.first().copied() else { continue };
        let words: Vec<_> = codes.iter().map(|c| format!("`{}`", c.as_str())).collect();
        let error = ApiError::new(first);
        let mut named = [&ALWAYS[..], &["ContentLanguage"]].concat();
        named.extend((status == 401).then_some("WwwAuthenticate"));
        named.extend(matches!(status, 409 | 422).then_some("IdempotencyReplayed"));
        // Of a conflict, when it is with a request that is still at work.
        named.extend(matches!(status, 409 | 429 | 503 | 507).then_some("RetryAfter"));
        let response = json!({
            "description": format!("One of {}.", words.join(", ")),
            "content": {"application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": error.body(crate::problem::Lang::En, "", "/v1/…", "018f3a5e-0000-7000-8000-000000000001"),
            }},
            "headers": headers(&named),
        });
        responses.insert(format!("Problem{status}"), response);
    }
    Value::Object(responses)
}
