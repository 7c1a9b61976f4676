//! Lines over a logarithmic axis of sizes; values are logarithmic, too, and stand at their points.

use std::fmt::Write;

use super::{GREY, QUIET_TEXT, TEXT, WIDTH};

const HEIGHT: f64 = 330.0;
/// Where lines may be, within a panel.
const LEFT: f64 = 40.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 100.0;
const BOTTOM: f64 = 60.0;

pub(super) struct Lines {
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    pub(super) series: Vec<Line>,
}

pub(super) struct Line {
    pub(super) label: String,
    pub(super) colour: &'static str,
    /// Sizes and values; a value that has no logarithm is left out.
    pub(super) points: Vec<(f64, f64)>,
}

/// One picture of several; none when one of them has no point.
pub(super) fn side_by_side(panels: &[Lines]) -> Option<String> {
    let width = WIDTH / panels.len() as f64;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
"##
    );
    for (number, panel) in panels.iter().enumerate() {
        svg += &panel.svg(width * number as f64, width)?;
    }
    Some(svg + "</svg>\n")
}

/// From where to where an axis goes, in logarithms.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let logarithms = values.map(f64::ln);
        let (from, to) = (logarithms.clone().reduce(f64::min)?, logarithms.reduce(f64::max)?);
        Some(Self { from, to: to.max(from + 1e-3) })
    }

    fn share(self, value: f64) -> f64 {
        (value.ln() - self.from) / (self.to - self.from)
    }
}

impl Lines {
    fn svg(&self, left: f64, width: f64) -> Option<String> {
        let points = self.series.iter().flat_map(Line::shown);
        let (sizes, values) = (Axis::of(points.clone().map(|point| point.0))?, Axis::of(points.map(|point| point.1))?);
        let x = |size: f64| left + LEFT + (width - LEFT - RIGHT) * sizes.share(size);
        let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * values.share(value);
        let (text_left, axis) = (left + 16.0, HEIGHT - BOTTOM + 28.0);
        let mut svg = format!(
            r#"<text x="{text_left}" y="26" font-size="15" fill="{TEXT}">{}</text>
<text x="{text_left}" y="46" fill="{QUIET_TEXT}">{}</text>
<line x1="{:.1}" y1="{axis}" x2="{:.1}" y2="{axis}" stroke="{GREY}"/>
"#,
            self.title,
            self.subtitle,
            left + LEFT - 16.0,
            left + width - RIGHT + 16.0
        );
        let mut labelled: Vec<f64> = Vec::new();
        for (number, line) in self.series.iter().enumerate() {
            let _ = writeln!(svg, "{}", line.legend(text_left + 90.0 * number as f64));
            for (size, _) in line.shown().filter(|(size, _)| !labelled.contains(size)).collect::<Vec<_>>() {
                labelled.push(size);
                let _ = writeln!(
                    svg,
                    r#"<text x="{:.1}" y="{}" text-anchor="middle" fill="{QUIET_TEXT}">{size:.0}</text>"#,
                    x(size),
                    axis + 18.0
                );
            }
            // The highest value of a size stands above its point, the others below.
            let is_highest = |size: f64, value: f64| {
                self.series.iter().flat_map(Line::shown).all(|other| other.0 - size != 0.0 || other.1 <= value)
            };
            svg += &line.svg(x, y, is_highest);
        }
        Some(svg)
    }
}

impl Line {
    fn shown(&self) -> impl Iterator<Item = (f64, f64)> + Clone + '_ {
        self.points.iter().copied().filter(|(_, value)| *value > 0.0)
    }

    fn legend(&self, left: f64) -> String {
        let Self { label, colour, .. } = self;
        format!(
            r#"<circle cx="{:.1}" cy="66" r="4" fill="{colour}"/><text x="{:.1}" y="70" fill="{TEXT}">{label}</text>"#,
            left + 4.0,
            left + 14.0
        )
    }

    fn svg(&self, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64, is_highest: impl Fn(f64, f64) -> bool) -> String {
        let colour = self.colour;
        let path: Vec<String> = self.shown().map(|(size, value)| format!("{:.1},{:.1}", x(size), y(value))).collect();
        let mut svg =
            format!(r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, path.join(" ")) + "\n";
        for (size, value) in self.shown() {
            let offset = if is_highest(size, value) { -10.0 } else { 18.0 };
            let (x, y) = (x(size), y(value));
            let digits = usize::from(value < 100.0);
            let _ = writeln!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{colour}"/><text x="{x:.1}" y="{:.1}" text-anchor="middle" fill="{TEXT}">{value:.digits$}</text>"#,
                y + offset
            );
        }
        svg
    }
}
