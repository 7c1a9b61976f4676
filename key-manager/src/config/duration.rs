//! Durations as people write them: `30s`, `15m`, `720h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A whole number of seconds, minutes or hours.
#[derive(Clone, Copy, Debug)]
pub(super) struct DurationText(pub(super) Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected = || serde::de::Error::custom("must be a duration such as `30s`, `15m` or `720h`");
        parse(&text).map(Self).ok_or_else(expected)
    }
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_seconds_minutes_and_hours() {
        for (text, expected) in [("30s", Some(30)), ("15m", Some(900)), ("720h", Some(2_592_000)), ("0s", Some(0))] {
            assert_eq!(parse(text), expected.map(Duration::from_secs), "{text}");
        }
        for text in ["", "s", "1", "1.5h", "-1s", "1d", "1 s", "99999999999999999999h", "18446744073709551615h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
