//! `doctor`: everything that can be wrong, looked at without changing anything.

use std::time::Duration;

use anyhow::bail;
use key_validation::UnixTime;

use super::write_line;
use crate::config::Configuration;
use crate::connector::{Check, ConnectorTypes};
use crate::domain::{Gateway, Revision};
use crate::outbox::{Intent, IntentState};
use crate::server;
use crate::service::Service;
use crate::signing_keys::remaining;
use crate::store::Window;

/// How long something may take that is usually done at once.
const LATE: Duration = Duration::from_secs(120);

/// What is found.
#[derive(Default)]
struct Findings {
    bad: usize,
}

impl Findings {
    fn tell(&mut self, what: &str, outcome: Result<(), impl std::fmt::Display>) -> anyhow::Result<()> {
        match outcome {
            Ok(()) => write_line(&format!("ok\t{what}")),
            Err(reason) => {
                self.bad = self.bad.saturating_add(1);
                write_line(&format!("BAD\t{what}: {reason}"))
            }
        }
    }
}

/// Looks, and fails when something is not well.
pub(super) async fn look(configuration: Configuration, connectors: ConnectorTypes) -> anyhow::Result<()> {
    let mut findings = Findings::default();
    findings.tell("configuration", Ok::<(), String>(()))?;
    let nobody = configuration.bootstrap_credential.is_none() && configuration.trusted_identity_provider.is_none();
    let reason = "neither `callers.bootstrapCredential` nor `callers.identityProvider` is set: nobody can call";
    findings.tell("callers", if nobody { Err(reason) } else { Ok(()) })?;
    let store = server::open_store(&configuration).await?;
    let schema = store.check_schema().await;
    let is_readable = schema.is_ok();
    findings.tell("database", schema)?;
    if is_readable {
        let service = server::assemble(configuration, store, connectors)?;
        look_at_secrets(&service, &mut findings).await?;
        if let Some(users) = &service.users {
            findings.tell("user store", users.check().await)?;
        }
        look_at_gateways(&service, &mut findings).await?;
        look_at_outbox(&service, &mut findings).await?;
    }
    if findings.bad > 0 {
        bail!("{} things are not well", findings.bad);
    }
    Ok(())
}

/// What is sealed opens; a key signs; identity providers answer.
async fn look_at_secrets(service: &Service, findings: &mut Findings) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    let keys = read.list_signing_keys().await;
    let now = service.now();
    let told = match keys {
        Ok(keys) if !keys.iter().any(|key| key.active_from <= now && now < key.active_until) => {
            Err("there is none that signs; `serve` makes the first".to_owned())
        }
        // In time there is always one that signs for longer than one period.
        Ok(keys) if remaining(&keys, now) < service.rotation.period => {
            let hours = remaining(&keys, now).as_secs() / 3600;
            Err(format!("the last one ends in {hours} h, and the next is overdue: `serve` makes it"))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    findings.tell("signing keys", told)?;
    let providers = match read.list_identity_providers().await {
        Ok(providers) => providers,
        Err(error) => return findings.tell("key managers", Err(error)),
    };
    if let Some(trusted) = &service.trusted_identity_provider {
        let is_there = providers.iter().any(|provider| provider.name == trusted.name && provider.enabled);
        let reason = format!("`callers.identityProvider`: there is no key manager `{}` that is enabled", trusted.name);
        findings.tell("callers' identity provider", if is_there { Ok(()) } else { Err(reason) })?;
    }
    for provider in &providers {
        match service.connect(provider) {
            Ok(connector) => {
                for Check { name, outcome } in connector.check().await {
                    findings.tell(&format!("key manager {}, {name}", provider.name), outcome)?;
                }
            }
            Err(error) => findings.tell(&format!("key manager {}", provider.name), Err(error))?,
        }
    }
    Ok(())
}

async fn look_at_gateways(service: &Service, findings: &mut Findings) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    let (newest, known) = (read.feed_state().await?.revision, read.list_gateways().await?);
    for gateway in &service.gateways {
        let told = match known.iter().find(|one| one.name == gateway.name) {
            None => Err("it has never acknowledged the registry".to_owned()),
            Some(one) if is_late(one, &newest, service.now()) => {
                let (behind, age) = (one.revisions_behind(&newest), service.now().since(one.acknowledged_at).as_secs());
                Err(format!("it is {behind} revisions behind, and has acknowledged {age} s ago"))
            }
            Some(one) => one.refusals().map_or(Ok(()), Err),
        };
        findings.tell(&format!("gateway {}", gateway.name), told)?;
    }
    Ok(())
}

/// A gateway acknowledges what it applies, so one that has everything may have been silent for long.
fn is_late(gateway: &Gateway, newest: &Revision, now: UnixTime) -> bool {
    gateway.revisions_behind(newest) > 0 && now.since(gateway.acknowledged_at) > LATE
}

async fn look_at_outbox(service: &Service, findings: &mut Findings) -> Result<(), anyhow::Error> {
    let intents = service.store.read().await?.list_intents(Window::ALL).await?.items;
    let waited = |intent: &&Intent| service.now().since(intent.created_at) > LATE && intent.attempts == 0;
    let told = match intents.iter().filter(waited).count() {
        0 => Ok(()),
        waiting => Err(format!("{waiting} have not been tried for {} s: no `serve` carries them out", LATE.as_secs())),
    };
    findings.tell(&format!("outbox ({} intents)", intents.len()), told)?;
    for intent in intents {
        let id = intent.id.text();
        match (intent.state, intent.error) {
            (IntentState::PossiblyOrphaned, error) => {
                let reason = error.unwrap_or_default();
                findings.tell(&id, Err(format!("may have left a client at the identity provider: {reason}")))?;
            }
            (IntentState::Pending, Some(error)) => findings.tell(&id, Err(error))?,
            (IntentState::Pending, None) => {}
        }
    }
    Ok(())
}
