//! Secrets by value or by reference.

use std::fmt;

use super::reader::{Members, Node, Read};
use crate::Secret;

/// A secret as the configuration gives it: `value` or `env`, one of the two.
// A struct and no enum: an error about an unknown variant would show a secret that stands where the object should.
#[derive(Clone)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
#[cfg_attr(feature = "schema", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct SecretSource {
    /// The secret itself; it shows in Envoy's configuration dump.
    value: Option<String>,
    /// Name of an environment variable of the Wasm VM.
    env: Option<String>,
}

impl Read for SecretSource {
    fn read(node: Node<'_>) -> Self {
        node.object(Self::read_members)
    }
}

impl SecretSource {
    /// Reads it out of an object that may have further members.
    pub(super) fn read_members(members: &mut Members<'_>) -> Self {
        Self { value: members.optional_string("value"), env: members.optional_string("env") }
    }

    /// Whether any is named.
    pub(super) fn is_given(&self) -> bool {
        self.value.is_some() || self.env.is_some()
    }

    /// The secret, not empty.
    ///
    /// # Errors
    /// A text for a person that names the variable, never the secret.
    pub fn resolve(&self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Secret, String> {
        let secret = match (&self.value, &self.env) {
            (Some(value), None) => value.clone(),
            (None, Some(name)) => environment(name)
                .ok_or_else(|| format!("the environment variable `{name}` is not set in the Wasm VM"))?,
            (Some(_), Some(_)) | (None, None) => return Err("needs `value` or `env`, one of the two".to_owned()),
        };
        if secret.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        Ok(Secret::new(secret))
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SecretSource").field("env", &self.env).finish_non_exhaustive()
    }
}
