//! A second opinion about paths, simpler than the gateway's own: the whole path decoded at once.

use percent_encoding::percent_decode;

/// Whether the path is that of the one public operation.
pub fn is_public(raw: &[u8]) -> bool {
    let path = decoded(raw);
    let path = path.strip_suffix(b"/").unwrap_or(&path);
    is_plain(raw) && [b"/a/public".as_slice(), b"/a/1/public"].contains(&path)
}

/// Whether the path lies under the API's base path.
pub fn is_in_api(raw: &[u8]) -> bool {
    let path = decoded(raw);
    path == b"/a" || path.starts_with(b"/a/")
}

/// Whether all servers read the path alike, whether they decode before they split, after it, or drop parameters.
pub fn is_plain(raw: &[u8]) -> bool {
    let path = decoded(raw);
    let slashes = |octets: &[u8]| octets.split(|&octet| octet == b'/').count();
    let Some(rest) = path.strip_prefix(b"/") else { return false };
    let rest = rest.strip_suffix(b"/").unwrap_or(rest);
    let is_dotted = |segment: &[u8]| segment == b"." || segment == b"..";
    slashes(&path) == slashes(without_query(raw))
        && std::str::from_utf8(&path).is_ok()
        && !path.iter().any(|octet| matches!(octet, b'\\' | b';') || octet.is_ascii_control())
        && !path.windows(2).any(|pair| pair == b"//")
        && !rest.split(|&octet| octet == b'/').any(is_dotted)
}

fn decoded(raw: &[u8]) -> Vec<u8> {
    percent_decode(without_query(raw)).collect()
}

fn without_query(raw: &[u8]) -> &[u8] {
    raw.split(|&octet| octet == b'?').next().unwrap_or_default()
}
