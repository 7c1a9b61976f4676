//! Keys that sign backend JWTs: published before they sign, followed by others in time, and forgotten once nothing that
//! they signed counts any more.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use key_validation::jws::SigningKey;
use key_validation::{Secret, UnixTime};
use serde_json::Value;

use crate::domain::{BackendKeyAlgorithm, BackendSigningKey};
use crate::store::{StoreError, Transaction};

/// When keys follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// How long a key is the one that signs.
    pub period: Duration,
    /// How long a key is published before it signs.
    pub lead: Duration,
    /// Longest lifetime of a JWT that gateways make.
    pub longest_jwt: Duration,
}

/// What a person may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Another key follows as soon as everybody can know it; well too when one is waiting already.
    Follow,
    /// All keys are known to somebody who should not: another one signs at once, and what they signed counts no more.
    Revoke,
}

impl Rotation {
    /// When gateways stop to sign with a key that signs from this point on, should they never hear of its successor.
    fn ends(&self, active_from: UnixTime) -> UnixTime {
        active_from.plus(self.period.saturating_mul(2))
    }

    /// Whether the last JWT of a key has expired.
    fn is_over(&self, key: &BackendSigningKey, now: UnixTime) -> bool {
        key.active_until.plus(self.longest_jwt) <= now
    }

    /// From when on a further key is to sign, if one is due.
    fn next(&self, keys: &[BackendSigningKey], now: UnixTime) -> Option<UnixTime> {
        let Some(newest) = newest(keys) else { return Some(now) };
        let turn = newest.active_from.plus(self.period);
        (turn <= now.plus(self.lead)).then(|| turn.max(now.plus(self.lead)))
    }

    /// How soon what is told of keys should be asked for again: often enough to know a key before it signs.
    pub fn refresh_after(&self) -> Duration {
        (self.lead / 4).clamp(Duration::from_secs(10), Duration::from_secs(300))
    }

    /// Whether time asks for a change.
    pub fn is_due(&self, keys: &[BackendSigningKey], now: UnixTime) -> bool {
        self.next(keys, now).is_some() || keys.iter().any(|key| self.is_over(key, now))
    }

    /// Forgets keys that are over, and adds one that is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep(&self, transaction: &mut dyn Transaction, now: UnixTime) -> Result<(), StoreError> {
        let keys = transaction.list_signing_keys().await?;
        for key in keys.iter().filter(|key| self.is_over(key, now)) {
            transaction.delete_signing_key(&key.key_id).await?;
        }
        match self.next(&keys, now) {
            Some(active_from) => self.add(transaction, active_from, now).await.map(drop),
            None => Ok(()),
        }
    }

    /// Does what a person orders; the key that follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate(
        &self,
        transaction: &mut dyn Transaction,
        order: Order,
        now: UnixTime,
    ) -> Result<BackendSigningKey, StoreError> {
        let keys = transaction.list_signing_keys().await?;
        match (order, newest(&keys)) {
            (Order::Follow, Some(waiting)) if waiting.active_from > now => Ok(waiting.clone()),
            (Order::Follow, Some(_)) => self.add(transaction, now.plus(self.lead), now).await,
            (Order::Follow, None) => self.add(transaction, now, now).await,
            (Order::Revoke, _) => {
                for key in &keys {
                    transaction.delete_signing_key(&key.key_id).await?;
                }
                self.add(transaction, now, now).await
            }
        }
    }

    async fn add(
        &self,
        transaction: &mut dyn Transaction,
        active_from: UnixTime,
        now: UnixTime,
    ) -> Result<BackendSigningKey, StoreError> {
        let (private_key, public_jwk) = generate()?;
        let key_id = public_jwk.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = BackendSigningKey {
            key_id,
            algorithm: BackendKeyAlgorithm::ES256,
            private_key,
            public_jwk,
            created_at: now,
            active_from,
            active_until: self.ends(active_from),
        };
        transaction.insert_signing_key(&key).await?;
        Ok(key)
    }
}

/// How long one of these keys signs, should no other follow.
pub fn remaining(keys: &[BackendSigningKey], now: UnixTime) -> Duration {
    keys.iter().map(|key| key.active_until.since(now)).max().unwrap_or_default()
}

fn newest(keys: &[BackendSigningKey]) -> Option<&BackendSigningKey> {
    keys.iter().max_by_key(|key| key.active_from)
}

/// An EC key on P-256: PKCS#8 in PEM, and its public half as a JWK named by its thumbprint.
fn generate() -> Result<(Secret, crate::domain::Document), StoreError> {
    let failed = || StoreError::Unavailable("this machine makes no keys".to_owned());
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    let pem = pem(pkcs8.map_err(|_| failed())?.as_ref());
    let key = SigningKey::from_pem(&pem).map_err(|_| failed())?;
    match key.jwk(Some(&key.thumbprint())) {
        Value::Object(jwk) => Ok((pem, jwk)),
        _ => Err(failed()),
    }
}

/// RFC 7468.
fn pem(pkcs8: &[u8]) -> Secret {
    let base64 = BASE64_STANDARD.encode(pkcs8);
    let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (index, letter) in base64.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END PRIVATE KEY-----\n");
    Secret::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;
    const ROTATION: Rotation = Rotation {
        period: Duration::from_secs(100 * HOUR),
        lead: Duration::from_secs(HOUR),
        longest_jwt: Duration::from_secs(HOUR),
    };

    fn key(active_from_hour: u64) -> BackendSigningKey {
        let active_from = UnixTime::from_seconds(active_from_hour * HOUR);
        BackendSigningKey {
            key_id: format!("at-{active_from_hour}"),
            algorithm: BackendKeyAlgorithm::ES256,
            private_key: Secret::new(""),
            public_jwk: crate::domain::Document::new(),
            created_at: active_from,
            active_from,
            active_until: ROTATION.ends(active_from),
        }
    }

    fn at(hour: u64) -> UnixTime {
        UnixTime::from_seconds(hour * HOUR)
    }

    #[test]
    fn s6_a_key_is_published_before_it_signs() {
        for (keys, now, expected) in [
            (vec![], 1000, Some(1000)),
            (vec![key(1000)], 1098, None),
            (vec![key(1000)], 1099, Some(1100)),
            (vec![key(1000), key(1100)], 1100, None),
            // After a long sleep the next one is still published first.
            (vec![key(1000)], 1500, Some(1501)),
        ] {
            assert_eq!(ROTATION.next(&keys, at(now)), expected.map(at), "{now}");
        }
    }

    #[test]
    fn s6_a_key_is_published_until_its_last_jwt_has_expired() {
        assert!(!ROTATION.is_over(&key(1000), UnixTime::from_seconds(1201 * HOUR - 1)));
        assert!(ROTATION.is_over(&key(1000), at(1201)));
    }

    #[test]
    fn s6_a_key_that_is_made_signs_what_its_public_half_verifies() {
        use key_validation::jws::{Sign as _, VerificationKey};

        let (private_key, public_jwk) = generate().unwrap();
        let key = SigningKey::from_pem(&private_key).unwrap();

        assert_eq!(public_jwk["kid"], Value::from(key.thumbprint()));
        assert!(public_jwk.get("d").is_none(), "{public_jwk:?}");
        let signature = key.sign(b"signed").unwrap();
        assert!(key.verifies(b"signed", &signature));
        assert!(VerificationKey::from_jwk(&Value::Object(public_jwk)).is_ok());
    }
}
