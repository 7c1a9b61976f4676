//! Cut-offs that the key manager writes by itself: what was revoked through it, and clients that were deleted.
//!
//! There is one row for a thing, so that whoever may revoke cannot fill the database.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use key_validation::{Secret, UnixTime};
use sha2::{Digest as _, Sha256};

use crate::domain::{Revocation, RevocationAction, RevocationKind};
use crate::store::{StoreError, Transaction};

/// Longer than any gateway remembers an answer.
const RECHECKED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Longer than tokens of a client that is gone last.
const CLIENT_DENIED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// A token that was revoked; its cut-off ends with it.
pub(crate) fn token(
    identity_provider: &str,
    token: &Secret,
    expires_at: Option<UnixTime>,
    now: UnixTime,
) -> Revocation {
    let value = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token.expose()));
    let expires_at = expires_at.unwrap_or_else(|| now.plus(CLIENT_DENIED_FOR));
    cut_off(RevocationKind::Token, value, identity_provider, RevocationAction::Deny, expires_at, now)
}

/// Tokens of a client, or of a subject, some of which may have been revoked with another.
pub(crate) fn recheck(kind: RevocationKind, value: &str, identity_provider: &str, now: UnixTime) -> Revocation {
    // What is written again is to be another record than before, or gateways would take it for the same: no two that are
    // written one after the other end at the same time.
    let apart = Duration::from_secs(now.as_millis() % 1000);
    let expires_at = now.plus(RECHECKED_FOR).plus(apart);
    cut_off(kind, value.to_owned(), identity_provider, RevocationAction::Recheck, expires_at, now)
}

/// Tokens of a client that is deleted: at some identity providers they outlive it.
pub(crate) fn deleted_client(client_id: &str, identity_provider: &str, now: UnixTime) -> Revocation {
    let expires_at = now.plus(CLIENT_DENIED_FOR);
    let value = client_id.to_owned();
    cut_off(RevocationKind::Client, value, identity_provider, RevocationAction::Deny, expires_at, now)
}

/// Writes a cut-off, in place of one for the same thing.
pub(crate) async fn put(transaction: &mut dyn Transaction, cut_off: &Revocation) -> Result<(), StoreError> {
    transaction.delete_revocation(&cut_off.id).await?;
    transaction.insert_revocation(cut_off).await
}

fn cut_off(
    kind: RevocationKind,
    value: String,
    identity_provider: &str,
    action: RevocationAction,
    expires_at: UnixTime,
    now: UnixTime,
) -> Revocation {
    Revocation {
        id: id(&[&format!("{kind:?} {action:?}"), identity_provider, &value]),
        kind,
        value,
        identity_provider: Some(identity_provider.to_owned()),
        action,
        not_before: now,
        expires_at,
        created_at: now,
    }
}

/// A UUID (version 8) that belongs to the thing.
fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let mut octets = [0; 16];
    octets.iter_mut().zip(digest).for_each(|(place, octet)| *place = octet);
    uuid::Builder::from_custom_bytes(octets).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s7_one_thing_has_one_row_and_another_record_each_time() {
        let now = UnixTime::from_millis(1_800_000_000_123);
        let one = recheck(RevocationKind::Client, "shop", "corporate", now);
        let again = recheck(RevocationKind::Client, "shop", "corporate", now.plus(Duration::from_millis(7)));

        assert_eq!(one.id, again.id);
        assert_ne!(one.expires_at.as_seconds(), again.expires_at.as_seconds());
        for other in [
            recheck(RevocationKind::Subject, "shop", "corporate", now),
            recheck(RevocationKind::Client, "shop2", "corporate", now),
            recheck(RevocationKind::Client, "shop", "corporate2", now),
            deleted_client("shop", "corporate", now),
        ] {
            assert_ne!(other.id, one.id, "{other:?}");
        }
    }
}
