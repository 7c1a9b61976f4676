//! The patterns that operations match targets with.

use super::{Ambiguities, MalformedTarget, Segment};

/// What an operation's target matches: literal segments, `{x}` for one non-empty segment, and `/*` at the end for
/// the path before it and everything below.
///
/// Ordered from the most specific to the least, segment by segment from the left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Vec<Part>);

/// One step of a pattern; the order of the variants is the order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// A segment of exactly these octets.
    Literal(Box<[u8]>),
    /// Any segment that is not empty.
    Parameter,
    /// Any segments, or none.
    Rest,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a target at all.
    #[error("{0}")]
    Malformed(#[from] MalformedTarget),
    /// A literal segment that requests could not carry here.
    #[error("has an ambiguous segment (dots, `//`, `\\`, or `%2F` and `;` where the API does not allow them)")]
    Ambiguous,
    /// A query, which takes no part in matching.
    #[error("has a query")]
    Query,
    /// Braces that do not enclose a whole segment.
    #[error("has braces that are not one whole `{{parameter}}` segment; a literal brace is written %7B or %7D")]
    Braces,
    /// An asterisk that is not the last segment.
    #[error("has `*` elsewhere than as its last segment; a literal asterisk is written %2A")]
    Asterisk,
    /// More than [`DEPTH_LIMIT`] segments.
    #[error("has more than {DEPTH_LIMIT} segments")]
    Depth,
}

/// Most segments of a pattern: operations are looked for segment by segment, one call inside the other.
const DEPTH_LIMIT: usize = 100;

impl Pattern {
    /// Reads an operation's target, such as `/order/{orderId}` or `/static/*`.
    ///
    /// # Errors
    /// [`PatternError`] when it could match nothing, or not what its author meant.
    pub fn parse(text: &str, allowed: Ambiguities) -> Result<Self, PatternError> {
        if text.contains('?') {
            return Err(PatternError::Query);
        }
        let rest = text.strip_prefix('/').ok_or(MalformedTarget::NotAPath)?;
        let mut segments: Vec<&str> = rest.split('/').collect();
        segments.pop_if(|last| last.is_empty());
        if segments.len() > DEPTH_LIMIT {
            return Err(PatternError::Depth);
        }
        let below = segments.pop_if(|last| *last == "*").map(|_| Part::Rest);
        let mut parts = Vec::with_capacity(segments.len());
        for segment in segments {
            parts.push(Part::parse(segment, allowed)?);
        }
        parts.extend(below);
        Ok(Self(parts))
    }

    /// The step at a depth; none where the pattern has ended.
    #[inline]
    pub(crate) fn part(&self, depth: usize) -> Option<&Part> {
        self.0.get(depth)
    }

    /// Whether every target that `other` matches is matched by this pattern too.
    pub fn covers(&self, other: &Self) -> bool {
        let mut others = other.0.iter();
        for part in &self.0 {
            let covers = match (part, others.next()) {
                (Part::Rest, _) => return true,
                (Part::Parameter, Some(Part::Literal(_) | Part::Parameter)) => true,
                (Part::Literal(literal), Some(Part::Literal(other))) => literal == other,
                (Part::Parameter | Part::Literal(_), _) => false,
            };
            if !covers {
                return false;
            }
        }
        others.next().is_none()
    }

    /// Whether these segments of a request's target match.
    #[inline]
    pub fn matches(&self, segments: &[Segment<'_>]) -> bool {
        let mut segments = segments.iter();
        for part in &self.0 {
            let matches = match (part, segments.next()) {
                (Part::Rest, _) => return true,
                (_, None) => false,
                (Part::Literal(literal), Some(segment)) => **literal == *segment.octets,
                (Part::Parameter, Some(segment)) => !segment.octets.is_empty(),
            };
            if !matches {
                return false;
            }
        }
        segments.next().is_none()
    }
}

impl Part {
    fn parse(text: &str, allowed: Ambiguities) -> Result<Self, PatternError> {
        let name = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
        if name.is_some_and(|name| !name.is_empty() && !name.contains(['{', '}'])) {
            return Ok(Self::Parameter);
        }
        if text.contains(['{', '}']) {
            return Err(PatternError::Braces);
        }
        if text.contains('*') {
            return Err(PatternError::Asterisk);
        }
        let segment = Segment::parse(text.as_bytes())?;
        if !segment.ambiguities.within(allowed) {
            return Err(PatternError::Ambiguous);
        }
        Ok(Self::Literal(segment.octets.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, target, expected) in [
            ("/", "/", true),
            ("/", "/a", false),
            ("/menu", "/menu", true),
            ("/menu", "/menu/", true),
            ("/menu/", "/menu", true),
            ("/menu", "/Menu", false),
            ("/menu", "/menux", false),
            ("/menu", "/menu/x", false),
            ("/order/{id}", "/order/7", true),
            ("/order/{id}", "/order", false),
            ("/order/{id}", "/order//", false),
            ("/order/{id}", "/order/7/8", false),
            ("/static/*", "/static", true),
            ("/static/*", "/static/", true),
            ("/static/*", "/static/a/b", true),
            ("/static/*", "/staticx", false),
            ("/*", "/", true),
            ("/*", "/a/b", true),
            ("/items:search", "/items%3Asearch", true),
            ("/items%3Asearch", "/items:search", true),
            ("/a%7Bb", "/a{b", true),
        ] {
            let target_of = Target::parse(target.as_bytes()).unwrap();
            let pattern_of = Pattern::parse(pattern, Ambiguities::none()).unwrap();
            assert_eq!(pattern_of.matches(target_of.segments()), expected, "{pattern} {target}");
        }
    }

    #[test]
    fn a_pattern_covers_what_is_no_laxer() {
        for (pattern, other, expected) in [
            ("/*", "/", true),
            ("/*", "/a/{x}/*", true),
            ("/a/*", "/a", true),
            ("/a/{x}", "/a/b", true),
            ("/a/{x}", "/a/{y}", true),
            ("/a/b", "/a/{x}", false),
            ("/a/{x}", "/a/*", false),
            ("/a/{x}", "/a", false),
            ("/a", "/a/b", false),
            ("/a/*", "/b", false),
        ] {
            let parse = |text: &str| Pattern::parse(text, Ambiguities::none()).unwrap();
            assert_eq!(parse(pattern).covers(&parse(other)), expected, "{pattern} {other}");
        }
    }

    #[test]
    fn patterns_order_from_the_most_specific_to_the_least() {
        let mut patterns = ["/*", "/a/*", "/{x}/b", "/a/{x}", "/a", "/a/b", "/{x}"];

        patterns.sort_by_key(|pattern| Pattern::parse(pattern, Ambiguities::none()).unwrap());

        assert_eq!(patterns, ["/a", "/a/b", "/a/{x}", "/a/*", "/{x}", "/{x}/b", "/*"]);
    }

    #[test]
    fn refuses_patterns_that_do_not_say_what_they_match() {
        use PatternError::{Ambiguous, Asterisk, Braces, Malformed, Query};
        for (pattern, expected) in [
            ("menu", Malformed(MalformedTarget::NotAPath)),
            ("", Malformed(MalformedTarget::NotAPath)),
            ("/%zz", Malformed(MalformedTarget::PercentEncoding)),
            ("/a{b}", Braces),
            ("/{}", Braces),
            ("/{a", Braces),
            ("/{a}{b}", Braces),
            ("/a*", Asterisk),
            ("/*/a", Asterisk),
            ("//", Ambiguous),
            ("/a/../b", Ambiguous),
            ("/a%2Fb", Ambiguous),
            ("/a?b", Query),
        ] {
            assert_eq!(Pattern::parse(pattern, Ambiguities::none()), Err(expected), "{pattern}");
        }
        assert!(Pattern::parse("/a%2Fb", Ambiguities::ENCODED_SLASH).is_ok());
    }

    #[test]
    fn refuses_patterns_that_are_too_deep() {
        for (segments, is_read) in [(DEPTH_LIMIT, true), (DEPTH_LIMIT + 1, false)] {
            let pattern = Pattern::parse(&"/a".repeat(segments), Ambiguities::none());
            assert_eq!(pattern.is_ok(), is_read, "{segments}");
        }
    }
}
