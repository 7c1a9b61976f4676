//! Signing keys as the key manager tells them (`docs/feed.md`).

use std::time::Duration;

use serde_json::Value;

use crate::jws::SigningKey;
use crate::{Secret, UnixTime, json};

/// When to ask again: within these, whatever the key manager says.
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// What the key manager says of its signing keys.
#[derive(Debug)]
pub struct ToldKeys {
    /// Those that sign, or will.
    pub keys: Vec<ToldKey>,
    /// When to ask again.
    pub refresh_after: Duration,
}

/// A key, and its time.
#[derive(Debug)]
pub struct ToldKey {
    /// Its `kid`.
    pub key_id: String,
    /// The key.
    pub key: SigningKey,
    /// From when on it signs.
    pub not_before: UnixTime,
    /// Until when it signs.
    pub expires_at: UnixTime,
}

impl ToldKeys {
    /// Reads the body of a 200; `None` when anything in it cannot be understood.
    #[inline(never)]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let told = json::parse(std::str::from_utf8(body).ok()?).ok()?;
        let refresh_after = Duration::from_secs(told.get("refreshAfter")?.as_u64()?).clamp(SHORTEST, LONGEST);
        let mut keys = Vec::new();
        for key in told.get("keys")?.as_array()? {
            keys.push(ToldKey::read(key)?);
        }
        let is_of_this_format = told.get("format")?.as_u64() == Some(1);
        (is_of_this_format && !keys.is_empty()).then_some(Self { keys, refresh_after })
    }
}

impl ToldKey {
    fn read(told: &Value) -> Option<Self> {
        let text = |name: &str| told.get(name)?.as_str();
        let time = |name: &str| Some(UnixTime::from_seconds(told.get(name)?.as_u64()?));
        Some(Self {
            key_id: text("kid").filter(|key_id| !key_id.is_empty())?.to_owned(),
            key: SigningKey::from_pem(&Secret::new(text("privateKey")?)).ok()?,
            not_before: time("notBefore")?,
            expires_at: time("expiresAt")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const PEM: &str = include_str!("../../tests/keys/p256.pem");

    fn told() -> Value {
        let key = json!({"kid": "k1", "privateKey": PEM, "notBefore": 100, "expiresAt": 200, "since": "2031"});
        json!({"format": 1, "keys": [key], "refreshAfter": 300})
    }

    #[test]
    fn keys_are_read_with_their_times() {
        let read = ToldKeys::parse(told().to_string().as_bytes()).unwrap();

        assert_eq!(read.refresh_after, Duration::from_secs(300));
        let [key] = read.keys.as_slice() else { panic!("{read:?}") };
        assert_eq!(key.key_id, "k1");
        assert_eq!((key.not_before, key.expires_at), (UnixTime::from_seconds(100), UnixTime::from_seconds(200)));
        assert!(!format!("{read:?}").contains("MIG"), "a private key shows");
    }

    #[test]
    fn keys_of_format_1_are_understood_as_they_were_and_with_what_a_newer_key_manager_adds() {
        for told in [
            include_str!("../../tests/feed-format-1/signing-keys.json"),
            include_str!("../../tests/feed-format-1/newer-signing-keys.json"),
        ] {
            let read = ToldKeys::parse(told.as_bytes()).expect("keys");
            let [key] = read.keys.as_slice() else { panic!("{read:?}") };
            assert_eq!((key.key_id.as_str(), read.refresh_after), ("2026-11", Duration::from_secs(300)));
            let times = (key.not_before.as_seconds(), key.expires_at.as_seconds());
            assert_eq!(times, (1_795_600_000, 1_798_200_000));
        }
    }

    #[test]
    fn whoever_asks_too_often_or_hardly_ever_is_kept_from_it() {
        for (told_seconds, expected) in [(0, SHORTEST), (u64::MAX, LONGEST)] {
            let mut told = told();
            told["refreshAfter"] = json!(told_seconds);
            assert_eq!(ToldKeys::parse(told.to_string().as_bytes()).unwrap().refresh_after, expected);
        }
    }

    #[test]
    fn what_cannot_be_understood_is_no_set_of_keys() {
        type Edit = fn(&mut Value);
        let edits: [Edit; 9] = [
            |told| *told = json!([]),
            |told| told["format"] = json!(2),
            |told| told["keys"] = json!([]),
            |told| told["keys"][0]["kid"] = json!(""),
            |told| told["keys"][0]["privateKey"] = json!("-----BEGIN PRIVATE KEY-----"),
            |told| told["keys"][0]["notBefore"] = json!("100"),
            |told| told["keys"][0]["expiresAt"] = json!(null),
            |told| told["refreshAfter"] = json!(-1),
            |told| told["keys"].as_array_mut().unwrap().push(json!({})),
        ];
        for edit in edits {
            let mut told = told();
            edit(&mut told);
            assert!(ToldKeys::parse(told.to_string().as_bytes()).is_none(), "{told}");
        }
        assert!(ToldKeys::parse(b"\xff").is_none());
    }
}
