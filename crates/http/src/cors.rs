//! Which other origins' pages may call the API from a browser: those that the operator lists, and everybody what is public.
//! Cookies are never taken, so no page can act with somebody's session.

use actix_cors::Cors;
use actix_web::http::header::{self, HeaderName};
use std::{fmt, str::FromStr, sync::Arc};
use url::Url;

/// What of a path is for everybody's pages.
const PUBLIC: &str = "/v1/public/";
/// How long a browser keeps the answer to its question, in seconds.
const MAX_AGE: usize = 3600;

/// Origins such as `https://app.example.org`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Arc<Vec<String>>);

impl FromStr for Origins {
    type Err = String;

    /// Origins, separated by commas.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |piece: &str| {
            let origin = Url::parse(piece).ok().map(|url| url.origin().ascii_serialization());
            origin.filter(|origin| origin == piece).ok_or_else(|| {
                format!("`{piece}` is no origin such as https://app.example.org, without a path or a slash at the end; separate several by commas")
            })
        };
        let origins = text.split(',').map(str::trim).filter(|p| !p.is_empty()).map(read).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(origins)))
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

/// The middleware that answers browsers' questions.
pub fn layer(origins: &Origins) -> Cors {
    let origins = origins.0.clone();
    let ours = |name: &'static str| HeaderName::from_static(name);
    Cors::default()
        .allowed_origin_fn(move |origin, request| {
            request.uri.path().starts_with(PUBLIC)
                || origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes())
        })
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            header::ACCEPT,
            header::ACCEPT_LANGUAGE,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            ours("idempotency-key"),
            ours("x-request-id"),
        ])
        .expose_headers([
            header::ETAG,
            header::LINK,
            header::LOCATION,
            header::RETRY_AFTER,
            ours("dry-run"),
            ours("idempotency-replayed"),
            ours("ratelimit"),
            ours("ratelimit-policy"),
            ours("x-request-id"),
        ])
        .max_age(MAX_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_or_refused() {
        let two: Origins = "https://app.example.org, http://localhost:5173".parse().unwrap();
        assert_eq!(two.to_string(), "https://app.example.org,http://localhost:5173");
        for wrong in ["*", "app.example.org", "https://app.example.org/", "https://app.example.org/x", "null"] {
            assert!(wrong.parse::<Origins>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
