//! Takes JWTs of others apart, once their signature holds.

use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

use super::{VerificationKey, Verify};
use crate::json;

/// The keys of somebody who signs JWTs.
pub struct JwtVerifier {
    keys: Vec<VerificationKey>,
    host: Option<Box<dyn Verify>>,
}

/// A JWT that must not be believed, or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotVerified;

/// Deepest nesting in a header or in claims.
const DEPTH_LIMIT: usize = 33;

impl JwtVerifier {
    /// A verifier that believes nothing which the host must verify before it is [equipped](Self::equip).
    pub fn new(keys: Vec<VerificationKey>) -> Self {
        Self { keys, host: None }
    }

    /// Whether one of the keys needs the host.
    pub fn needs_host(&self) -> bool {
        self.keys.iter().any(VerificationKey::needs_host)
    }

    /// Makes the host verify what it must.
    pub fn equip(&mut self, host: Box<dyn Verify>) {
        self.host = Some(host);
    }

    /// The claims of a JWT in the compact serialisation (RFC 7515 section 3.1) whose `typ` is this and whose signature
    /// is by one of the keys.
    ///
    /// # Errors
    /// [`NotVerified`] for everything else: another algorithm than the key's, a member twice, an extension that must
    /// be understood, or an encrypted JWT.
    pub(crate) fn claims(&self, jwt: &str, typ: &str) -> Result<Map<String, Value>, NotVerified> {
        let (signing_input, signature) = jwt.rsplit_once('.').ok_or(NotVerified)?;
        let (header, claims) =
            signing_input.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(NotVerified)?;
        let header = object(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        let names_type = text("typ").is_some_and(|found| found.eq_ignore_ascii_case(typ));
        if !names_type || header.contains_key("crit") {
            return Err(NotVerified);
        }
        let algorithm = text("alg").ok_or(NotVerified)?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotVerified)?;
        let mut meant = self.keys.iter().filter(|key| key.is_meant(algorithm, text("kid")));
        if meant.any(|key| key.verifies(self.host.as_deref(), signing_input.as_bytes(), &signature)) {
            object(claims)
        } else {
            Err(NotVerified)
        }
    }
}

/// A part that is a JSON object.
fn object(part: &str) -> Result<Map<String, Value>, NotVerified> {
    let octets = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| NotVerified)?;
    let text = std::str::from_utf8(&octets).map_err(|_| NotVerified)?;
    match json::parse_within(text, DEPTH_LIMIT) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(NotVerified),
    }
}

impl fmt::Debug for JwtVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JwtVerifier").field("keys", &self.keys).finish_non_exhaustive()
    }
}
