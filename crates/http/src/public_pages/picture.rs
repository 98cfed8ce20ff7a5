//! The embeddable picture: a card with the title, the figure, the bar, the percentage and the instant.

use super::{
    bars::Gauge,
    format,
    input::{Lang, ProgressPicture, Theme},
    words::Words,
};
use std::fmt::Write as _;

/// The system's own fonts; a picture in an `<img>` can't load any.
const FONTS: &str =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Helvetica Neue',Arial,'Liberation Sans',sans-serif";

struct Colours {
    paper: &'static str,
    edge: &'static str,
    ink: &'static str,
    soft: &'static str,
    accent: &'static str,
    track: &'static str,
    warn: &'static str,
    on_warn: &'static str,
}

const LIGHT: Colours = Colours {
    paper: "#ffffff",
    edge: "#c9d6e4",
    ink: "#0c1a2b",
    soft: "#45566a",
    accent: "#0b4fa0",
    track: "#e3ebf4",
    warn: "#ffd84d",
    on_warn: "#1d1600",
};

const DARK: Colours = Colours {
    paper: "#0b1420",
    edge: "#2b3d52",
    ink: "#f0f5fb",
    soft: "#a9bacd",
    accent: "#6db3ff",
    track: "#1d2c3e",
    warn: "#ffd84d",
    on_warn: "#1d1600",
};

/// Escapes text for XML, in content and in quoted attributes; characters that XML can't hold are left out.
pub(super) fn escape(text: &str) -> String {
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

/// Draws the picture.
pub(super) fn render(picture: &ProgressPicture, lang: Lang, theme: Theme, width: u32) -> String {
    Drawing::new(picture, lang, theme, width).finish()
}

struct Drawing<'a> {
    picture: &'a ProgressPicture,
    lang: Lang,
    theme: Theme,
    w: f64,
    pad: f64,
    y: f64,
    body: String,
}

impl<'a> Drawing<'a> {
    fn new(picture: &'a ProgressPicture, lang: Lang, theme: Theme, width: u32) -> Self {
        let w = f64::from(width.clamp(320, 1600));
        Self { picture, lang, theme, w, pad: (w * 0.05).clamp(18.0, 64.0), y: 0.0, body: String::new() }
    }

    fn colours(&self) -> &'static Colours {
        if self.theme == Theme::Dark { &DARK } else { &LIGHT }
    }

    /// Writes a line of text with its baseline at `self.y`.
    fn text(&mut self, x: f64, size: f64, class: &str, fill: &str, rest: &str, text: &str) {
        let y = self.y;
        // Writing to a String can't fail.
        let _ = write!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" font-size="{size:.1}" fill="{fill}"{rest}>{}</text>"#,
            escape(text)
        );
    }

    fn finish(mut self) -> String {
        let t = Words::of(self.lang);
        let c = self.colours();
        let inner = self.w - 2.0 * self.pad;
        self.y = self.pad;
        if self.picture.demo {
            self.demo(t, c);
        }
        self.title(c, inner);
        self.figure(t, c, inner);
        self.bar(t, c, inner);
        self.close(t, c, inner)
    }

    fn demo(&mut self, t: &Words, c: &Colours) {
        let size = (self.w / 52.0).clamp(12.0, 20.0);
        let wide = t.demo_mark.chars().count() as f64 * size * 0.6 + size * 1.6;
        let _ = write!(
            self.body,
            r#"<rect x="{:.1}" y="{:.1}" width="{wide:.1}" height="{:.1}" rx="3" fill="{}"/>"#,
            self.pad,
            self.y,
            size * 1.9,
            c.warn
        );
        self.y += size * 1.3;
        let rest = r#" font-weight="700" text-anchor="middle""#;
        self.text(self.pad + wide / 2.0, size, "d", c.on_warn, rest, t.demo_mark);
        self.y += size * 1.5;
    }

    fn title(&mut self, c: &Colours, inner: f64) {
        let size = (self.w / 34.0).clamp(15.0, 32.0);
        let (title, its) = self.picture.title.in_lang(self.lang);
        let most = (inner / (size * 0.56)) as usize;
        let tag = if its == self.lang { String::new() } else { format!(r#" lang="{}""#, its.tag()) };
        for line in wrap(title, most, 3) {
            self.y += size * 1.05;
            self.text(self.pad, size, "i", c.ink, &format!(r#" font-weight="600"{tag}"#), &line);
            self.y += size * 0.25;
        }
    }

    /// The figure, and the percentage at the other end of its line where both have room.
    fn figure(&mut self, t: &Words, c: &Colours, inner: f64) {
        let lang = self.lang;
        let figure = format::number(self.picture.total.reported, lang);
        let percent = format::percent(self.picture.total.reported, self.picture.target, lang).unwrap_or_default();
        let (figures, percents) = (figure.chars().count() as f64, percent.chars().count() as f64);
        // Digits of the boldest system fonts are some 0.62 em wide; the percentage is half as high.
        let fits = inner / ((figures + percents * 0.5 + 0.8) * 0.62);
        let size = fits.min(self.w / 6.5).min(200.0);
        self.y += size * 1.1;
        self.text(self.pad, size, "a", c.accent, r#" font-weight="800""#, &figure);
        if !percent.is_empty() {
            let end = self.w - self.pad;
            self.text(end, size * 0.5, "i", c.ink, r#" font-weight="700" text-anchor="end""#, &percent);
        }
        let small = (self.w / 44.0).clamp(13.0, 24.0);
        self.y += small * 1.55;
        self.text(self.pad, small, "s", c.soft, "", t.turns_reported);
        if !percent.is_empty() {
            let end = self.w - self.pad;
            self.text(end, small, "s", c.soft, r#" text-anchor="end""#, t.of_target);
        }
    }

    fn bar(&mut self, t: &Words, c: &Colours, inner: f64) {
        let gauge = Gauge::new(self.picture.total, self.picture.target, self.lang);
        let high = (self.w / 32.0).clamp(14.0, 40.0);
        let small = (self.w / 50.0).clamp(12.0, 22.0);
        let (x, at) = (self.pad, |percent: &str| inner * percent.parse::<f64>().unwrap_or(0.0) / 100.0);
        self.y += small * 1.3;
        let y = self.y;
        let (verified, pending) = (at(&gauge.bar.verified), at(&gauge.bar.pending));
        let b = &mut self.body;
        let _ = write!(
            b,
            r#"<rect class="t" x="{x:.1}" y="{y:.1}" width="{inner:.1}" height="{high:.1}" fill="{}"/>"#,
            c.track
        );
        let _ = write!(
            b,
            r#"<rect class="a" x="{x:.1}" y="{y:.1}" width="{verified:.1}" height="{high:.1}" fill="{}"/>"#,
            c.accent
        );
        let _ = write!(
            b,
            r#"<rect x="{:.1}" y="{y:.1}" width="{pending:.1}" height="{high:.1}" fill="url(#tinhnguyen-hatch)"/>"#,
            x + verified
        );
        for mark in &gauge.marks {
            let at = x + at(&mark.at) - 1.0;
            let _ = write!(
                b,
                r#"<rect class="p" x="{at:.1}" y="{y:.1}" width="2" height="{high:.1}" fill="{}"/>"#,
                c.paper
            );
        }
        if let Some(target) = gauge.target_at.as_deref().filter(|_| gauge.exceeded) {
            let at = x + at(target) - 2.0;
            let (top, tall) = (y - small * 0.4, high + small * 0.8);
            let _ = write!(
                b,
                r#"<rect class="i" x="{at:.1}" y="{top:.1}" width="4" height="{tall:.1}" fill="{}"/>"#,
                c.ink
            );
        }
        self.y += high;
        self.legend(t, c, small, inner);
    }

    /// Beneath the bar: what is verified, and the target; in two lines where one is too short.
    fn legend(&mut self, t: &Words, c: &Colours, small: f64, inner: f64) {
        let verified = format!("{}: {}", t.verified, format::number(self.picture.total.verified, self.lang));
        let target = format!("{}: {}", t.target, format::number(self.picture.target, self.lang));
        let letters = (verified.chars().count() + target.chars().count() + 4) as f64;
        self.y += small * 1.75;
        self.text(self.pad, small, "i", c.ink, "", &verified);
        if self.picture.target > 0 {
            if letters * small * 0.58 > inner {
                self.y += small * 1.5;
                self.text(self.pad, small, "i", c.ink, "", &target);
            } else {
                self.text(self.w - self.pad, small, "i", c.ink, r#" text-anchor="end""#, &target);
            }
        }
    }

    fn close(mut self, t: &Words, c: &Colours, inner: f64) -> String {
        let instant = format::instant(self.picture.as_of, self.lang);
        let updated = format!("{} {instant}", t.updated);
        // Never smaller than 11: rather a second line.
        let small = (self.w / 56.0).clamp(11.0, 19.0);
        let most = (inner / (small * 0.56)) as usize;
        self.y += small * 0.4;
        for line in wrap(&updated, most, 2) {
            self.y += small * 1.5;
            self.text(self.pad, small, "s", c.soft, "", &line);
        }
        let (w, h) = (self.w, self.y + self.pad * 0.9);
        let picture = self.picture;
        let (title, _) = picture.title.in_lang(self.lang);
        let mark = if picture.demo { format!("{} ", t.demo_title) } else { String::new() };
        let describe = describe(picture, self.lang);
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
            describe = escape(&describe),
            updated = escape(&updated),
            style = style(self.theme),
            accent = c.accent,
            cw = w - 1.0,
            ch = h.round() - 1.0,
            paper = c.paper,
            edge = c.edge,
            body = self.body,
        )
    }
}

fn describe(picture: &ProgressPicture, lang: Lang) -> String {
    super::view::summary(picture.total, picture.target, lang)
}

/// The dark colours for a reader who prefers them. The attributes hold the light ones, for viewers without style.
fn style(theme: Theme) -> String {
    if theme != Theme::Auto {
        return String::new();
    }
    let Colours { paper, edge, ink, soft, accent, track, .. } = DARK;
    format!(
        "<style>@media(prefers-color-scheme:dark){{.c{{fill:{paper};stroke:{edge}}}.p{{fill:{paper}}}.i{{fill:{ink}}}\
         .s{{fill:{soft}}}.a{{fill:{accent}}}.t{{fill:{track}}}}}</style>"
    )
}
