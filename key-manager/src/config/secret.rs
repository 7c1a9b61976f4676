//! Secrets by value, or in a file.

use std::fmt;
use std::path::Path;

use key_validation::Secret;
use serde::{Deserialize, Deserializer};

use super::ConfigurationError;

/// A secret's text; neither `Debug` nor an error of serde shows it.
pub(super) struct SecretText(Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An error about another type would show what stands there.
        match serde_json::Value::deserialize(deserializer) {
            Ok(serde_json::Value::String(text)) => Ok(Self(Secret::new(text))),
            Ok(_) | Err(_) => Err(serde::de::Error::custom("must be a string")),
        }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The secret, when there is one: by value or in a file, never both, never empty.
pub(super) fn resolve(
    path: &str,
    text: Option<&SecretText>,
    file: Option<&Path>,
) -> Result<Option<Secret>, ConfigurationError> {
    let secret = match (text, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(ConfigurationError::new(path, format!("is given, and `{path}File` too; one of the two goes")));
        }
        (Some(SecretText(secret)), None) => secret.clone(),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file).map_err(|error| {
                ConfigurationError::new(format!("{path}File"), format!("{}: {error}", file.display()))
            })?;
            Secret::new(text.trim_end_matches(['\r', '\n']))
        }
    };
    if secret.expose().is_empty() {
        return Err(ConfigurationError::new(path, "is empty"));
    }
    Ok(Some(secret))
}
