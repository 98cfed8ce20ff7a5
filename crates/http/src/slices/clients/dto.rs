//! Registered clients as they are sent.

use crate::{
    page::{list_query, page_schema},
    schema::ScopeSchema,
    slices::item,
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tinhnguyen_persistence::clients as d;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

item! {
    /// A registered client (ứng dụng đã đăng ký): its right is where its scopes and its subtree meet.
    Client at "/v1/clients" {
        /// Its name.
        #[schema(max_length = 200, example = "Cổng báo cáo Tỉnh Đoàn")]
        name: String,
        /// What it may do.
        #[schema(value_type = Vec<ScopeSchema>, max_items = 50, example = json!(["results:read", "progress:read"]))]
        scopes: Vec<String>,
        /// The top of its subtree.
        org_unit_id: Uuid,
        /// Whether it is shut: its tokens stop working at once.
        disabled: bool,
        /// Its secrets, without the secrets: two at the most, so that one can be replaced while the other works.
        #[schema(max_items = 2)]
        secrets: Vec<ClientSecretInfo>,
        /// A new secret, in the answer that made it and never again; also not in a replay of that answer.
        #[schema(max_length = 400, example = "tnc_…")]
        client_secret: Option<String>,
    }
}

page_schema!(ClientPage of Client);

/// A secret of a client, without the secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ClientSecretInfo {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Client {
    /// What is sent of a client.
    #[must_use]
    pub fn of(client: d::Client, secrets: &[d::SecretInfo]) -> Self {
        Self {
            id: client.stamp.id,
            name: client.name,
            scopes: client.scopes,
            org_unit_id: client.org_unit_id,
            disabled: client.disabled,
            secrets: secrets.iter().map(|s| ClientSecretInfo { id: s.id, created_at: s.created_at }).collect(),
            client_secret: None,
            created_at: client.stamp.created_at,
            updated_at: client.stamp.updated_at,
            version: client.stamp.version,
            allowed_actions: vec!["edit", "roll"],
        }
    }

    /// The same with a secret that was just made.
    #[must_use]
    pub fn showing(self, secret: &SecretString) -> Self {
        Self { client_secret: Some(secret.expose_secret().to_owned()), ..self }
    }
}

list_query!(
    /// Which clients are listed.
    ClientQuery, sorts: ["-created_at", "created_at"], {
        /// By id.
        id: Uuid,
        /// On this unit.
        org_unit_id: Uuid,
    }
);

/// A new client.
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// Your id for it (UUIDv7); it is its `client_id`.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Its name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Cổng báo cáo Tỉnh Đoàn")]
    pub name: String,
    /// What it may do.
    #[schema(value_type = std::collections::BTreeSet<ScopeSchema>, min_items = 1, max_items = 50, example = json!(["results:read", "progress:read"]))]
    pub scopes: Vec<String>,
    /// The top of its subtree.
    pub org_unit_id: Uuid,
}

/// What changes in a client (JSON Merge Patch, RFC 7396).
#[derive(Debug, Clone, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct ClientPatch {
    /// Its name.
    #[serde(default)]
    #[schema(nullable = false, min_length = 1, max_length = 200, pattern = r"\S", example = "Cổng báo cáo")]
    pub name: Option<String>,
    /// What it may do, all of it.
    #[serde(default)]
    #[schema(nullable = false, value_type = std::collections::BTreeSet<ScopeSchema>, min_items = 1, max_items = 50)]
    pub scopes: Option<Vec<String>>,
    /// Whether it is shut.
    #[serde(default)]
    #[schema(nullable = false)]
    pub disabled: Option<bool>,
}
