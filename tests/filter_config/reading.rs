//! How the filter reads a configuration.

use key_validation::{ConfigError, Configuration};
use serde_json::Value;

/// The name says where it is used: in tests alone.
pub(crate) const TEST_ONLY_SIGNING_KEY: &str = include_str!("../../key-validation/tests/keys/p256.pem");
pub(crate) const TEST_ONLY_IDP_SECRET: &str = "test-only-idp-secret";

/// The variables of the Wasm VM that the examples and manifests take their secrets from.
pub(crate) const ENVIRONMENT: [(&str, &str); 3] = [
    ("GATEHOUSE_IDP_SECRET", TEST_ONLY_IDP_SECRET),
    ("GATEHOUSE_SIGNING_KEY", TEST_ONLY_SIGNING_KEY),
    ("GATEHOUSE_GATEWAY_CREDENTIAL", "test-only-gateway-credential"),
];

/// Reads a configuration with the secrets in the environment.
pub(crate) fn read(configuration: &Value) -> Result<Configuration, ConfigError> {
    read_text(&configuration.to_string())
}

/// [`read`] for text that need not be JSON.
pub(crate) fn read_text(configuration: &str) -> Result<Configuration, ConfigError> {
    let environment = |name: &str| ENVIRONMENT.iter().find(|one| one.0 == name).map(|one| one.1.to_owned());
    Configuration::parse(configuration.as_bytes(), &environment)
}

/// What the filter says of a configuration that it refuses.
pub(crate) fn refusal(configuration: &Value) -> Option<String> {
    read(configuration).err().map(|error| error.to_string())
}
