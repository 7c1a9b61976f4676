//! What a key manager is configured with, as far as its connector needs it.

use std::fmt;

use key_validation::Secret;
use serde_json::{Map, Value};

/// The settings of one key manager, out of WSO2's `KeyManager` schema.
#[derive(Clone, Debug, Default)]
pub struct ConnectorSettings {
    /// The key manager's name.
    pub name: String,
    /// `issuer`.
    pub issuer: Option<String>,
    /// `wellKnownEndpoint`: where the metadata are, when not where the issuer says.
    pub well_known_endpoint: Option<String>,
    /// Endpoints that take precedence over the metadata's.
    pub endpoints: Endpoints,
    /// `consumerKeyClaim`: the member of an introspection answer with the client id.
    pub consumer_key_claim: Option<String>,
    /// `scopesClaim`: the member with the scopes.
    pub scopes_claim: Option<String>,
    /// `additionalProperties`: the connector's own settings.
    pub properties: Properties,
}

/// Endpoints that are set by hand; absolute URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// `clientRegistrationEndpoint`.
    pub registration: Option<String>,
    /// `tokenEndpoint`.
    pub token: Option<String>,
    /// `introspectionEndpoint`.
    pub introspection: Option<String>,
    /// `revokeEndpoint`.
    pub revocation: Option<String>,
    /// `userInfoEndpoint`.
    pub userinfo: Option<String>,
    /// `scopeManagementEndpoint`.
    pub scope_management: Option<String>,
}

/// A connector's own settings by name. Some are secrets, so `Debug` shows names alone.
#[derive(Clone, Default)]
pub struct Properties(Map<String, Value>);

impl Properties {
    /// Of a JSON object.
    pub fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// These with another one, which replaces one of the same name.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// A text; empty counts as absent.
    ///
    /// # Errors
    /// [`SettingsError`] when it is there and no text.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, SettingsError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(SettingsError::new(name, "must be a string")),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`SettingsError`] when it is absent, empty or no text.
    pub fn required_text(&self, name: &'static str) -> Result<&str, SettingsError> {
        self.text(name)?.ok_or_else(|| SettingsError::new(name, "is missing"))
    }

    /// A secret; empty counts as absent.
    ///
    /// # Errors
    /// [`SettingsError`] when it is there and no text.
    pub fn secret(&self, name: &'static str) -> Result<Option<Secret>, SettingsError> {
        Ok(self.text(name)?.map(Secret::new))
    }

    /// A yes or no, as JSON or as the texts that WSO2's forms send; `false` when absent.
    ///
    /// # Errors
    /// [`SettingsError`] when it is anything else.
    pub fn flag(&self, name: &'static str) -> Result<bool, SettingsError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(set)) => Ok(*set),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(_) => Err(SettingsError::new(name, "must be true or false")),
        }
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// A setting that is missing or wrong; for a 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {reason}")]
pub struct SettingsError {
    /// The setting by its name in the REST API, such as `additionalProperties.initialAccessToken`.
    pub setting: String,
    /// What is wrong with it.
    pub reason: String,
}

impl SettingsError {
    /// About one of the connector's own settings.
    pub fn new(property: &str, reason: impl Into<String>) -> Self {
        Self::of_field(format!("additionalProperties.{property}"), reason)
    }

    /// About another field of the key manager, such as `issuer`.
    pub fn of_field(setting: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { setting: setting.into(), reason: reason.into() }
    }
}

/// A setting of a connector, as WSO2's `KeyManagerConfiguration` describes it for forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingDescription {
    /// Its name in `additionalProperties`.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it is for.
    pub tooltip: &'static str,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it is a secret: stored sealed, never shown.
    pub secret: bool,
}

/// What a setting holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A text.
    Text,
    /// One of these.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
}
