//! Sealing of secrets at rest: AES-256-GCM with a random nonce, bound to the place where the secret is kept.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use key_validation::Secret;

/// Marks what was sealed by this code.
const VERSION: u8 = 1;
/// Octets of the key's identifier: tells one key from another, and nothing about the key.
const KEY_ID_LENGTH: usize = 4;

/// Seals and opens secrets.
pub struct Sealer {
    key: LessSafeKey,
    key_id: [u8; KEY_ID_LENGTH],
}

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealerError {
    /// The key is not 32 octets in base64.
    #[error("must be 32 octets in base64, as `openssl rand -base64 32` makes them")]
    MalformedKey,
    /// It was sealed with another key.
    #[error("was sealed with another key")]
    OtherKey,
    /// It was changed, or moved from where it belongs.
    #[error("was changed, or does not belong here")]
    Forged,
    /// The library failed.
    #[error("could not be sealed")]
    Failed,
}

impl Sealer {
    /// With a key: 32 octets in base64.
    ///
    /// # Errors
    /// [`SealerError::MalformedKey`].
    pub fn new(key: &Secret) -> Result<Self, SealerError> {
        let octets = BASE64_STANDARD.decode(key.expose().trim()).map_err(|_| SealerError::MalformedKey)?;
        let unbound = UnboundKey::new(&AES_256_GCM, &octets).map_err(|_| SealerError::MalformedKey)?;
        let hash = digest(&SHA256, &[b"gatehouse sealing key", octets.as_slice()].concat());
        let mut key_id = [0; KEY_ID_LENGTH];
        key_id.iter_mut().zip(hash.as_ref()).for_each(|(place, octet)| *place = *octet);
        Ok(Self { key: LessSafeKey::new(unbound), key_id })
    }

    /// With a key that lasts as long as this process.
    ///
    /// # Errors
    /// [`SealerError::Failed`] when there is no randomness.
    pub fn ephemeral() -> Result<Self, SealerError> {
        let mut octets = [0; 32];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| SealerError::Failed)?;
        Self::new(&Secret::new(BASE64_STANDARD.encode(octets)))
    }

    /// Seals a secret for a place, such as `application_keys/<id>/client_secret`.
    ///
    /// # Errors
    /// [`SealerError::Failed`].
    pub fn seal(&self, place: &str, secret: &Secret) -> Result<Vec<u8>, SealerError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SealerError::Failed)?;
        let mut text = secret.expose().as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, Aad::from(place), &mut text).map_err(|_| SealerError::Failed)?;
        Ok([&[VERSION], self.key_id.as_slice(), nonce.as_slice(), text.as_slice()].concat())
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    /// [`SealerError::OtherKey`] or [`SealerError::Forged`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret, SealerError> {
        let (version, rest) = sealed.split_first().ok_or(SealerError::Forged)?;
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>().ok_or(SealerError::Forged)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealerError::Forged)?;
        if *version != VERSION {
            return Err(SealerError::Forged);
        }
        if *key_id != self.key_id {
            return Err(SealerError::OtherKey);
        }
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(place), &mut text).map_err(|_| SealerError::Forged)?;
        let opened = std::str::from_utf8(opened).map_err(|_| SealerError::Forged)?;
        Ok(Secret::new(opened))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(octet: u8) -> Sealer {
        Sealer::new(&Secret::new(BASE64_STANDARD.encode([octet; 32]))).unwrap()
    }

    #[test]
    fn opens_what_it_sealed_in_the_same_place_alone() {
        let sealed = sealer(1).seal("keys/1", &Secret::new("s3cret")).unwrap();

        assert_eq!(sealer(1).open("keys/1", &sealed).unwrap().expose(), "s3cret");
        assert_eq!(sealer(1).open("keys/2", &sealed), Err(SealerError::Forged));
        assert_eq!(sealer(2).open("keys/1", &sealed), Err(SealerError::OtherKey));
    }

    #[test]
    fn no_changed_octet_opens() {
        let sealed = sealer(1).seal("p", &Secret::new("s")).unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(sealer(1).open("p", &changed).is_err(), "{place}");
        }
        assert!(sealer(1).open("p", &[]).is_err());
    }

    #[test]
    fn two_sealings_of_one_secret_differ_and_show_nothing_of_it() {
        let [one, other] = [0, 1].map(|_| sealer(1).seal("p", &Secret::new("s3cret")).unwrap());

        assert_ne!(one, other);
        assert!(!one.windows(6).any(|part| part == b"s3cret"));
    }

    #[test]
    fn refuses_keys_that_are_not_32_octets() {
        for key in ["", "c2hvcnQ=", "not base64!"] {
            assert_eq!(Sealer::new(&Secret::new(key)).err(), Some(SealerError::MalformedKey), "{key}");
        }
    }
}
