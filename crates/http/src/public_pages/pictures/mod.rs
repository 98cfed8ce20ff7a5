//! The pictures that portals embed, as whole SVG documents: each a card with what is counted, the picture, and the instant
//! that it stands at.

mod curve;
mod progress;
mod provinces;

use super::{
    format,
    input::{Dashboard, Lang, Theme},
    words::Words,
};
use std::fmt::Write as _;

pub(super) use curve::render as curve;
pub(super) use progress::render as progress;
pub(super) use provinces::render as provinces;

/// The system's own fonts; a picture in an `<img>` can't load any.
const FONTS: &str =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',Arial,'Liberation Sans',sans-serif";
/// The narrowest picture, in pixels.
const NARROWEST: u32 = 320;
/// The widest picture, in pixels.
const WIDEST: u32 = 1600;

/// The colours of a theme. `levels` are those of the map's squares from 1 to 5, each with that of the words in it.
struct Colours {
    paper: &'static str,
    edge: &'static str,
    ink: &'static str,
    soft: &'static str,
    accent: &'static str,
    mid: &'static str,
    track: &'static str,
    levels: [(&'static str, &'static str); 5],
}

const LIGHT: Colours = Colours {
    paper: "#ffffff",
    edge: "#c9d6e4",
    ink: "#0c1a2b",
    soft: "#45566a",
    accent: "#0b4fa0",
    mid: "#b8cee6",
    track: "#e3ebf4",
    levels: [
        ("#dfe9f4", "#0c1a2b"),
        ("#b5d0ec", "#0c1a2b"),
        ("#7fb0e2", "#0c1a2b"),
        ("#1f66b5", "#ffffff"),
        ("#083f86", "#ffffff"),
    ],
};

const DARK: Colours = Colours {
    paper: "#0b1420",
    edge: "#2b3d52",
    ink: "#f0f5fb",
    soft: "#a9bacd",
    accent: "#6db3ff",
    mid: "#1f3f64",
    track: "#1d2c3e",
    levels: [
        ("#152a42", "#f0f5fb"),
        ("#1c4470", "#f0f5fb"),
        ("#2b62a0", "#ffffff"),
        ("#6db3ff", "#06101c"),
        ("#cfe5ff", "#06101c"),
    ],
};

/// The mark of demonstration data: the same in both themes.
const WARN: [&str; 2] = ["#ffd84d", "#1d1600"];

/// Escapes text for XML, in content and in quoted attributes; characters that XML can't hold are left out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            _ if c.is_control() => {}
            _ => safe.push(c),
        }
    }
    safe
}

/// Breaks a text into lines of at most `most` characters; what is beyond the last line ends in an ellipsis.
fn wrap(text: &str, most: usize, lines: usize) -> Vec<String> {
    let mut wrapped: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match wrapped.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => wrapped.push(word.to_owned()),
        }
    }
    let cut = wrapped.len() > lines;
    wrapped.truncate(lines);
    let last = wrapped.len().saturating_sub(1);
    for (at, line) in wrapped.iter_mut().enumerate() {
        if line.chars().count() > most || (cut && at == last) {
            *line = line.chars().take(most.saturating_sub(1)).collect::<String>().trim_end().to_owned() + "\u{2026}";
        }
    }
    wrapped
}

/// How wide a text is, roughly, in pixels: no font is asked.
fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.56
}

/// A picture while it is drawn, from top to bottom.
struct Sheet<'a> {
    page: &'a Dashboard,
    lang: Lang,
    theme: Theme,
    t: &'static Words,
    c: &'static Colours,
    w: f64,
    pad: f64,
    /// How far down it is drawn.
    y: f64,
    body: String,
}

/// How a text stands at its place.
#[derive(Clone, Copy)]
enum Stand {
    Start,
    Middle,
    End,
}

impl<'a> Sheet<'a> {
    fn new(page: &'a Dashboard, lang: Lang, theme: Theme, width: u32) -> Self {
        let w = f64::from(width.clamp(NARROWEST, WIDEST));
        let (c, pad) = (if theme == Theme::Dark { &DARK } else { &LIGHT }, (w * 0.05).clamp(18.0, 64.0));
        Self { page, lang, theme, t: Words::of(lang), c, w, pad, y: pad, body: String::new() }
    }

    /// The width between the margins.
    fn inner(&self) -> f64 {
        self.w - 2.0 * self.pad
    }

    /// Draws something. Each shape and text has a class beside its colour: that of a reader who prefers dark.
    fn draw(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a String can't fail.
        let _ = self.body.write_fmt(what);
    }

    fn rect(&mut self, class: &str, fill: &str, (x, y): (f64, f64), (w, h): (f64, f64)) {
        self.draw(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{w:.1}" height="{h:.1}" fill="{fill}"/>"#
        ));
    }

    /// Writes a line of text with its baseline at `y`.
    fn text(&mut self, (x, y): (f64, f64), size: f64, (class, fill): (&str, &str), stand: Stand, text: &str) {
        self.styled((x, y), size, (class, fill), stand, "", text);
    }

    /// The same, with further attributes.
    fn styled(
        &mut self,
        (x, y): (f64, f64),
        size: f64,
        (class, fill): (&str, &str),
        stand: Stand,
        rest: &str,
        text: &str,
    ) {
        let anchor = match stand {
            Stand::Start => "",
            Stand::Middle => r#" text-anchor="middle""#,
            Stand::End => r#" text-anchor="end""#,
        };
        let text = escape(text);
        self.draw(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" font-size="{size:.1}" fill="{fill}"{anchor}{rest}>{text}</text>"#
        ));
    }

    /// What every picture begins with: that the data are for demonstration, whose figures and what is counted.
    fn head(&mut self) {
        if self.page.demo {
            let size = (self.w / 52.0).clamp(12.0, 20.0);
            let wide = self.t.demo_mark.chars().count() as f64 * size * 0.6 + size * 1.6;
            let (x, y) = (self.pad, self.y);
            self.draw(format_args!(
                r#"<rect x="{x:.1}" y="{y:.1}" width="{wide:.1}" height="{:.1}" rx="3" fill="{}"/>"#,
                size * 1.9,
                WARN[0]
            ));
            self.y += size * 1.3;
            let at = (self.pad + wide / 2.0, self.y);
            self.styled(at, size, ("d", WARN[1]), Stand::Middle, r#" font-weight="700""#, self.t.demo_mark);
            self.y += size * 1.5;
        }
        let size = (self.w / 34.0).clamp(15.0, 32.0);
        let page = self.page;
        self.title(&page.title().clone(), size, 600);
        if page.whose.is_some() {
            self.title(&page.indicator.clone(), size * 0.7, 400);
        }
    }

    fn title(&mut self, title: &super::input::Label, size: f64, weight: u16) {
        let (title, its) = title.in_lang(self.lang);
        let most = (self.inner() / (size * 0.56)) as usize;
        let tag = if its == self.lang { String::new() } else { format!(r#" lang="{}""#, its.tag()) };
        let rest = format!(r#" font-weight="{weight}"{tag}"#);
        for line in wrap(title, most, 3) {
            self.y += size * 1.05;
            self.styled((self.pad, self.y), size, ("i", self.c.ink), Stand::Start, &rest, &line);
            self.y += size * 0.25;
        }
    }

    /// Writes lines of small soft text beneath what is drawn.
    fn small(&mut self, text: &str) {
        // Never smaller than 11: rather a second line.
        let small = (self.w / 56.0).clamp(11.0, 19.0);
        let most = (self.inner() / (small * 0.56)) as usize;
        self.y += small * 0.4;
        for line in wrap(text, most, 3) {
            self.y += small * 1.5;
            self.text((self.pad, self.y), small, ("s", self.c.soft), Stand::Start, &line);
        }
    }

    /// The whole document, with the instant at its end and `describe` for those who don't see it.
    fn finish(mut self, describe: &str) -> String {
        let updated = format!("{} {}", self.t.updated, format::instant(self.page.as_of, self.lang));
        self.small(&updated);
        let (w, h) = (self.w, self.y + self.pad * 0.9);
        let (title, _) = self.page.title().in_lang(self.lang);
        let mark = if self.page.demo { format!("{} ", self.t.demo_title) } else { String::new() };
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0}" height="{h:.0}" viewBox="0 0 {w:.0} {h:.0}" "#,
                r#"role="img" lang="{lang}" aria-labelledby="tinhnguyen-title tinhnguyen-desc" font-family="{fonts}">"#,
                r#"<title id="tinhnguyen-title">{title}</title>"#,
                r#"<desc id="tinhnguyen-desc">{mark}{describe} {updated}.</desc>{style}"#,
                r#"<defs><pattern id="tinhnguyen-hatch" width="7" height="7" patternUnits="userSpaceOnUse" "#,
                r#"patternTransform="rotate(45)"><rect class="a" width="3.5" height="7" fill="{accent}"/></pattern></defs>"#,
                r#"<rect class="c" x=".5" y=".5" width="{cw:.0}" height="{ch:.0}" rx="6" fill="{paper}" stroke="{edge}"/>"#,
                "{body}</svg>"
            ),
            w = w,
            h = h,
            mark = mark,
            lang = self.lang.tag(),
            fonts = FONTS,
            title = escape(title),
            describe = escape(describe),
            updated = escape(&updated),
            style = style(self.theme),
            accent = self.c.accent,
            cw = w - 1.0,
            ch = h.round() - 1.0,
            paper = self.c.paper,
            edge = self.c.edge,
            body = self.body,
        )
    }
}

/// The dark colours for a reader who prefers them. The attributes hold the light ones, for viewers without style.
fn style(theme: Theme) -> String {
    if theme != Theme::Auto {
        return String::new();
    }
    let Colours { paper, edge, ink, soft, accent, mid, track, levels } = DARK;
    let mut squares = String::new();
    for (level, (fill, words)) in (1..).zip(levels) {
        // Writing to a String can't fail.
        let _ = write!(squares, ".l{level}{{fill:{fill}}}.o{level}{{fill:{words}}}");
    }
    format!(
        "<style>@media(prefers-color-scheme:dark){{.c{{fill:{paper};stroke:{edge}}}.p{{fill:{paper}}}.i{{fill:{ink}}}\
         .s{{fill:{soft}}}.a{{fill:{accent}}}.t{{fill:{track}}}.m{{fill:{mid}}}.sa{{stroke:{accent}}}.si{{stroke:{ink}}}\
         .ss{{stroke:{soft}}}.se{{stroke:{edge}}}.sp{{stroke:{paper}}}{squares}}}</style>"
    )
}
