//! A listener that Envoy takes from a file and takes again whenever the file is replaced, as from a control plane.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::listener::Listener;

/// The directory of the file; Envoy watches it.
pub(super) struct Watched(PathBuf);

impl Watched {
    pub(super) fn new(directory: PathBuf) -> Self {
        std::fs::create_dir(&directory).expect("create the watched directory");
        Self(directory)
    }

    /// Replaces the file at once, as Envoy asks for: it must never see half of one.
    pub(super) fn deliver(&self, listener: &Listener) {
        let mut resource = listener.to_json();
        resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        let new = self.0.with_extension("new");
        std::fs::write(&new, json!({"resources": [resource]}).to_string()).expect("write the listener");
        std::fs::rename(new, self.file()).expect("deliver the listener");
    }

    /// What the bootstrap says of it.
    pub(super) fn source(&self) -> Value {
        json!({
            "resource_api_version": "V3",
            "path_config_source": {"path": self.file(), "watched_directory": {"path": self.0}},
        })
    }

    fn file(&self) -> PathBuf {
        self.0.join("listener.json")
    }
}
