//! Where the repository, the tools and the tests' own files are.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn repository_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory of this name for the files of one process, kept for a person to look into.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e").join(name);
    // Absent on the first run.
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("create the scratch directory");
    directory
}

/// A WebAssembly module out of the release build.
pub(crate) fn module(name: &str) -> PathBuf {
    let module = repository_root().join("target/wasm32-wasip1/release").join(name);
    assert!(module.is_file(), "{} is missing: `make test` builds it", module.display());
    module
}

/// The key manager, out of the debug build.
pub(crate) fn key_manager() -> PathBuf {
    let program = repository_root().join("target/debug/gatehouse-key-manager");
    assert!(program.is_file(), "{} is missing: `make key-manager` builds it", program.display());
    program
}

/// The Envoy to test on: `$ENVOY_PATH`, else what `scripts/envoy-path` prints.
pub(crate) fn envoy() -> PathBuf {
    if let Some(path) = std::env::var_os("ENVOY_PATH") {
        return existing(path.into(), "ENVOY_PATH");
    }
    let script = repository_root().join("scripts/envoy-path");
    let output = Command::new(&script)
        .output()
        .unwrap_or_else(|error| panic!("no Envoy: ENVOY_PATH is not set, and {}: {error}", script.display()));
    assert!(
        output.status.success(),
        "no Envoy: ENVOY_PATH is not set, and {} failed: {}",
        script.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    existing(String::from_utf8_lossy(&output.stdout).trim().into(), "scripts/envoy-path")
}

/// The oldest Envoy supported, which has no `sign` function: `$ENVOY_OLDEST_PATH`.
pub(crate) fn oldest_envoy() -> PathBuf {
    let path = std::env::var_os("ENVOY_OLDEST_PATH").expect("ENVOY_OLDEST_PATH is not set: `make test` sets it");
    existing(path.into(), "ENVOY_OLDEST_PATH")
}

fn existing(path: PathBuf, source: &str) -> PathBuf {
    assert!(path.is_file(), "no Envoy at {}, which {source} names", path.display());
    path
}
