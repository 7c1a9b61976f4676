//! The configuration as it is written, with its defaults; nothing is checked yet.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::duration::DurationText;
use super::secret::SecretText;
use super::user_store::RawUserStore;
use super::{SecretDisplay, UserClaim};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) server: RawServer,
    pub(super) operators: RawOperators,
    pub(super) database: RawDatabase,
    pub(super) sealing: RawSealing,
    pub(super) callers: RawCallers,
    pub(super) clients: RawClients,
    pub(super) gateways: Vec<RawNamed>,
    pub(super) resource_servers: Vec<RawNamed>,
    pub(super) user_store: Option<RawUserStore>,
    pub(super) backend_jwt: RawBackendJwt,
    pub(super) outbox: RawOutbox,
    pub(super) feed: RawFeed,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawServer {
    pub(super) listen: SocketAddr,
    pub(super) public_url: Option<String>,
    pub(super) lame_duck: DurationText,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawOperators {
    pub(super) listen: SocketAddr,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    pub(super) path: Option<PathBuf>,
    pub(super) url: Option<SecretText>,
    pub(super) url_file: Option<PathBuf>,
    pub(super) wait: Option<DurationText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawSealing {
    pub(super) key: Option<SecretText>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) allow_ephemeral_key: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawCallers {
    pub(super) bootstrap_credential: Option<SecretText>,
    pub(super) bootstrap_credential_file: Option<PathBuf>,
    pub(super) identity_provider: Option<String>,
    pub(super) user_claim: UserClaim,
    pub(super) audience: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawClients {
    pub(super) secret_display: SecretDisplay,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawBackendJwt {
    pub(super) rotate_after: DurationText,
    pub(super) publish_before: DurationText,
    pub(super) longest_lifetime: DurationText,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawOutbox {
    pub(super) abandoned_after: DurationText,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RawFeed {
    pub(super) compact_after: DurationText,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawNamed {
    pub(super) name: String,
    pub(super) credential: Option<SecretText>,
    pub(super) credential_file: Option<PathBuf>,
}

impl Default for RawServer {
    fn default() -> Self {
        let lame_duck = DurationText(Duration::from_secs(5));
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), public_url: None, lame_duck }
    }
}

impl Default for RawOperators {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)) }
    }
}

impl Default for RawBackendJwt {
    fn default() -> Self {
        let hours = |hours: u64| DurationText(Duration::from_secs(hours * 3600));
        Self { rotate_after: hours(30 * 24), publish_before: hours(1), longest_lifetime: hours(1) }
    }
}

impl Default for RawOutbox {
    fn default() -> Self {
        Self { abandoned_after: DurationText(Duration::from_secs(90)) }
    }
}

impl Default for RawFeed {
    fn default() -> Self {
        Self { compact_after: DurationText(Duration::from_secs(7 * 24 * 3600)) }
    }
}
