//! Request targets in canonical form, and the patterns that operations match them with.
//!
//! Split at `/` first, then decode each segment exactly once; the request goes on with its path as it came. What
//! servers are known to read differently is refused as malformed, or noted as ambiguous for the API to allow.

mod pattern;

use std::borrow::Cow;

pub(crate) use pattern::Part;
pub use pattern::{Pattern, PatternError};

/// The path of a request: its segments, decoded, with what is ambiguous about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    segments: Vec<Segment<'a>>,
}

/// One segment between slashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment<'a> {
    octets: Cow<'a, [u8]>,
    ambiguities: Ambiguities,
}

/// A target that no server should accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedTarget {
    /// The target is not an absolute path (`*`, a bare word, nothing).
    #[error("does not start with `/`")]
    NotAPath,
    /// `%` without two hexadecimal digits.
    #[error("has a bad percent encoding")]
    PercentEncoding,
    /// NUL or another control octet, plain or encoded.
    #[error("has a control octet")]
    Control,
    /// A raw octet outside US-ASCII.
    #[error("has a raw octet outside US-ASCII")]
    NotAscii,
    /// A fragment, which belongs to no request.
    #[error("has a `#`")]
    Fragment,
}

/// A set of readings on which servers disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ambiguities(u8);

impl Ambiguities {
    /// `.` or `..`, plain or encoded, alone or beside an encoded separator or parameter.
    pub const DOT_SEGMENT: Self = Self(1);
    /// Nothing between two slashes.
    pub const EMPTY_SEGMENT: Self = Self(1 << 1);
    /// `\`, plain or encoded.
    pub const BACKSLASH: Self = Self(1 << 2);
    /// `/`, encoded.
    pub const ENCODED_SLASH: Self = Self(1 << 3);
    /// `;`, plain or encoded.
    pub const PATH_PARAMETER: Self = Self(1 << 4);
    /// Octets that are overlong or otherwise not UTF-8 after decoding.
    pub const NOT_UTF8: Self = Self(1 << 5);

    /// No ambiguity.
    #[inline]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Both sets together.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing is left of this set once `allowed` is taken away.
    #[inline]
    pub const fn within(self, allowed: Self) -> bool {
        self.0 & !allowed.0 == 0
    }

    #[inline]
    fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::none() }
    }
}

impl<'a> Target<'a> {
    /// Reads the target of a request (`:path`); the query takes no part.
    ///
    /// # Errors
    /// [`MalformedTarget`] for what is refused whatever an API allows.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> Result<Self, MalformedTarget> {
        let path = raw.split(|&octet| octet == b'?').next().unwrap_or_default();
        let rest = path.strip_prefix(b"/").ok_or(MalformedTarget::NotAPath)?;
        // Room for the targets of ordinary APIs.
        let mut segments = Vec::with_capacity(8);
        if !rest.is_empty() {
            // Backends serve `/admin/` as `/admin`.
            let rest = rest.strip_suffix(b"/").unwrap_or(rest);
            for segment in rest.split(|&octet| octet == b'/') {
                segments.push(Segment::parse(segment)?);
            }
        }
        Ok(Self { segments })
    }

    /// The segments, decoded.
    #[inline]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// What is ambiguous anywhere in the target.
    #[inline]
    pub fn ambiguities(&self) -> Ambiguities {
        ambiguities(self.segments())
    }
}

/// What is ambiguous in any of these segments.
#[inline]
pub fn ambiguities(segments: &[Segment<'_>]) -> Ambiguities {
    segments.iter().fold(Ambiguities::none(), |all, segment| all.with(segment.ambiguities))
}

impl<'a> Segment<'a> {
    #[inline]
    fn parse(raw: &'a [u8]) -> Result<Self, MalformedTarget> {
        let octets = decode(raw)?;
        let mut ambiguities = Ambiguities::EMPTY_SEGMENT.when(octets.is_empty());
        let (mut has_dot, mut is_ascii) = (false, true);
        for octet in &*octets {
            match octet {
                b'\\' => ambiguities = ambiguities.with(Ambiguities::BACKSLASH),
                b'/' => ambiguities = ambiguities.with(Ambiguities::ENCODED_SLASH),
                b';' => ambiguities = ambiguities.with(Ambiguities::PATH_PARAMETER),
                b'.' => has_dot = true,
                octet => is_ascii &= octet.is_ascii(),
            }
        }
        if has_dot && has_dot_part(&octets) {
            ambiguities = ambiguities.with(Ambiguities::DOT_SEGMENT);
        }
        if !is_ascii && std::str::from_utf8(&octets).is_err() {
            ambiguities = ambiguities.with(Ambiguities::NOT_UTF8);
        }
        Ok(Self { octets, ambiguities })
    }

    /// The decoded octets.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// Whether a server that decodes separators, or drops `;` parameters, would find `.` or `..` here.
#[inline]
fn has_dot_part(octets: &[u8]) -> bool {
    octets.split(|octet| matches!(octet, b'/' | b'\\')).any(|part| {
        let name = part.split(|&octet| octet == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

/// Decodes every percent-encoded octet once.
#[inline]
fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, MalformedTarget> {
    let mut is_encoded = false;
    for &octet in raw {
        check_raw(octet)?;
        is_encoded |= octet == b'%';
    }
    if !is_encoded {
        return Ok(Cow::Borrowed(raw));
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut octets = raw.iter();
    while let Some(&octet) = octets.next() {
        if octet != b'%' {
            decoded.push(octet);
            continue;
        }
        let mut digit = || octets.next().and_then(|&digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(MalformedTarget::PercentEncoding) };
        let octet = u8::try_from(high << 4 | low).map_err(|_| MalformedTarget::PercentEncoding)?;
        if octet.is_ascii_control() {
            return Err(MalformedTarget::Control);
        }
        decoded.push(octet);
    }
    Ok(Cow::Owned(decoded))
}

#[inline]
fn check_raw(octet: u8) -> Result<(), MalformedTarget> {
    match octet {
        b'#' => Err(MalformedTarget::Fragment),
        octet if octet.is_ascii_control() => Err(MalformedTarget::Control),
        octet if !octet.is_ascii() => Err(MalformedTarget::NotAscii),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn segments(raw: &str) -> Vec<String> {
        let target = Target::parse(raw.as_bytes()).unwrap();
        target.segments().iter().map(|segment| String::from_utf8_lossy(segment.octets()).into_owned()).collect()
    }

    fn ambiguities_of(raw: &str) -> Ambiguities {
        Target::parse(raw.as_bytes()).unwrap().ambiguities()
    }

    #[test]
    fn splits_first_and_decodes_each_segment_once() {
        for (raw, expected) in [
            ("/", vec![]),
            ("/a/b", vec!["a", "b"]),
            ("/a/b/", vec!["a", "b"]),
            ("/a?b/c", vec!["a"]),
            ("/a/?b", vec!["a"]),
            ("/%61dmin", vec!["admin"]),
            ("/items%3Asearch", vec!["items:search"]),
            ("/%252e", vec!["%2e"]),
            ("/a%2Fb/c", vec!["a/b", "c"]),
            ("/a|b", vec!["a|b"]),
            ("/a%7Cb", vec!["a|b"]),
        ] {
            assert_eq!(segments(raw), expected, "{raw}");
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        use MalformedTarget::{Control, Fragment, NotAPath, NotAscii, PercentEncoding};
        for (raw, expected) in [
            (&b""[..], NotAPath),
            (b"*", NotAPath),
            (b"a/b", NotAPath),
            (b"?/a", NotAPath),
            (b"/%", PercentEncoding),
            (b"/%4", PercentEncoding),
            (b"/%zz", PercentEncoding),
            (b"/%+1", PercentEncoding),
            (b"/a%00", Control),
            (b"/a\x00", Control),
            (b"/a%7f", Control),
            (b"/a\tb", Control),
            (b"/a\xff", NotAscii),
            (b"/a#b", Fragment),
        ] {
            assert_eq!(Target::parse(raw), Err(expected), "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn notes_each_kind_of_ambiguity() {
        let dot = Ambiguities::DOT_SEGMENT;
        let slash = Ambiguities::ENCODED_SLASH;
        for (raw, expected) in [
            ("/a.b/c..d/...", Ambiguities::none()),
            ("/%c3%a9", Ambiguities::none()),
            ("/a/.", dot),
            ("/a/../b", dot),
            ("/a/%2e%2E/b", dot),
            ("/a/.%2e", dot),
            ("//", Ambiguities::EMPTY_SEGMENT),
            ("/a//b", Ambiguities::EMPTY_SEGMENT),
            ("/a//", Ambiguities::EMPTY_SEGMENT),
            ("/a\\b", Ambiguities::BACKSLASH),
            ("/a%5cb", Ambiguities::BACKSLASH),
            ("/a%2fb", slash),
            ("/a/..%2fb", slash.with(dot)),
            ("/a/..%5cb", Ambiguities::BACKSLASH.with(dot)),
            ("/a;b", Ambiguities::PATH_PARAMETER),
            ("/a%3Bb", Ambiguities::PATH_PARAMETER),
            ("/a/..;x=1/b", Ambiguities::PATH_PARAMETER.with(dot)),
            ("/%c0%af", Ambiguities::NOT_UTF8),
            ("/%ff", Ambiguities::NOT_UTF8),
            ("/a/../../b", dot),
        ] {
            assert_eq!(ambiguities_of(raw), expected, "{raw}");
        }
    }

    #[test]
    fn s3_ambiguous_kinds_are_told_apart_and_each_is_more_than_none() {
        let kinds = [
            ("/a/..", Ambiguities::DOT_SEGMENT),
            ("/a//b", Ambiguities::EMPTY_SEGMENT),
            ("/a\\b", Ambiguities::BACKSLASH),
            ("/a%5cb", Ambiguities::BACKSLASH),
            ("/a%2fb", Ambiguities::ENCODED_SLASH),
            ("/a;b", Ambiguities::PATH_PARAMETER),
            ("/%ff", Ambiguities::NOT_UTF8),
            ("/%c0%af", Ambiguities::NOT_UTF8),
        ];
        for (raw, kind) in kinds {
            let found = ambiguities_of(raw);
            let all_others = kinds.iter().filter(|(_, other)| *other != kind);
            let all_others = all_others.fold(Ambiguities::none(), |all, (_, other)| all.with(*other));
            assert!(!found.within(Ambiguities::none()), "{raw}");
            assert!(!found.within(all_others), "{raw}");
            assert!(found.within(kind) && found.within(all_others.with(kind)), "{raw}");
        }
    }
}
