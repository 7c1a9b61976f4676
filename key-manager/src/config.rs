//! The configuration: a YAML file, environment variables over it, checked as a whole.
//!
//! A variable `GATEHOUSE__SECTION__FIELD` sets `section.field`; names of several words are written `SEVERAL_WORDS`. Each
//! secret has a twin that names a file: `sealing.key` and `sealing.keyFile`, `GATEHOUSE__SEALING__KEY_FILE`.

mod environment;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use key_validation::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

use secret::SecretText;

/// Everything that the service is told.
#[derive(Debug)]
pub struct Configuration {
    /// Where the REST API, clients' and gateways' endpoints listen.
    pub listen: SocketAddr,
    /// Where operators' endpoints listen.
    pub operators_listen: SocketAddr,
    /// The `SQLite` file.
    pub database: PathBuf,
    /// Seals secrets at rest: 32 octets in base64.
    pub sealing_key: SealingKey,
    /// Acts as user `admin` with every `apim:*` scope.
    pub bootstrap_credential: Option<Secret>,
    /// Who may read the registry feed.
    pub gateways: Vec<GatewayCredential>,
}

/// Where the sealing key comes from.
#[derive(Debug)]
pub enum SealingKey {
    /// As it is given.
    Given(Secret),
    /// Made up at each start, explicitly allowed: after a restart no stored secret can be read.
    Ephemeral,
}

/// A gateway and what it authenticates with.
#[derive(Debug)]
pub struct GatewayCredential {
    /// Its name.
    pub name: String,
    /// The bearer token.
    pub credential: Secret,
}

/// What is wrong with the configuration, and where.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigurationError {
    path: String,
    reason: String,
}

impl ConfigurationError {
    #[expect(clippy::needless_pass_by_value, reason = "errors and texts alike are made for this call")]
    fn new(path: impl Into<String>, reason: impl ToString) -> Self {
        Self { path: path.into(), reason: reason.to_string() }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Raw {
    server: RawServer,
    operators: RawOperators,
    database: RawDatabase,
    sealing: RawSealing,
    callers: RawCallers,
    gateways: Vec<RawGateway>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawServer {
    listen: SocketAddr,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawOperators {
    listen: SocketAddr,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawDatabase {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawSealing {
    key: Option<SecretText>,
    key_file: Option<PathBuf>,
    allow_ephemeral_key: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RawCallers {
    bootstrap_credential: Option<SecretText>,
    bootstrap_credential_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawGateway {
    name: String,
    credential: Option<SecretText>,
    credential_file: Option<PathBuf>,
}

impl Default for RawServer {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

impl Default for RawOperators {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)) }
    }
}

impl Default for RawDatabase {
    fn default() -> Self {
        Self { path: PathBuf::from("gatehouse.db") }
    }
}

/// A credential that can be guessed is none.
const CREDENTIAL_LENGTH: usize = 16;

impl Configuration {
    /// Reads a file, when one is named, and these environment variables.
    ///
    /// # Errors
    /// [`ConfigurationError`] with the path of the first field that is wrong; it never shows a secret.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| ConfigurationError::new(file.display().to_string(), error))?,
            None => String::new(),
        };
        let yaml: Option<Value> = serde_norway::from_str(&text).map_err(|error| ConfigurationError::new("$", error))?;
        let mut value = yaml.unwrap_or_else(|| Value::Object(Map::new()));
        environment::overlay(&mut value, variables)?;
        let raw: Raw = serde_path_to_error::deserialize(value)
            .map_err(|error| ConfigurationError::new(error.path().to_string(), error.inner()))?;
        Self::check(raw)
    }

    fn check(raw: Raw) -> Result<Self, ConfigurationError> {
        let sealing = &raw.sealing;
        let key = secret::resolve("sealing.key", sealing.key.as_ref(), sealing.key_file.as_deref())?;
        let sealing_key = match key {
            Some(key) => {
                crate::store::Sealer::new(&key).map_err(|error| ConfigurationError::new("sealing.key", error))?;
                SealingKey::Given(key)
            }
            None if raw.sealing.allow_ephemeral_key => SealingKey::Ephemeral,
            None => return Err(ConfigurationError::new("sealing.key", "is missing, and so is `sealing.keyFile`")),
        };
        let callers = &raw.callers;
        let bootstrap_credential = credential(
            "callers.bootstrapCredential",
            callers.bootstrap_credential.as_ref(),
            callers.bootstrap_credential_file.as_deref(),
        )?;
        Ok(Self {
            listen: raw.server.listen,
            operators_listen: raw.operators.listen,
            database: raw.database.path,
            sealing_key,
            bootstrap_credential,
            gateways: check_gateways(raw.gateways)?,
        })
    }
}

fn credential(
    path: &str,
    text: Option<&SecretText>,
    file: Option<&Path>,
) -> Result<Option<Secret>, ConfigurationError> {
    let credential = secret::resolve(path, text, file)?;
    let is_short = |credential: &Secret| credential.expose().len() < CREDENTIAL_LENGTH;
    if credential.as_ref().is_some_and(is_short) {
        return Err(ConfigurationError::new(path, format!("must have {CREDENTIAL_LENGTH} characters or more")));
    }
    Ok(credential)
}

fn check_gateways(raw: Vec<RawGateway>) -> Result<Vec<GatewayCredential>, ConfigurationError> {
    let mut gateways: Vec<GatewayCredential> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let path = |field: &str| format!("gateways[{index}].{field}");
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if !(1..=63).contains(&raw.name.len()) || !raw.name.bytes().all(is_plain) {
            return Err(ConfigurationError::new(path("name"), "must be 1 to 63 letters, digits, `.`, `_` and `-`"));
        }
        if gateways.iter().any(|other| other.name == raw.name) {
            return Err(ConfigurationError::new(path("name"), format!("`{}` is there twice", raw.name)));
        }
        let credential = credential(&path("credential"), raw.credential.as_ref(), raw.credential_file.as_deref())?
            .ok_or_else(|| ConfigurationError::new(path("credential"), "is missing"))?;
        gateways.push(GatewayCredential { name: raw.name, credential });
    }
    Ok(gateways)
}

#[cfg(test)]
mod tests;
