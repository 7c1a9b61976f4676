//! The plot: what each variant adds to a warm request, as bars.

use std::fmt::Write;

use crate::report::warm_floor;
use crate::results::{Costs, Results};

const LEFT: f64 = 250.0;
const WIDTH: f64 = 760.0;
const ROW: f64 = 30.0;
const TOP: f64 = 70.0;

/// A picture that is light, legible and as wide as a page.
pub fn svg(results: &Results) -> String {
    let costs = Costs(&results.warm_http2);
    let mut bars: Vec<(String, f64)> = results
        .warm_http2
        .iter()
        .filter(|cost| !cost.name.starts_with("router only"))
        .filter_map(|cost| Some((cost.name.clone(), costs.above(&cost.name, warm_floor(&cost.name))?.value)))
        .collect();
    bars.sort_by(|one, other| one.1.total_cmp(&other.1));
    let longest = bars.iter().map(|bar| bar.1).fold(1.0, f64::max);
    let height = TOP + ROW * bars.len() as f64 + 16.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="17" fill="#1f2933">What a filter adds to a request with a warm token</text>
<text x="16" y="48" fill="#52606d">CPU µs of Envoy above the router alone, HTTP/2, one worker; shorter is better</text>
"##
    );
    for (row, (name, micros)) in bars.iter().enumerate() {
        let _ = writeln!(svg, "{}", bar(name, *micros, TOP + ROW * row as f64, longest));
    }
    svg + "</svg>\n"
}

fn bar(name: &str, micros: f64, top: f64, longest: f64) -> String {
    let colour = if name.starts_with("gatehouse") { "#2f7d6b" } else { "#b8c4ce" };
    let length = (WIDTH - LEFT - 70.0) * micros.max(0.0) / longest;
    let (baseline, label_end, value_start) = (top + 17.0, LEFT - 10.0, LEFT + length + 8.0);
    let name = name.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        r##"<text x="{label_end}" y="{baseline}" text-anchor="end" fill="#1f2933">{name}</text>
<rect x="{LEFT}" y="{top}" width="{length:.1}" height="22" rx="2" fill="{colour}"/>
<text x="{value_start:.1}" y="{baseline}" fill="#1f2933">{micros:.1}</text>"##
    )
}
