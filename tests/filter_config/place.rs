//! Where files are, and what is in them.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;

pub(crate) fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `filter-config/`.
pub(crate) fn filter_config(name: &str) -> PathBuf {
    repository_root().join("filter-config").join(name)
}

/// A file of `tests/filter_config/fixtures/`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    repository_root().join("tests/filter_config/fixtures").join(name)
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a YAML file.
pub(crate) fn documents(path: &Path) -> Vec<Value> {
    serde_norway::Deserializer::from_str(&text(path))
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .filter(|document| !document.is_null())
        .collect()
}

/// The one document of a YAML file.
pub(crate) fn document(path: &Path) -> Value {
    let [document] = <[Value; 1]>::try_from(documents(path)).expect("one document");
    document
}
