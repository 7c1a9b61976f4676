//! How a client's id and secret are written into Basic credentials.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use key_validation::Secret;

use crate::connector::{Properties, SettingsError};

/// The encoding inside Basic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Form-encoded first (RFC 6749 section 2.3.1).
    Form,
    /// As they are, for identity providers that do not decode.
    Raw,
}

impl Encoding {
    /// What the settings say.
    pub(super) fn of(properties: &Properties) -> Result<Self, SettingsError> {
        const NAME: &str = "credentialEncoding";
        match properties.text(NAME)? {
            None | Some("form") => Ok(Self::Form),
            Some("raw") => Ok(Self::Raw),
            Some(_) => Err(SettingsError::new(NAME, "must be `form` or `raw`")),
        }
    }

    /// The value of `Authorization`.
    pub(super) fn basic(self, client_id: &str, secret: &Secret) -> String {
        let encode = |text: &str| match self {
            Self::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            Self::Raw => text.to_owned(),
        };
        format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(client_id), encode(secret.expose()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_encodes_before_basic_unless_told_otherwise() {
        let secret = Secret::new("p:w+ d");
        let decoded = |encoding: Encoding| {
            let value = encoding.basic("a b", &secret);
            String::from_utf8(STANDARD.decode(value.trim_start_matches("Basic ")).unwrap()).unwrap()
        };
        assert_eq!(decoded(Encoding::Form), "a+b:p%3Aw%2B+d");
        assert_eq!(decoded(Encoding::Raw), "a b:p:w+ d");
    }
}
