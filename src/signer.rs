//! Signatures by the host: ten times as fast as in WebAssembly, where the proxy offers them.

use key_validation::jws::{Algorithm, Sign, SignError, SigningKey, Verify as _, jws_from_der};
use log::info;

use crate::host;
use crate::protobuf::{self, Value};
use crate::verifier::HostVerifier;

/// The host's foreign function `sign` (Envoy 1.37 and newer).
struct HostSigner {
    algorithm: Algorithm,
    pkcs8_der: Vec<u8>,
}

const SHA256: &[u8] = b"sha256";
const PROBE: &[u8] = b"gatehouse";

impl HostSigner {
    /// The signature as the host has it: ECDSA in DER.
    fn raw_signature(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let argument = protobuf::encode(&[(1, SHA256), (2, &self.pkcs8_der), (3, signing_input)]);
        let result = host::call_foreign_function("sign", &argument).map_err(|_| SignError)?;
        match (protobuf::field(&result, 1), protobuf::field(&result, 2)) {
            (Some(Value::Integer(1)), Some(Value::Octets(signature))) => Ok(signature.to_vec()),
            _ => Err(SignError),
        }
    }

    /// Whether the host makes signatures that it verifies itself.
    fn works(&self, key: &SigningKey) -> bool {
        let Some(public_key) = key.public_key_der() else { return false };
        let verifies = |signature: Vec<u8>| HostVerifier.verify(&public_key, PROBE, &signature) == Ok(true);
        self.raw_signature(PROBE).is_ok_and(verifies) && self.sign(PROBE).is_ok()
    }
}

impl Sign for HostSigner {
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.raw_signature(signing_input)?;
        match self.algorithm {
            Algorithm::Es256 => jws_from_der(&signature).ok_or(SignError),
            Algorithm::EdDsa | Algorithm::Rs256 => Ok(signature),
        }
    }
}

/// The host's signer for a key, if it has one that works; `None` leaves signing to the key itself. `path` is
/// where the configuration has the key.
///
/// # Errors
/// A text for a person when the key can be used by the host alone, and the host cannot.
pub(crate) fn choose(path: &str, key: &SigningKey) -> Result<Option<Box<dyn Sign>>, String> {
    let algorithm = key.algorithm();
    let signer = HostSigner { algorithm, pkcs8_der: key.pkcs8_der().to_vec() };
    let host_signs = match algorithm {
        // BoringSSL's `sign` refuses Ed25519 keys.
        Algorithm::EdDsa => false,
        Algorithm::Es256 | Algorithm::Rs256 => signer.works(key),
    };
    if algorithm == Algorithm::Rs256 && !host_signs {
        let reason = "RS256 needs a proxy that signs (Envoy 1.37 or newer); use an EC P-256 or Ed25519 key";
        return Err(format!("{path}: {reason}"));
    }
    let by = match (host_signs, algorithm) {
        (true, _) => "the host",
        (false, Algorithm::EdDsa) => "ed25519-compact",
        (false, Algorithm::Es256 | Algorithm::Rs256) => "jwt-compact",
    };
    info!("{path}: {} signed by {by}", algorithm.name());
    Ok(host_signs.then(|| Box::new(signer) as Box<dyn Sign>))
}
