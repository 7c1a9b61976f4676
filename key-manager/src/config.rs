//! The configuration: a YAML file, environment variables over it, checked as a whole.
//!
//! A variable `GATEHOUSE__SECTION__FIELD` sets `section.field`; names of several words are written `SEVERAL_WORDS`;
//! `DATABASE_URL` sets `database.url` as platforms do. Each secret has a twin that names a file: `sealing.key` and `sealing.keyFile`, `GATEHOUSE__SEALING__KEY_FILE`.

mod duration;
mod environment;
mod raw;
mod secret;
mod user_store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use key_validation::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::signing_keys::Rotation;
use crate::store::postgres;
use duration::DurationText;
use raw::{Raw, RawBackendJwt, RawDatabase, RawNamed};
use secret::SecretText;
use user_store::RawUserStore;
pub use user_store::{UserStoreConfiguration, UserStoreKind};

/// Everything that the service is told.
#[derive(Debug)]
pub struct Configuration {
    /// Where the REST API, clients' and gateways' endpoints listen.
    pub listen: SocketAddr,
    /// Where operators' endpoints listen.
    pub operators_listen: SocketAddr,
    /// Where everything lasting is.
    pub database: Database,
    /// How long a write waits for its turn there.
    pub database_wait: Duration,
    /// Seals secrets at rest: 32 octets in base64.
    pub sealing_key: SealingKey,
    /// Acts as user `admin` with every `apim:*` scope.
    pub bootstrap_credential: Option<Secret>,
    /// Whose tokens callers of the REST API may present.
    pub trusted_identity_provider: Option<TrustedIdentityProvider>,
    /// Who may read the registry feed, and introspect.
    pub gateways: Vec<NamedCredential>,
    /// Who may introspect.
    pub resource_servers: Vec<NamedCredential>,
    /// Where clients reach the service, when that is not where their requests say.
    pub public_url: Option<String>,
    /// How long the service goes on serving after SIGTERM while it says that it is not ready.
    pub lame_duck: Duration,
    /// When the secret of a client is shown.
    pub secret_display: SecretDisplay,
    /// Where users' claims and roles are.
    pub user_store: Option<UserStoreConfiguration>,
    /// When keys that sign backend JWTs follow each other.
    pub rotation: Rotation,
    /// How long whoever carries out an intent of the outbox is thought to be at it.
    pub abandoned_after: Duration,
    /// For how long gateways are told of what is gone; those that were away for longer get a snapshot.
    pub compact_after: Duration,
}

/// An identity provider, known by its name in the store, whose tokens callers of the REST API may present.
#[derive(Clone, Debug)]
pub struct TrustedIdentityProvider {
    /// The key manager's name.
    pub name: String,
    /// What names a user.
    pub user_claim: UserClaim,
    /// Any of these must be in `aud`; not looked at when empty.
    pub audience: Vec<String>,
}

/// What names a user: the owner of applications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserClaim {
    /// The subject.
    #[default]
    Sub,
    /// The user name, for identity providers where that is unique and stays.
    Username,
}

/// When the secret of an application's client is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretDisplay {
    /// Whenever the owner reads the key, as WSO2 does.
    #[default]
    Always,
    /// In the answer to what made it, and never again.
    Once,
}

/// Where everything lasting is.
#[derive(Debug)]
pub enum Database {
    /// An `SQLite` file.
    Sqlite(PathBuf),
    /// A `PostgreSQL` database, by its URL, which may have a password in it.
    Postgres(Secret),
}

/// Where the sealing key comes from.
#[derive(Debug)]
pub enum SealingKey {
    /// As it is given.
    Given(Secret),
    /// Made up at each start, explicitly allowed: after a restart no stored secret can be read.
    Ephemeral,
}

/// A gateway or a resource server, and what it authenticates with.
#[derive(Debug)]
pub struct NamedCredential {
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

/// How long a write waits for its turn when nothing else is said.
const DATABASE_WAIT: Duration = Duration::from_secs(5);
/// Where an `SQLite` database is when nothing else is said.
const DATABASE_FILE: &str = "gatehouse.db";
/// Gateways ask for keys every 10 s at most.
const SHORTEST_LEAD: Duration = Duration::from_secs(40);
/// No gateway takes so long to read a snapshot.
const SHORTEST_COMPACT_AFTER: Duration = Duration::from_secs(3600);
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
            database_wait: check_wait(raw.database.wait)?,
            database: check_database(raw.database)?,
            sealing_key,
            bootstrap_credential,
            trusted_identity_provider: raw.callers.identity_provider.map(|name| TrustedIdentityProvider {
                name,
                user_claim: raw.callers.user_claim,
                audience: raw.callers.audience,
            }),
            gateways: check_named("gateways", raw.gateways)?,
            resource_servers: check_named("resourceServers", raw.resource_servers)?,
            public_url: check_public_url(raw.server.public_url)?,
            lame_duck: raw.server.lame_duck.0,
            secret_display: raw.clients.secret_display,
            user_store: raw.user_store.map(RawUserStore::check).transpose()?,
            rotation: check_rotation(&raw.backend_jwt)?,
            abandoned_after: raw.outbox.abandoned_after.0,
            compact_after: check_compact_after(raw.feed.compact_after.0)?,
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

fn check_database(raw: RawDatabase) -> Result<Database, ConfigurationError> {
    let url = secret::resolve("database.url", raw.url.as_ref(), raw.url_file.as_deref())?;
    match (raw.path, url) {
        (Some(_), Some(_)) => {
            Err(ConfigurationError::new("database.path", "is given, and `database.url` too; one of the two goes"))
        }
        (None, Some(url)) => {
            postgres::check_url(&url).map_err(|reason| ConfigurationError::new("database.url", reason))?;
            Ok(Database::Postgres(url))
        }
        (path, None) => Ok(Database::Sqlite(path.unwrap_or_else(|| PathBuf::from(DATABASE_FILE)))),
    }
}

fn check_wait(wait: Option<DurationText>) -> Result<Duration, ConfigurationError> {
    match wait.map(|DurationText(wait)| wait) {
        None => Ok(DATABASE_WAIT),
        Some(wait) if wait.is_zero() => Err(ConfigurationError::new("database.wait", "must be `1s` or more")),
        Some(wait) => Ok(wait),
    }
}

fn check_compact_after(compact_after: Duration) -> Result<Duration, ConfigurationError> {
    if compact_after < SHORTEST_COMPACT_AFTER {
        return Err(ConfigurationError::new("feed.compactAfter", "must be `1h` or more"));
    }
    Ok(compact_after)
}

fn check_public_url(url: Option<String>) -> Result<Option<String>, ConfigurationError> {
    let is_url = |url: &String| url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    match url {
        Some(url) if !is_url(&url) => {
            Err(ConfigurationError::new("server.publicUrl", "must be an absolute URL of http or https"))
        }
        url => Ok(url),
    }
}

fn check_rotation(raw: &RawBackendJwt) -> Result<Rotation, ConfigurationError> {
    let (period, lead) = (raw.rotate_after.0, raw.publish_before.0);
    if lead < SHORTEST_LEAD {
        return Err(ConfigurationError::new("backendJwt.publishBefore", "must be `40s` or more"));
    }
    if period < lead * 2 {
        let reason = "must be twice `backendJwt.publishBefore` or more";
        return Err(ConfigurationError::new("backendJwt.rotateAfter", reason));
    }
    Ok(Rotation { period, lead, longest_jwt: raw.longest_lifetime.0 })
}

fn check_named(list: &str, raw: Vec<RawNamed>) -> Result<Vec<NamedCredential>, ConfigurationError> {
    let mut named: Vec<NamedCredential> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let path = |field: &str| format!("{list}[{index}].{field}");
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if !(1..=63).contains(&raw.name.len()) || !raw.name.bytes().all(is_plain) {
            return Err(ConfigurationError::new(path("name"), "must be 1 to 63 letters, digits, `.`, `_` and `-`"));
        }
        if named.iter().any(|other| other.name == raw.name) {
            return Err(ConfigurationError::new(path("name"), format!("`{}` is there twice", raw.name)));
        }
        let credential = credential(&path("credential"), raw.credential.as_ref(), raw.credential_file.as_deref())?
            .ok_or_else(|| ConfigurationError::new(path("credential"), "is missing"))?;
        named.push(NamedCredential { name: raw.name, credential });
    }
    Ok(named)
}

#[cfg(test)]
mod tests;
