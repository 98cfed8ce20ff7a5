//! What the public sees without an account: the pages and the pictures that a portal embeds.
//!
//! Pure: plain figures in, text out. Nothing here knows HTTP, a database or the clock. Pages and pictures are whole without
//! JavaScript and load nothing from another origin: a page carries its style in itself, and its one script is [`SCRIPT`].
//!
//! Two figures stand side by side everywhere: solid is verified, hatched is reported and waits to be verified. A
//! percentage is never capped at 100 and never rounded up to it.

mod bars;
mod curve;
mod format;
mod input;
mod look;
mod map;
mod pictures;
pub mod png;
mod tiles;
mod view;
mod words;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::empty as empty_page;

pub use input::{
    Dashboard, Day, Figures, Forecast, Generation, Label, Lang, Localities, Locality, Province, Share, Theme, Unit,
    Whose,
};
pub use look::{Look, Sort, Way, color_scheme, path_of};
pub use pictures::escape;

use askama::Template as _;

/// The pages' script.
pub const SCRIPT: &str = include_str!("pages.js");

/// A picture that portals embed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Picture {
    /// The figure towards the target.
    Progress,
    /// The curve, with the even pace and the forecast.
    Curve,
    /// The tile map of the provinces; of the country only.
    Provinces,
}

/// Renders the country's page at `/`, a whole HTML document.
///
/// # Errors
/// Only what the template engine reports; no input makes it fail.
pub fn dashboard(page: &Dashboard, look: &Look) -> Result<String, askama::Error> {
    view::Page::new(page, look).render()
}

/// Renders a unit's page, a whole HTML document.
///
/// # Errors
/// Only what the template engine reports; no input makes it fail.
pub fn province(page: &Dashboard, look: &Look) -> Result<String, askama::Error> {
    view::UnitPage::new(page, look).render()
}

/// Renders what is said of a unit that isn't there; `page` is the country's.
///
/// # Errors
/// Only what the template engine reports; no input makes it fail.
pub fn missing(page: &Dashboard, look: &Look, code: &str) -> Result<String, askama::Error> {
    view::MissingPage::new(page, look, code).render()
}

/// Renders the page that stands in a frame of a portal.
///
/// # Errors
/// Only what the template engine reports; no input makes it fail.
pub fn embed(page: &Dashboard, look: &Look) -> Result<String, askama::Error> {
    view::EmbedPage::new(page, look).render()
}

/// Draws a picture: a whole SVG document, `width` pixels wide (held within 320 to 1600) and as high as its content asks.
#[must_use]
pub fn svg(picture: Picture, page: &Dashboard, lang: Lang, theme: Theme, width: u32) -> String {
    match picture {
        Picture::Progress => pictures::progress(page, lang, theme, width),
        Picture::Curve => pictures::curve(page, lang, theme, width),
        Picture::Provinces => pictures::provinces(page, lang, theme, width),
    }
}
