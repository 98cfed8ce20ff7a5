//! Bodies that were rendered once: a page or picture is drawn anew only when what it shows, or how it is asked for, is another.

use super::figures::{Board, Stamp};
use crate::{
    app::App,
    problem::{ApiError, ApiResult, Code},
    public_pages::png,
    reply::{PUBLIC_CACHE, cached, hash_tag},
    request::Request,
};
use actix_web::{
    HttpResponse,
    web::{Bytes, Data},
};
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, Semaphore};

/// How many bytes of rendered bodies are kept.
const BYTES: u64 = 48 * 1024 * 1024;
/// How many units' figures are kept: all of them, and the country's.
const BOARDS: u64 = 128;
/// How long what nobody asks for is kept.
const IDLE: Duration = Duration::from_secs(180);
/// How many PNGs are drawn at once: they take a processor for a moment.
const DRAWN_AT_ONCE: usize = 1;
/// How long a PNG waits for its turn.
const PATIENCE: Duration = Duration::from_secs(15);

/// The figures that were put together last.
pub struct Boards {
    /// By the unit's code; the country's under the empty one.
    pub(super) known: Cache<String, Arc<Board>>,
    /// Held while some are put together.
    pub(super) alone: Mutex<()>,
}

/// What is rendered: its kind, and how it was asked for, in one way of writing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    what: &'static str,
    how: String,
    at: Stamp,
}

impl Key {
    /// Names a body. `how` holds whatever else than the figures it depends on.
    pub fn new(what: &'static str, how: String, board: &Board) -> Self {
        Self { what, how, at: board.stamp }
    }
}

/// A body and its ETag.
#[derive(Debug, Clone)]
pub struct Rendered {
    etag: String,
    body: Bytes,
}

impl Rendered {
    fn of(body: impl Into<Bytes>) -> Self {
        let body = body.into();
        Self { etag: hash_tag(&body), body }
    }

    /// The answer, or 304 when the client has it.
    pub fn answer(&self, request: &Request, content_type: &'static str) -> HttpResponse {
        cached(request, self.etag.clone(), PUBLIC_CACHE, content_type, self.body.clone())
    }
}

/// What was rendered.
pub struct Bodies {
    kept: Cache<Key, Rendered>,
    drawing: Semaphore,
}

impl Default for Boards {
    fn default() -> Self {
        Self { known: Cache::builder().max_capacity(BOARDS).time_to_idle(IDLE).build(), alone: Mutex::default() }
    }
}

impl Default for Bodies {
    fn default() -> Self {
        let weigh = |key: &Key, body: &Rendered| {
            u32::try_from(body.body.len().saturating_add(key.how.len()).saturating_add(200)).unwrap_or(u32::MAX)
        };
        let kept = Cache::builder().max_capacity(BYTES).weigher(weigh).time_to_idle(IDLE).build();
        Self { kept, drawing: Semaphore::new(DRAWN_AT_ONCE) }
    }
}

impl Bodies {
    /// A text, rendered unless it is there.
    ///
    /// # Errors
    /// Whatever rendering it returns.
    pub fn text(&self, key: Key, render: impl FnOnce() -> ApiResult<String>) -> ApiResult<Rendered> {
        if let Some(known) = self.kept.get(&key) {
            return Ok(known);
        }
        let made = Rendered::of(render()?);
        self.kept.insert(key, made.clone());
        Ok(made)
    }

    /// A PNG, drawn from an SVG document unless it is there.
    ///
    /// # Errors
    /// `unavailable` when too many wait to be drawn.
    pub async fn png(&self, key: Key, svg: impl FnOnce() -> String) -> ApiResult<Rendered> {
        if let Some(known) = self.kept.get(&key) {
            return Ok(known);
        }
        let turn = tokio::time::timeout(PATIENCE, self.drawing.acquire()).await;
        let _turn = turn.map_err(|_| ApiError::new(Code::Unavailable))?.map_err(ApiError::internal)?;
        // Somebody else may have wanted the same.
        if let Some(known) = self.kept.get(&key) {
            return Ok(known);
        }
        let svg = svg();
        let drawn = tokio::task::spawn_blocking(move || png::draw(&svg)).await.map_err(ApiError::internal)?;
        let made = Rendered::of(drawn.map_err(ApiError::internal)?);
        self.kept.insert(key, made.clone());
        Ok(made)
    }
}

/// What the public pages keep in memory.
#[derive(Default)]
pub struct Public {
    /// Figures.
    pub boards: Boards,
    /// What was rendered of them.
    pub bodies: Bodies,
    /// Whoever listens.
    pub live: super::live::Live,
}

/// Figures of the country or of a unit; a unit that isn't there is a wrong parameter.
///
/// # Errors
/// `invalid_parameter`, and as [`super::figures::board`].
pub async fn board_of(app: &Data<App>, province: Option<&str>) -> ApiResult<Arc<Board>> {
    use crate::problem::Fault;
    super::figures::board(app, province)
        .await?
        .ok_or_else(|| ApiError::parameter(Fault::of_parameter("province", Code::ReferenceNotFound)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_body_is_rendered_once_for_what_it_shows_and_how() {
        let (bodies, rendered) = (Bodies::default(), AtomicUsize::new(0));
        let ask = |how: &str, ledger_seq: i64| {
            let board = Board::example(ledger_seq);
            let key = Key::new("page", how.to_owned(), &board);
            let body = bodies.text(key, || Ok(rendered.fetch_add(1, Ordering::Relaxed).to_string())).unwrap();
            String::from_utf8(body.body.to_vec()).unwrap()
        };
        assert_eq!([ask("vi", 1), ask("vi", 1), ask("en", 1), ask("vi", 2), ask("en", 1)], ["0", "0", "1", "2", "1"]);
    }

    #[test]
    fn a_body_that_fails_is_not_kept() {
        let bodies = Bodies::default();
        let key = || Key::new("page", String::new(), &Board::example(1));
        assert!(bodies.text(key(), || Err(ApiError::internal("x"))).is_err());
        assert!(bodies.text(key(), || Ok("y".to_owned())).is_ok());
    }
}
