//! Bars with their labels before them and their values behind.

use std::fmt::Write;

use super::{QUIET_TEXT, TEXT, WIDTH, escaped};

const LEFT: f64 = 250.0;
const ROW: f64 = 30.0;
const TOP: f64 = 70.0;

pub(super) struct Bars {
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    pub(super) rows: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) label: String,
    pub(super) colour: &'static str,
    pub(super) value: f64,
    /// The value as it is shown.
    pub(super) text: String,
}

impl Bars {
    /// The picture; none without a bar.
    pub(super) fn svg(&self) -> Option<String> {
        let longest = self.rows.iter().map(|bar| bar.value).reduce(f64::max)?.max(1.0);
        let height = TOP + ROW * self.rows.len() as f64 + 16.0;
        let (title, subtitle) = (self.title, self.subtitle);
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="17" fill="{TEXT}">{title}</text>
<text x="16" y="48" fill="{QUIET_TEXT}">{subtitle}</text>
"##
        );
        for (row, bar) in self.rows.iter().enumerate() {
            let _ = writeln!(svg, "{}", bar.svg(TOP + ROW * row as f64, longest));
        }
        Some(svg + "</svg>\n")
    }
}

impl Bar {
    fn svg(&self, top: f64, longest: f64) -> String {
        let Self { label, colour, value, text } = self;
        let length = (WIDTH - LEFT - 70.0) * value.max(0.0) / longest;
        let (baseline, label_end, value_start) = (top + 17.0, LEFT - 10.0, LEFT + length + 8.0);
        let label = escaped(label);
        format!(
            r#"<text x="{label_end}" y="{baseline}" text-anchor="end" fill="{TEXT}">{label}</text>
<rect x="{LEFT}" y="{top}" width="{length:.1}" height="22" rx="2" fill="{colour}"/>
<text x="{value_start:.1}" y="{baseline}" fill="{TEXT}">{text}</text>"#
        )
    }
}
