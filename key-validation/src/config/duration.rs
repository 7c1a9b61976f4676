//! Durations as people write them: `500ms`, `2s`, `15m`, `1h`.

use std::time;

use super::reader::{Node, Read};

/// A whole number of milliseconds, seconds, minutes or hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(time::Duration);

impl Duration {
    /// So many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(time::Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(time::Duration::from_millis(millis))
    }

    /// As the standard library has it.
    pub const fn get(self) -> time::Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let millis = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60 * 1000),
            "h" => number.checked_mul(60 * 60 * 1000),
            _ => None,
        };
        millis.map(|millis| Self(time::Duration::from_millis(millis)))
    }
}

impl Read for Duration {
    fn read(node: Node<'_>) -> Self {
        let text = node.text();
        Self::parse(text).unwrap_or_else(|| {
            node.fault(format_args!(
                "found {text:?}, expected a duration such as \"500ms\", \"2s\", \"15m\" or \"1h\""
            ));
            Self::from_seconds(0)
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h)$",
            "examples": ["500ms", "2s", "15m"],
        })
    }
}

#[cfg(feature = "schema")]
impl serde::Serialize for Duration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            serializer.collect_str(&format_args!("{}s", millis / 1000))
        } else {
            serializer.collect_str(&format_args!("{millis}ms"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn reads_whole_numbers_with_a_unit() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("2s", 2000), ("15m", 900_000), ("1h", 3_600_000)] {
            assert_eq!(Duration::parse(text).map(|parsed| parsed.get().as_millis()), Some(millis), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1.5s", "1 s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
