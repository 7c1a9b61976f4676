//! Envoy's access log: what an operator sees of a request.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::process::read_lossy;

/// One line; a field is absent when Envoy has nothing to say about it.
#[derive(Debug, Deserialize)]
pub(crate) struct LogEntry {
    case: Option<String>,
    pub(crate) code: u16,
    pub(crate) details: Option<String>,
    /// Envoy's own word for what became of the request; `-` when it has none.
    pub(crate) flags: Option<String>,
    pub(crate) decision: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) identity_provider: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) tier: Option<String>,
    pub(crate) key_type: Option<String>,
    /// The backend JWT's header as the filter left it.
    pub(crate) assertion: Option<String>,
    /// The same header as some backends would read it.
    pub(crate) assertion_look_alike: Option<String>,
}

/// The configuration of an access log that [`LogEntry`] reads.
pub(crate) fn configuration(path: &Path) -> Value {
    let published = |field: &str| format!("%FILTER_STATE(wasm.gatehouse.{field}:PLAIN)%");
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": {"json_format": {
                "case": "%REQ(X-CASE)%",
                "code": "%RESPONSE_CODE%",
                "details": "%RESPONSE_CODE_DETAILS%",
                "flags": "%RESPONSE_FLAGS%",
                "decision": published("decision"),
                "reason": published("reason"),
                "api": published("api"),
                "application": published("application"),
                "client_id": published("client_id"),
                "identity_provider": published("identity_provider"),
                "subject": published("subject"),
                "tier": published("tier"),
                "key_type": published("key_type"),
                "assertion": "%REQ(X-JWT-ASSERTION)%",
                "assertion_look_alike": "%REQ(X_JWT_ASSERTION)%",
            }},
        },
    })
}

/// The line about one case, once Envoy has written it.
pub(crate) fn find(path: &Path, case: &str) -> Option<LogEntry> {
    let log = read_lossy(path);
    let mut entries = log.lines().filter(|line| line.contains(case)).filter_map(|line| serde_json::from_str(line).ok());
    entries.find(|entry: &LogEntry| entry.case.as_deref() == Some(case))
}
