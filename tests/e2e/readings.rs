//! What backends may take a target to mean: a reference that is slow and obvious, and shares nothing with the filter.

/// One way to read a target; backends differ in each of these.
#[expect(clippy::struct_excessive_bools, reason = "each is true or not of a backend, and every combination occurs")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Octets are decoded before the path is split at slashes, not after.
    decodes_first: bool,
    /// `\` is a slash.
    backslashes: bool,
    /// What follows `;` in a segment is no part of it.
    parameters: bool,
    /// Empty segments are dropped.
    merges: bool,
    /// `.` and `..` segments are resolved.
    resolves: bool,
}

impl Reading {
    /// Every combination.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..32_u8).map(|bits| Self {
            decodes_first: bits & 1 != 0,
            backslashes: bits & 2 != 0,
            parameters: bits & 4 != 0,
            merges: bits & 8 != 0,
            resolves: bits & 16 != 0,
        })
    }

    /// The path's segments, decoded once. One slash at the end never counts.
    pub(crate) fn segments(self, target: &str) -> Vec<Vec<u8>> {
        let (path, _query) = target.split_once('?').unwrap_or((target, ""));
        let path = if self.decodes_first { decode(path.as_bytes()) } else { path.as_bytes().to_vec() };
        let is_slash = |octet: &u8| *octet == b'/' || (self.backslashes && *octet == b'\\');
        let mut read: Vec<Vec<u8>> = Vec::new();
        for segment in path.split(is_slash).skip(1) {
            let mut segment = if self.decodes_first { segment.to_vec() } else { decode(segment) };
            if self.parameters {
                segment = segment.split(|octet| *octet == b';').next().unwrap_or_default().to_vec();
            }
            match segment.as_slice() {
                b"" if self.merges => {}
                b"." if self.resolves => {}
                b".." if self.resolves => drop(read.pop()),
                _ => read.push(segment),
            }
        }
        if read.last().is_some_and(Vec::is_empty) {
            read.pop();
        }
        read
    }
}

/// What is no encoding stays as it is.
fn decode(text: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((first, others)) = rest.split_first() {
        let octet = others.get(..2).and_then(|digits| {
            let digits =
                str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|it| it.is_ascii_hexdigit()))?;
            u8::from_str_radix(digits, 16).ok()
        });
        if let (b'%', Some(octet)) = (first, octet) {
            octets.push(octet);
            rest = &others[2..];
        } else {
            octets.push(*first);
            rest = others;
        }
    }
    octets
}

#[test]
fn readings_differ_as_backends_do() {
    let readings = |target: &str| {
        let mut readings: Vec<_> =
            Reading::all().map(|it| it.segments(target).join(&b'/').escape_ascii().to_string()).collect();
        readings.sort();
        readings.dedup();
        readings
    };
    for (target, expected) in [
        ("/a/b?c/d", &["a/b"][..]),
        ("/a/b/", &["a/b"]),
        ("/%61/b%252f", &["a/b%2f"]),
        ("/a//b", &["a//b", "a/b"]),
        ("/a/../b", &["a/../b", "b"]),
        ("/a;x/b", &["a/b", "a;x/b"]),
        ("/a\\b", &["a/b", "a\\\\b"]),
        ("/a%2f%2e%2e/b", &["a/../b", "b"]),
        ("/a/%zz%", &["a/%zz%"]),
    ] {
        assert_eq!(readings(target), expected, "{target}");
    }
}
