//! What the public sees without an account: the dashboard page and the picture that a portal embeds.
//!
//! Pure: plain figures in, text out. Nothing here knows HTTP, a database or the clock. Both works need no script and
//! no other origin: the page carries its style in itself, so `default-src 'none'; style-src 'unsafe-inline'; img-src
//! 'self' data:` is enough for it.
//!
//! Two figures stand side by side everywhere: solid is verified, hatched is reported and waits to be verified. A
//! percentage is never capped at 100 and never rounded up to it.

mod bars;
mod curve;
mod format;
mod input;
mod picture;
mod view;
mod words;

#[cfg(test)]
mod tests;

pub use input::{Dashboard, Day, Figures, Label, Lang, ProgressPicture, Share, Theme, Unit};

use askama::Template as _;

/// Renders the public page at `/`, a whole HTML document.
///
/// # Errors
/// Only what the template engine reports; no input makes it fail.
pub fn dashboard(page: &Dashboard, lang: Lang) -> Result<String, askama::Error> {
    view::Page::new(page, lang).render()
}

/// Renders the embeddable picture of `/v1/public/progress.svg`: a whole SVG document, `width` pixels wide (held
/// within 320 to 1600) and as high as its content asks.
#[must_use]
pub fn progress_svg(picture: &ProgressPicture, lang: Lang, theme: Theme, width: u32) -> String {
    picture::render(picture, lang, theme, width)
}
