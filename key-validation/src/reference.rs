//! What BEHAVIOUR.md sections 1 and 3 say of targets, operations and APIs, word by word: slow, obvious, and written
//! without a look at the code that it judges.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::Configuration;
use crate::registry::{Host, OperationMatch};
use crate::target::{Ambiguities, Target};

/// A way in which servers read a target differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Dots,
    Empty,
    Backslash,
    EncodedSlash,
    Parameter,
    NotUtf8,
}

const KINDS: [(Kind, Ambiguities); 6] = [
    (Kind::Dots, Ambiguities::DOT_SEGMENT),
    (Kind::Empty, Ambiguities::EMPTY_SEGMENT),
    (Kind::Backslash, Ambiguities::BACKSLASH),
    (Kind::EncodedSlash, Ambiguities::ENCODED_SLASH),
    (Kind::Parameter, Ambiguities::PATH_PARAMETER),
    (Kind::NotUtf8, Ambiguities::NOT_UTF8),
];

type Octets = Vec<u8>;

/// The canonical segments of a target, or none when it is malformed.
fn canonical(raw: &[u8]) -> Option<Vec<Octets>> {
    // The query never takes part.
    let path = &raw[..raw.iter().position(|octet| *octet == b'?').unwrap_or(raw.len())];
    let is_refused = |octet: &u8| *octet < 0x20 || *octet >= 0x7f || *octet == b'#';
    if path.first() != Some(&b'/') || path.iter().any(is_refused) {
        return None;
    }
    let mut segments = vec![Octets::new()];
    for octet in &path[1..] {
        match octet {
            b'/' => segments.push(Octets::new()),
            other => segments.last_mut()?.push(*other),
        }
    }
    if segments.last()?.is_empty() {
        segments.pop();
    }
    segments.iter().map(|segment| decoded(segment)).collect()
}

/// Every encoded octet once; none of them may be a control octet.
fn decoded(segment: &[u8]) -> Option<Octets> {
    let mut octets = Octets::new();
    let mut at = 0;
    while at < segment.len() {
        if segment[at] != b'%' {
            octets.push(segment[at]);
            at += 1;
            continue;
        }
        let digits = segment.get(at + 1..at + 3)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let octet = u8::from_str_radix(&String::from_utf8_lossy(digits), 16).ok()?;
        if octet < 0x20 || octet == 0x7f {
            return None;
        }
        octets.push(octet);
        at += 3;
    }
    Some(octets)
}

fn kinds(segments: &[Octets]) -> BTreeSet<Kind> {
    segments.iter().flat_map(|segment| kinds_of(segment)).collect()
}

/// Of one decoded segment: a slash in it was encoded, for the path was split at the others.
fn kinds_of(segment: &[u8]) -> Vec<Kind> {
    let has = |octet: u8| segment.contains(&octet);
    let dots = segment.split(|octet| *octet == b'/' || *octet == b'\\').any(|part| {
        let name: Octets = part.iter().copied().take_while(|octet| *octet != b';').collect();
        name == b"." || name == b".."
    });
    let all = [
        (Kind::Dots, dots),
        (Kind::Empty, segment.is_empty()),
        (Kind::Backslash, has(b'\\')),
        (Kind::EncodedSlash, has(b'/')),
        (Kind::Parameter, has(b';')),
        (Kind::NotUtf8, String::from_utf8(segment.to_vec()).is_err()),
    ];
    all.into_iter().filter(|(_, is)| *is).map(|(kind, _)| kind).collect()
}

/// How a part of an operation's target takes a segment: the smaller, the more specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Literal,
    Parameter,
    Rest,
}

/// How the target of an operation takes these segments, if it does.
fn matched(target: &str, segments: &[Octets]) -> Option<Vec<Part>> {
    let mut parts: Vec<&str> = target.split('/').skip(1).collect();
    if parts.last() == Some(&"") {
        parts.pop();
    }
    let is_open = parts.last() == Some(&"*");
    if is_open {
        parts.pop();
    }
    let is_long_enough = if is_open { segments.len() >= parts.len() } else { segments.len() == parts.len() };
    if !is_long_enough {
        return None;
    }
    let mut how = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        if part.starts_with('{') && !segment.is_empty() {
            how.push(Part::Parameter);
        } else if decoded(part.as_bytes())? == *segment {
            how.push(Part::Literal);
        } else {
            return None;
        }
    }
    if is_open {
        how.push(Part::Rest);
    }
    Some(how)
}

type Operation = (&'static str, &'static str);

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Operation(Operation),
    OtherVerbs(Vec<&'static str>),
    None,
}

/// The operation that a request means.
fn find(operations: &[Operation], method: &str, segments: &[Octets]) -> Found {
    let matching: Vec<_> = operations.iter().filter_map(|one| Some((matched(one.1, segments)?, *one))).collect();
    let with = |verb: &str| matching.iter().filter(|(_, one)| one.0 == verb).min().map(|(_, one)| *one);
    let found = with(method).or_else(|| if method == "HEAD" { with("GET") } else { None });
    if let Some(found) = found {
        return Found::Operation(found);
    }
    let mut verbs: BTreeSet<&str> = matching.iter().map(|(_, one)| one.0).collect();
    if verbs.contains("GET") {
        verbs.insert("HEAD");
    }
    if verbs.is_empty() { Found::None } else { Found::OtherVerbs(verbs.into_iter().collect()) }
}

/// Pieces of targets at which readers of paths go wrong.
fn target() -> impl Strategy<Value = Octets> {
    let corner = select(vec![
        "/",
        "/",
        "//",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        "%2f",
        "%2F",
        "\\",
        "%5c",
        ";",
        "%3b",
        "%00",
        "%7f",
        "%0a",
        "%",
        "%2",
        "%zz",
        "%252e",
        "%252f",
        "%c0%af",
        "%c0%ae",
        "%e2%82%ac",
        "%ff",
        "%ed%a0%80",
        "?",
        "#",
        "*",
        "%2a",
        "{",
        "%7bx%7D",
        "|",
        "%7c",
        ":",
        "%3A",
        "+",
        "%20",
    ]);
    let ordinary = select(vec!["/", "/a", "/b", "/a/", "a", "b", "A", "%61", "c", "/x", "/1", "/1.0"]);
    let piece = prop_oneof![
        4 => ordinary.prop_map(|text| text.as_bytes().to_vec()),
        4 => corner.prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 1..3),
    ];
    prop_oneof![
        8 => vec(piece.clone(), 0..16).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat()),
        1 => vec(piece, 0..16).prop_map(|pieces| pieces.concat()),
    ]
}

const TARGETS: [&str; 24] = [
    "/",
    "/*",
    "/a",
    "/b",
    "/a/",
    "/a/*",
    "/a/b",
    "/a/b/c",
    "/a/{x}",
    "/a/{x}/c",
    "/a/{x}/*",
    "/{x}",
    "/{x}/b",
    "/{x}/{y}",
    "/{x}/{y}/*",
    "/{x}/*",
    "/b/{x}",
    "/%61/c",
    "/a%7Cb",
    "/a|c",
    "/%7Bx%7D",
    "/a/%2A",
    "/a:b",
    "/1.0/a",
];
const VERBS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const METHODS: [&str; 11] =
    ["DELETE", "GET", "HEAD", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "get", "TRACE", "PROPFIND"];

/// Operations of which no two are the same to a request.
fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let all = TARGETS.into_iter().filter(|target| *target != "/a/").flat_map(|target| VERBS.map(|verb| (verb, target)));
    let all: Vec<_> = all.collect();
    subsequence(all, 0..30).prop_shuffle()
}

/// Targets that operations of [`TARGETS`] are likely to take.
fn request() -> impl Strategy<Value = String> {
    let segment =
        select(vec!["a", "b", "c", "x", "%61", "A", "a%7Cb", "a|b", "%7bx%7d", "{x}", "*", "%2a", "a:b", "1.0", ""]);
    vec(segment, 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn configuration(apis: &Value) -> Configuration {
    let introspection =
        json!({"cluster": "i", "authority": "i", "path": "/i", "clientAuthentication": {"method": "none"}});
    let idp = json!({"name": "idp", "introspection": introspection});
    let configuration = json!({"identityProviders": [idp], "registry": {"apis": apis}});
    Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap()
}

/// An API of the model: its base path without version, its version, and where it is served.
#[derive(Clone, Copy, Debug)]
struct Api {
    context: &'static str,
    version: &'static str,
    is_default: bool,
    host: Option<&'static str>,
}

impl Api {
    fn base_paths(self) -> Vec<String> {
        let versioned = format!("{}/{}", self.context, self.version);
        if self.is_default { vec![versioned, self.context.to_owned()] } else { vec![versioned] }
    }

    /// How long its base path is and whether it names the host, if the request is its own.
    fn takes(self, host: &str, segments: &[Octets]) -> Option<(usize, bool)> {
        if self.host.is_some_and(|name| name != host) {
            return None;
        }
        let begins = |path: &String| {
            let base: Vec<Octets> = path.split('/').skip(1).map(|segment| segment.as_bytes().to_vec()).collect();
            segments.starts_with(&base).then_some((base.len(), self.host.is_some()))
        };
        self.base_paths().iter().filter_map(begins).max()
    }
}

/// APIs of which no two have the same base path on the same host.
fn apis() -> impl Strategy<Value = Vec<Api>> {
    let contexts = ["/a", "/b", "/a/b", "/a/1", "/x/a"];
    let api = (
        select(contexts.to_vec()),
        select(vec!["1", "1.0", "b", "2/x"]),
        any::<bool>(),
        select(vec![None, Some("one"), Some("two")]),
    );
    let api = api.prop_map(|(context, version, is_default, host)| Api { context, version, is_default, host });
    vec(api, 0..12).prop_map(|all| {
        let mut kept: Vec<Api> = Vec::new();
        for api in all {
            let clashes = |other: &Api| {
                other.host == api.host && other.base_paths().iter().any(|path| api.base_paths().contains(path))
            };
            if !kept.iter().any(clashes) {
                kept.push(api);
            }
        }
        kept
    })
}

proptest! {
    #[test]
    fn s3_model_has_the_same_segments_and_the_same_refusals(raw in target()) {
        let read = Target::parse(&raw).ok();
        let segments = read.as_ref().map(|target| {
            target.segments().iter().map(|segment| segment.octets().to_vec()).collect::<Vec<_>>()
        });
        let model = canonical(&raw);
        prop_assert_eq!(&segments, &model, "{}", raw.escape_ascii());
        if let (Some(target), Some(model)) = (read, model) {
            let kinds = kinds(&model);
            let expected = KINDS.iter().filter(|(kind, _)| kinds.contains(kind));
            let expected = expected.fold(Ambiguities::none(), |all, (_, one)| all.with(*one));
            prop_assert_eq!(target.ambiguities(), expected, "{}", raw.escape_ascii());
        }
    }

    #[test]
    fn s1_6_model_has_the_same_operation(
        operations in operations(),
        method in select(METHODS.to_vec()),
        requested in request(),
    ) {
        let written: Vec<Value> =
            operations.iter().map(|(verb, target)| json!({"verb": verb, "target": target, "authType": "None"})).collect();
        let configuration = configuration(&json!([{"name": "n", "version": "1", "context": "/n", "operations": written}]));
        let registry = configuration.registry.unwrap();
        let api = registry.apis().next().unwrap();
        let target = Target::parse(requested.as_bytes()).unwrap();
        let found = match api.find_operation(method, target.segments()) {
            OperationMatch::Found(operation, position) => {
                prop_assert!(std::ptr::eq(operation, api.operation(position).unwrap()));
                Found::Operation(*operations.iter().find(|one| operation.is(one.0, one.1)).unwrap())
            }
            OperationMatch::OtherVerbs(allow) => {
                Found::OtherVerbs(VERBS.into_iter().filter(|verb| allow.split(", ").any(|one| one == *verb)).collect())
            }
            OperationMatch::None => Found::None,
        };
        prop_assert_eq!(found, find(&operations, method, &canonical(requested.as_bytes()).unwrap()), "{} {}", method, requested);
    }

    #[test]
    fn s1_3_model_has_the_same_api(
        apis in apis(),
        host in select(vec!["one", "two", "three"]),
        requested in vec(select(vec!["a", "b", "x", "1", "1.0", "2", "%61", "A", "11"]), 0..5),
    ) {
        let written: Vec<Value> = apis.iter().enumerate().map(|(number, api)| json!({
            "id": number.to_string(), "name": "n", "version": api.version, "context": api.context,
            "isDefaultVersion": api.is_default, "hosts": api.host.into_iter().collect::<Vec<_>>(), "operations": [],
        })).collect();
        let registry = configuration(&json!(written)).registry.unwrap();
        let path = format!("/{}", requested.join("/"));
        let found = registry.find_api(&Host::parse(host.as_bytes()).unwrap(), &Target::parse(path.as_bytes()).unwrap());
        let segments = canonical(path.as_bytes()).unwrap();
        let takes = |(number, api): (usize, &Api)| Some((api.takes(host, &segments)?, number));
        let expected = apis.iter().enumerate().filter_map(takes).max_by_key(|(rank, _)| *rank);
        let found = found.map(|found| (found.api.id.clone(), found.base_segments));
        prop_assert_eq!(found, expected.map(|((length, _), number)| (number.to_string(), length)), "{} {}", host, path);
    }
}
