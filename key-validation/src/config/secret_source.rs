//! Secrets by value or by reference.

use std::fmt;

use serde::Deserialize;

use crate::Secret;

/// A secret as the configuration gives it.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// The secret itself; it shows in Envoy's configuration dump.
    Value(String),
    /// Name of an environment variable of the Wasm VM.
    Env(String),
}

impl SecretSource {
    /// The secret, not empty.
    ///
    /// # Errors
    /// A text for a person that names the variable, never the secret.
    pub fn resolve(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let secret = match self {
            Self::Value(value) => value.clone(),
            Self::Env(name) => environment(name)
                .ok_or_else(|| format!("the environment variable `{name}` is not set in the Wasm VM"))?,
        };
        if secret.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        Ok(Secret::new(secret))
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(_) => formatter.write_str("Value(..)"),
            Self::Env(name) => write!(formatter, "Env({name})"),
        }
    }
}
