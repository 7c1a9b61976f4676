//! The gateway's own credentials at an identity provider.

use super::raw::{self, ClientAuthenticationMethod as Method};
use super::{ConfigError, at};
use crate::Secret;
use crate::jws::{JwtSigner, SigningKey};

/// The gateway's credentials at the introspection endpoint.
#[derive(Debug)]
pub enum ClientAuthentication {
    /// The whole `Authorization` value.
    Header(Secret),
    /// Form fields.
    Post {
        /// `client_id`.
        client_id: String,
        /// `client_secret`.
        client_secret: Secret,
    },
    /// A JWT for each call.
    PrivateKeyJwt(Box<ClientAssertion>),
    /// None.
    None,
}

/// What client assertions (RFC 7523 section 2.2) are made of.
#[derive(Debug)]
pub struct ClientAssertion {
    /// `iss` and `sub`.
    pub client_id: String,
    /// `aud`.
    pub audience: String,
    /// Signs them.
    pub signer: JwtSigner,
}

impl ClientAuthentication {
    /// What tells one secret from another behind the same configuration.
    pub(super) fn fingerprint(&self) -> String {
        match self {
            Self::Header(secret) | Self::Post { client_secret: secret, .. } => secret.expose().to_owned(),
            Self::PrivateKeyJwt(assertion) => assertion.signer.key().thumbprint(),
            Self::None => String::new(),
        }
    }
}

/// Checks the credentials for an endpoint; `issuer` is the identity provider's.
pub(super) fn check(
    endpoint: &str,
    raw: &raw::ClientAuthentication,
    issuer: Option<&str>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ClientAuthentication, ConfigError> {
    let path = format!("{endpoint}.clientAuthentication");
    let at_field = |field: &str, reason: &str| ConfigError::new(format_args!("{path}.{field}"), reason);
    if raw.method == Method::None {
        return Ok(ClientAuthentication::None);
    }
    if let Some(field) = foreign_field(raw) {
        return Err(at_field(field, "goes with another method"));
    }
    let required = |field: &str| at_field(field, "is required by this method");
    let client_id = raw.client_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| required("clientId"))?;
    let (field, source) = match raw.method {
        Method::PrivateKeyJwt => ("signingKey", &raw.signing_key),
        Method::ClientSecretBasic | Method::ClientSecretPost | Method::None => ("clientSecret", &raw.client_secret),
    };
    let secret = source.as_ref().ok_or_else(|| required(field))?.resolve(environment);
    let secret = secret.map_err(|reason| at_field(field, &reason))?;
    match raw.method {
        Method::PrivateKeyJwt => {
            let key = SigningKey::from_pem(&secret).map_err(at(format!("{path}.{field}")))?;
            let assertion = client_assertion(&path, client_id, key, raw, issuer)?;
            Ok(ClientAuthentication::PrivateKeyJwt(Box::new(assertion)))
        }
        Method::ClientSecretBasic if raw.encoding == raw::CredentialEncoding::Raw && client_id.contains(':') => {
            Err(at_field("clientId", "must not contain `:` with raw encoding, where it ends the id"))
        }
        Method::ClientSecretBasic => {
            Ok(ClientAuthentication::Header(basic_credentials(&client_id, &secret, raw.encoding)))
        }
        Method::ClientSecretPost => Ok(ClientAuthentication::Post { client_id, client_secret: secret }),
        Method::None => Ok(ClientAuthentication::None),
    }
}

/// A field that means nothing with the method.
fn foreign_field(raw: &raw::ClientAuthentication) -> Option<&'static str> {
    let of_a_secret = [("clientSecret", raw.client_secret.is_some())];
    let of_a_key = [
        ("signingKey", raw.signing_key.is_some()),
        ("keyId", raw.key_id.is_some()),
        ("audience", raw.audience.is_some()),
    ];
    let foreign = if raw.method == Method::PrivateKeyJwt { of_a_secret.as_slice() } else { &of_a_key };
    foreign.iter().find(|(_, is_there)| *is_there).map(|(field, _)| *field)
}

fn client_assertion(
    path: &str,
    client_id: String,
    key: SigningKey,
    raw: &raw::ClientAuthentication,
    issuer: Option<&str>,
) -> Result<ClientAssertion, ConfigError> {
    if raw.key_id.as_ref().is_some_and(String::is_empty) {
        return Err(ConfigError::new(format_args!("{path}.keyId"), "must not be empty"));
    }
    // RFC 7523 section 3 leaves it to the server, and nothing else here names the server as such.
    let audience = raw.audience.clone().or_else(|| issuer.map(str::to_owned)).filter(|audience| !audience.is_empty());
    let reason = "is required by this method where the identity provider has no `issuer`, and must not be empty";
    let audience = audience.ok_or_else(|| ConfigError::new(format_args!("{path}.audience"), reason))?;
    Ok(ClientAssertion { client_id, audience, signer: JwtSigner::new(key, raw.key_id.clone()) })
}

/// The value of `Authorization` (RFC 6749 section 2.3.1).
fn basic_credentials(client_id: &str, client_secret: &Secret, encoding: raw::CredentialEncoding) -> Secret {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let encode = |text: &str| match encoding {
        raw::CredentialEncoding::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        raw::CredentialEncoding::Raw => text.to_owned(),
    };
    let pair = format!("{}:{}", encode(client_id), encode(client_secret.expose()));
    Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn basic_credentials_are_form_encoded_first_unless_raw() {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let secret = Secret::new("p:w d+ä");
        for (encoding, expected) in
            [(raw::CredentialEncoding::Form, "a%3Ab:p%3Aw+d%2B%C3%A4"), (raw::CredentialEncoding::Raw, "a:b:p:w d+ä")]
        {
            let credentials = basic_credentials("a:b", &secret, encoding);

            let expected = format!("Basic {}", BASE64_STANDARD.encode(expected));
            assert_eq!(credentials.expose(), expected);
        }
    }
}
