//! Targets on which a filter, its host and a backend could disagree.

/// What makes a target treacherous.
const TRICKS: [&str; 64] = [
    // Dot segments, plain and encoded.
    ".",
    "..",
    "./",
    "../",
    "/./",
    "/../",
    "/../../",
    "%2e",
    "%2E",
    "%2e%2e",
    "%2E%2e",
    ".%2e",
    "%2e.",
    "/%2e%2e/",
    "/.%2E/",
    "...",
    // Encoded twice.
    "%252e%252e",
    "/%252e%252e/",
    "%252f",
    "%252e%252e%252f",
    "%255c",
    "%2561",
    // Slashes.
    "/",
    "//",
    "///",
    "%2f",
    "%2F",
    "/%2f",
    "%2f/",
    "%2f..%2f",
    "%2F%2e%2e%2F",
    "/..%2f",
    "%2f../",
    // Backslashes.
    "\\",
    "\\..\\",
    "/..\\",
    "%5c",
    "%5C",
    "%5c..%5c",
    "%5C%2e%2e%5C",
    "/..%5c",
    // Path parameters.
    ";",
    ";/",
    ";x=1",
    "/..;/",
    "/..;x/",
    "/.;/",
    "%3b",
    "/..%3b/",
    "/%2e%2e;/",
    // Control octets and what is no encoding.
    "%00",
    "/..%00/",
    "%0a",
    "%09",
    "%20",
    "%",
    "%2",
    "%zz",
    "%u002e",
    // Overlong and invalid UTF-8.
    "%c0%ae%c0%ae",
    "%c0%af",
    "%ff",
    // Where the path seems to end.
    "?",
    "#",
];

/// Where the tricks stand, as `@`: around and inside the base path, after the public prefix, before the operation.
const PLACES: [&str; 12] = [
    "@/maze/1.0.0/any",
    "/@/maze/1.0.0/any",
    "/maze@1.0.0/any",
    "/maze/@/1.0.0/any",
    "/maze/1.0.0@any",
    "/maze/1.0.0/@/any",
    "/maze/1.0.0/public@any",
    "/maze/1.0.0/public/@/any",
    "/maze/1.0.0/public/a@b",
    "/maze/1.0.0/any@",
    "/maze/1.0.0/any@/../public/a",
    "/elsewhere/@/maze/1.0.0/any",
];

/// Those that no trick and place makes.
const OTHERS: [&str; 32] = [
    // Letters encoded, for no reason.
    "/%6daze/1.0.0/any",
    "/maze/1%2e0.0/any",
    "/maze/1.0.0/%61ny",
    "/maze/1.0.0/pu%62lic/a",
    "/maze/1.0.0/%70%75%62%6c%69%63/a",
    "/maze/1.0.0/public/%61",
    // Case.
    "/Maze/1.0.0/any",
    "/maze/1.0.0/ANY",
    "/maze/1.0.0/Public/a",
    "/maze/1.0.0/PUBLIC/a",
    // The slash at the end.
    "/maze/1.0.0",
    "/maze/1.0.0/",
    "/maze/1.0.0/public",
    "/maze/1.0.0/public/",
    "/maze/1.0.0/any/",
    // Names that begin or end alike.
    "/maze/1.0.0/publicany",
    "/maze/1.0.0x/any",
    "/mazes/1.0.0/any",
    "/xmaze/1.0.0/any",
    // Absolute form.
    "http://gateway.example/maze/1.0.0/any",
    "http://gateway.example/maze/1.0.0/public/a",
    "http://gateway.example/maze/1.0.0/public/../any",
    "http://gateway.example/maze/1.0.0/public/%2e%2e/any",
    "http://gateway.example//maze/1.0.0/any",
    "http://gateway.example/maze/1.0.0/public%2f..%2fany",
    "http://other.example/maze/1.0.0/any",
    "http://user@gateway.example/maze/1.0.0/any",
    "https://gateway.example/maze/1.0.0/any",
    "HTTP://gateway.example/maze/1.0.0/any",
    "http://gateway.example",
    "http:///maze/1.0.0/any",
    // No path at all.
    "maze/1.0.0/any",
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = String> {
    let made = PLACES.into_iter().flat_map(|place| TRICKS.map(|trick| place.replace('@', trick)));
    made.chain(OTHERS.map(ToOwned::to_owned))
}
