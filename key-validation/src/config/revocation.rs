//! Revocation cut-offs, checked.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::raw::{Revocation, RevocationAction, RevocationKind};
use super::{ConfigError, IdentityProvider, at};
use crate::UnixTime;
use crate::cut_offs::{Action, Concerned, CutOff};

/// Checks the list.
pub(super) fn check_all(raw: &[Revocation], providers: &[IdentityProvider]) -> Result<Vec<CutOff>, ConfigError> {
    let mut checked = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        checked.push(check(&format!("registry.revocations[{index}]."), raw, providers)?);
    }
    Ok(checked)
}

/// Checks one; `path` is where its members are.
pub(crate) fn check(path: &str, raw: &Revocation, providers: &[IdentityProvider]) -> Result<CutOff, ConfigError> {
    if let Some(name) = &raw.identity_provider
        && !providers.iter().any(|provider| provider.name == *name)
    {
        let reason = format!("there is no identity provider `{name}`");
        return Err(ConfigError::new(format_args!("{path}identityProvider"), reason));
    }
    raw.cut_off().map_err(at(format!("{path}value")))
}

impl Revocation {
    /// The cut-off, or what is wrong with its `value`.
    fn cut_off(&self) -> Result<CutOff, &'static str> {
        let value = self.value.as_deref().filter(|value| !value.is_empty());
        let required = || value.map(str::to_owned).ok_or("is required, except by the kind `all`");
        let concerns = match self.kind {
            RevocationKind::Token => {
                let digest = BASE64_URL_SAFE_NO_PAD.decode(required()?).ok().and_then(|octets| octets.try_into().ok());
                Concerned::Token(digest.ok_or("must be the base64url SHA-256 of the token, 43 characters")?)
            }
            RevocationKind::Jti => Concerned::Jti(required()?),
            RevocationKind::Client => Concerned::Client(required()?),
            RevocationKind::Subject => Concerned::Subject(required()?),
            RevocationKind::All if self.value.is_some() => return Err("goes with no kind `all`"),
            RevocationKind::All => Concerned::All,
        };
        Ok(CutOff {
            concerns,
            identity_provider: self.identity_provider.clone(),
            action: match self.action {
                RevocationAction::Deny => Action::Deny,
                RevocationAction::Recheck => Action::Recheck,
            },
            not_before: self.not_before.map(UnixTime::from_seconds),
            expires_at: UnixTime::from_seconds(self.expires_at),
        })
    }
}
