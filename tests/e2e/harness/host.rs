//! What hosts do to requests before the filter sees them.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Host {
    /// Envoy with nothing set: the weakest, so that tests show what the filter does without help.
    #[default]
    Plain,
    Istio,
    /// Istio with `pathNormalization: DECODE_AND_MERGE_SLASHES`.
    IstioDecoding,
    EnvoyGateway,
}

impl Host {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Istio, Self::IstioDecoding, Self::EnvoyGateway];

    /// The members of the connection manager's configuration that differ.
    pub(super) fn options(self) -> Value {
        let (normalizes, merges, escaped_slashes, underscores) = match self {
            Self::Plain => (false, false, "KEEP_UNCHANGED", "ALLOW"),
            Self::Istio => (true, false, "KEEP_UNCHANGED", "ALLOW"),
            Self::IstioDecoding => (true, true, "UNESCAPE_AND_FORWARD", "ALLOW"),
            Self::EnvoyGateway => (true, true, "UNESCAPE_AND_REDIRECT", "REJECT_REQUEST"),
        };
        json!({
            "normalize_path": normalizes,
            "merge_slashes": merges,
            "path_with_escaped_slashes_action": escaped_slashes,
            "common_http_protocol_options": {"headers_with_underscores_action": underscores},
        })
    }
}
