//! A surface to draw on: plotters' SVG backend, whose fixed colours are markers that become CSS variables at the end.

use plotters::{
    backend::DrawingBackend,
    prelude::SVGBackend,
    style::{
        FontDesc, FontFamily, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
use std::fmt::Write as _;

/// Backend units per pixel: the backend takes whole numbers only, curves want finer ones.
const SCALE: f64 = 10.0;
/// plotters divides font sizes by this before writing them.
const FONT_DIVISOR: f64 = 1.24;
/// The size of all text, in pixels at the chart's natural width.
pub const TEXT: f64 = 12.5;

/// What a mark stands for; the page's theme decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// 0 to 7, each with its own dash.
    Series(u8),
    /// A series' colour without its dash.
    Solid(u8),
    Grid,
    Axis,
    Text,
    Surface,
    /// A reference that data is compared with: text colour, dashed.
    Reference,
}

/// The CSS variable of each role and what stands for it where no page defines it (a downloaded file).
const SERIES_FALLBACK: [&str; 8] =
    ["#2a6fb0", "#c2570c", "#1f8a5b", "#a83279", "#6b5bd2", "#8a6d00", "#0f8b99", "#6b7280"];
/// Dashes in pixels; the first series is solid.
const DASHES: [&[u32]; 8] = [&[], &[6, 3], &[2, 3], &[9, 3, 2, 3], &[12, 4], &[4, 4], &[1, 2], &[9, 3, 2, 3, 2, 3]];

const MARK: u8 = 0xFE;
const ROLE_SERIES: u8 = 0x10;
const ROLE_SOLID: u8 = 0x20;
const ROLE_OTHER: u8 = 0x30;

impl Ink {
    fn marker(self, alpha: f64) -> RGBAColor {
        let (role, index) = match self {
            Ink::Series(i) => (ROLE_SERIES, i % 8),
            Ink::Solid(i) => (ROLE_SOLID, i % 8),
            Ink::Grid => (ROLE_OTHER, 0),
            Ink::Axis => (ROLE_OTHER, 1),
            Ink::Text => (ROLE_OTHER, 2),
            Ink::Surface => (ROLE_OTHER, 3),
            Ink::Reference => (ROLE_OTHER, 4),
        };
        RGBAColor(MARK, role, index, alpha)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// Draws in pixels from the upper left corner of an area of natural size.
pub struct Canvas<'a> {
    backend: SVGBackend<'a>,
}

/// Draws a chart of `width` x `height` pixels and gives it as SVG: scales with its container, `role="img"` with `name`
/// as its title, no `style` attribute or element, colours as CSS variables.
pub fn draw(width: f64, height: f64, name: &str, paint: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut raw = String::new();
    {
        let backend = SVGBackend::with_string(&mut raw, (units(width) as u32, units(height) as u32));
        let mut canvas = Canvas { backend };
        paint(&mut canvas);
        // Writing to a string cannot fail, here and below.
        let _ = canvas.backend.present();
    }
    finish(&raw, units(width), units(height), name)
}

fn units(pixels: f64) -> i32 {
    (pixels * SCALE).round() as i32
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

fn style(ink: Ink, alpha: f64, width: f64) -> ShapeStyle {
    ShapeStyle { color: ink.marker(alpha), filled: false, stroke_width: units(width).max(1) as u32 }
}

impl Canvas<'_> {
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        let _ = self.backend.draw_line(point(from), point(to), &style(ink, 1.0, width));
    }

    pub fn path(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        if points.len() > 1 {
            let _ = self.backend.draw_path(points.iter().map(|&p| point(p)), &style(ink, 1.0, width));
        }
    }

    /// A filled shape; `alpha` from 0 to 1.
    pub fn area(&mut self, points: &[(f64, f64)], ink: Ink, alpha: f64) {
        if points.len() > 2 {
            let _ = self.backend.fill_polygon(points.iter().map(|&p| point(p)), &style(ink, alpha, 1.0));
        }
    }

    pub fn bar(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, alpha: f64) {
        let corners = ((from.0.min(to.0), from.1.min(to.1)), (from.0.max(to.0), from.1.max(to.1)));
        let _ = self.backend.draw_rect(point(corners.0), point(corners.1), &style(ink, alpha, 1.0), true);
    }

    pub fn dot(&mut self, at: (f64, f64), radius: f64, ink: Ink, alpha: f64) {
        let _ = self.backend.draw_circle(point(at), units(radius) as u32, &style(ink, alpha, 1.0), true);
    }

    /// Text centred on `at` vertically.
    pub fn text(&mut self, text: &str, at: (f64, f64), align: Align, ink: Ink) {
        self.write(text, at, align, ink, FontTransform::None, FontStyle::Normal);
    }

    pub fn bold(&mut self, text: &str, at: (f64, f64), align: Align, ink: Ink) {
        self.write(text, at, align, ink, FontTransform::None, FontStyle::Bold);
    }

    /// Text that reads upwards.
    pub fn upright(&mut self, text: &str, at: (f64, f64), align: Align, ink: Ink) {
        self.write(text, at, align, ink, FontTransform::Rotate270, FontStyle::Normal);
    }

    fn write(
        &mut self,
        text: &str,
        at: (f64, f64),
        align: Align,
        ink: Ink,
        transform: FontTransform,
        weight: FontStyle,
    ) {
        let font = FontDesc::new(FontFamily::SansSerif, TEXT * SCALE * FONT_DIVISOR, weight).transform(transform);
        let h = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = TextStyle {
            font,
            color: plotters::style::Color::to_backend_color(&ink.marker(1.0)),
            pos: Pos::new(h, VPos::Center),
        };
        let _ = self.backend.draw_text(text, &style, point(at));
    }
}

/// About how wide a text is drawn, in pixels; rather too wide than too narrow.
pub fn text_width(text: &str) -> f64 {
    text.chars().map(character_width).sum::<f64>()
}

/// As in DejaVu Sans, one of the widest of the fonts that browsers take for `sans-serif`.
fn character_width(character: char) -> f64 {
    TEXT * match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '!' | '\'' | ' ' => 0.33,
        'f' | 'r' | 't' | '-' | '(' | ')' | '/' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.98,
        'A'..='Z' => 0.72,
        _ => 0.63,
    }
}

/// The text, cut with an ellipsis where it would be wider than `width` pixels.
pub fn fit(text: &str, width: f64) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut room = width - character_width('…');
    let mut cut = String::new();
    for character in text.chars() {
        room -= character_width(character);
        // Two characters stay, however narrow it is.
        if room < 0.0 && cut.chars().count() >= 2 {
            break;
        }
        cut.push(character);
    }
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// Turns the backend's document into one that fits its page.
fn finish(raw: &str, width: i32, height: i32, name: &str) -> String {
    // The backend writes one element a line; its first is the root, which is written anew.
    let body = raw.split_once(">\n").map_or("", |(_, body)| body);
    let mut svg = String::with_capacity(raw.len());
    let mut root = String::new();
    let _ = write!(
        root,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"var(--font-sans, system-ui, sans-serif)\" font-size=\"{:.0}\" stroke-linejoin=\"round\"><title>{}</title>",
        TEXT * SCALE,
        escape(name)
    );
    let mut rest = body;
    while let Some(at) = rest.find("=\"#") {
        let attribute = rest[..at].rsplit(' ').next().unwrap_or_default().to_owned();
        svg.push_str(&rest[..at + 2]);
        // `#RRGGBB"`: the backend writes nothing else after `="#`.
        match rest.get(at + 2..at + 9).and_then(ink_of) {
            Some((variable, dash)) => {
                svg.push_str(&variable);
                if attribute == "stroke" && !dash.is_empty() {
                    svg.push_str("\" stroke-dasharray=\"");
                    svg.push_str(&dash);
                }
                rest = &rest[at + 9..];
            }
            None => rest = &rest[at + 2..],
        }
    }
    svg.push_str(rest);
    for (from, to) in [
        (" opacity=\"1\"", ""),
        (" stroke=\"none\"", ""),
        (" font-family=\"sans-serif\"", ""),
        (&format!(" font-size=\"{}\"", TEXT * SCALE) as &str, ""),
        (" \" stroke-dash", "\" stroke-dash"),
        ("\n</text>", "</text>"),
        (">\n", ">"),
        (" \"/>", "\"/>"),
    ] {
        svg = svg.replace(from, to);
    }
    // Filled circles carry a stroke width that nothing uses.
    root + &svg.replace(" stroke-width=\"10\"/>", "/>")
}

/// The variable (with its fallback) and the dash that a marker colour `#RRGGBB` stands for.
fn ink_of(marker: &str) -> Option<(String, String)> {
    let value = u32::from_str_radix(marker.strip_prefix('#')?, 16).ok()?;
    let [_, mark, role, index] = value.to_be_bytes();
    if mark != MARK {
        return None;
    }
    let series = || {
        let fallback = SERIES_FALLBACK.get(usize::from(index)).copied().unwrap_or("#000");
        format!("var(--series-{}, {fallback})", index + 1)
    };
    let dash =
        |pattern: &[u32]| pattern.iter().map(|n| (f64::from(*n) * SCALE).to_string()).collect::<Vec<_>>().join(" ");
    Some(match (role, index) {
        (ROLE_SERIES, i) => (series(), dash(DASHES.get(usize::from(i)).copied().unwrap_or_default())),
        (ROLE_SOLID, _) => (series(), String::new()),
        (ROLE_OTHER, 0) => ("var(--chart-grid, #e3e6ea)".into(), String::new()),
        (ROLE_OTHER, 1) => ("var(--chart-axis, #8b929b)".into(), String::new()),
        (ROLE_OTHER, 2) => ("var(--chart-text, #3b4350)".into(), String::new()),
        (ROLE_OTHER, 3) => ("var(--surface, #ffffff)".into(), String::new()),
        (ROLE_OTHER, 4) => ("var(--chart-text, #3b4350)".into(), dash(&[3, 3])),
        _ => return None,
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_become_variables_and_nothing_breaks_the_content_policy() {
        let svg = draw(100.0, 50.0, "a < b & c", |canvas| {
            canvas.line((0.0, 0.0), (10.0, 10.0), Ink::Series(1), 2.0);
            canvas.text("fill=\"#FE1000\" <script>", (5.0, 5.0), Align::Left, Ink::Text);
            canvas.dot((1.0, 1.0), 2.0, Ink::Solid(2), 0.5);
        });
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 1000 500\"") && svg.contains("<title>a &lt; b &amp; c</title>"), "{svg}");
        assert!(svg.contains("stroke=\"var(--series-2, #c2570c)\" stroke-dasharray=\"60 30\""), "{svg}");
        assert!(svg.contains("fill=\"var(--series-3, #1f8a5b)\""), "{svg}");
        assert!(!svg.contains("style") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains("fill=&quot;#FE1000&quot;") && !svg.contains("fill=\"#FE"), "{svg}");
        assert!(svg.contains("font-size=\"125\""), "{svg}");
        assert!(!svg.contains(" width=\"1000\""), "{svg}");
    }

    #[test]
    fn long_labels_are_cut() {
        assert_eq!(fit("short", 100.0), "short");
        let cut = fit("a very long column name indeed", 70.0);
        assert!(cut.ends_with('…') && cut.chars().count() <= 10, "{cut}");
    }
}
