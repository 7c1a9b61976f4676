//! Operators' commands: what the REST API shows and changes, for whoever has the database and its key.

use anyhow::{Context as _, bail};

use super::{
    AuditCommand, FeedCommand, GatewaysCommand, KeyManagersCommand, Operate, ReconciliationCommand, RevocationsCommand,
    SigningKeysCommand, registry, write_line,
};
use crate::callers::Caller;
use crate::connector::Check;
use crate::outbox::{self, IntentId};
use crate::service::Service;
use crate::signing_keys::Order;
use crate::store::{StoreError, Transaction, Window};

pub(super) async fn run(service: &Service, command: Operate) -> anyhow::Result<()> {
    match command {
        Operate::Gateways(GatewaysCommand::List) => list_gateways(service).await,
        Operate::Feed(FeedCommand::NewEpoch) => begin_epoch(service).await,
        Operate::KeyManagers(KeyManagersCommand::List) => list_key_managers(service).await,
        Operate::KeyManagers(KeyManagersCommand::Check { name }) => check_key_manager(service, &name).await,
        Operate::SigningKeys(SigningKeysCommand::List) => list_signing_keys(service).await,
        Operate::SigningKeys(SigningKeysCommand::Rotate { revoke }) => {
            rotate(service, SigningKeysCommand::order(revoke)).await
        }
        Operate::Reconciliation(ReconciliationCommand::List) => list_intents(service).await,
        Operate::Reconciliation(ReconciliationCommand::Forget { id }) => forget_intent(service, &id).await,
        Operate::Revocations(RevocationsCommand::List) => list_revocations(service).await,
        Operate::Revocations(RevocationsCommand::Lift { id }) => lift(service, &id).await,
        Operate::Audit(AuditCommand::List { limit }) => list_audit(service, limit).await,
        Operate::Registry(command) => registry::run(service, command).await,
    }
}

/// A transaction that writes as the operator.
async fn write(service: &Service) -> Result<Box<dyn Transaction>, StoreError> {
    let operator = Caller::operator();
    service.write(&operator.user, &operator.request_id).await
}

async fn list_gateways(service: &Service) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    let newest = read.feed_state().await?.revision;
    for gateway in read.list_gateways().await? {
        let age = service.now().since(gateway.acknowledged_at).as_secs();
        let (epoch, number) = (&gateway.revision.epoch, gateway.revision.number);
        let refusals = gateway.refusals().unwrap_or_else(|| "-".to_owned());
        let (name, newest) = (&gateway.name, format!("{}.{}", newest.epoch, newest.number));
        write_line(&format!("{name}\t{epoch}.{number} of {newest}\t{age}s ago\t{refusals}"))?;
    }
    Ok(())
}

async fn begin_epoch(service: &Service) -> anyhow::Result<()> {
    let epoch = service.new_id();
    let mut write = write(service).await?;
    write.begin_epoch(&epoch).await?;
    write.commit().await?;
    write_line(&epoch)
}

async fn list_key_managers(service: &Service) -> anyhow::Result<()> {
    for provider in service.store.read().await?.list_identity_providers().await? {
        let state = if provider.enabled { "enabled" } else { "disabled" };
        let issuer = provider.issuer.as_deref().unwrap_or("-");
        write_line(&format!("{}\t{}\t{state}\t{issuer}", provider.name, provider.connector))?;
    }
    Ok(())
}

async fn check_key_manager(service: &Service, name: &str) -> anyhow::Result<()> {
    let provider = service.store.read().await?.find_identity_provider_by_name(name).await?;
    let provider = provider.with_context(|| format!("there is no key manager `{name}`"))?;
    let checks = service.connect(&provider)?.check().await;
    let mut bad = 0;
    for Check { name, outcome } in checks {
        match outcome {
            Ok(()) => write_line(&format!("ok\t{name}"))?,
            Err(error) => {
                bad += 1;
                write_line(&format!("BAD\t{name}: {error}"))?;
            }
        }
    }
    if bad > 0 {
        bail!("{bad} parts of the connection are not well");
    }
    Ok(())
}

async fn list_signing_keys(service: &Service) -> anyhow::Result<()> {
    let now = service.now();
    for key in service.store.read().await?.list_signing_keys().await? {
        let state = match (key.active_from <= now, now < key.active_until) {
            (false, _) => "is still to come",
            (true, true) => "may sign",
            (true, false) => "signs no more",
        };
        let (from, until) = (key.active_from.as_seconds(), key.active_until.as_seconds());
        write_line(&format!("{}\t{:?}\t{from} to {until}\t{state}", key.key_id, key.algorithm))?;
    }
    Ok(())
}

async fn rotate(service: &Service, order: Order) -> anyhow::Result<()> {
    let mut write = write(service).await?;
    let key = service.rotation.rotate(&mut *write, order, service.now()).await?;
    write.commit().await?;
    let wait = key.active_from.since(service.now()).as_secs();
    write_line(&format!("{}\tsigns in {wait}s", key.key_id))
}

async fn list_intents(service: &Service) -> anyhow::Result<()> {
    for intent in service.store.read().await?.list_intents(Window::ALL).await?.items {
        let error = intent.error.as_deref().unwrap_or("-");
        write_line(&format!("{}\t{:?}\t{} attempts\t{error}", intent.id.text(), intent.state, intent.attempts))?;
    }
    Ok(())
}

async fn forget_intent(service: &Service, id: &str) -> anyhow::Result<()> {
    let id = IntentId::parse(id).context("that is no id of an intent")?;
    let mut write = write(service).await?;
    if !outbox::forget(&mut *write, &id).await? {
        bail!("there is no such intent");
    }
    Ok(write.commit().await?)
}

async fn list_revocations(service: &Service) -> anyhow::Result<()> {
    for one in service.store.read().await?.list_revocations(Window::ALL).await?.items {
        let provider = one.identity_provider.as_deref().unwrap_or("all");
        let until = one.expires_at.as_seconds();
        write_line(&format!(
            "{}\t{:?} {}\t{:?} at {provider}\tuntil {until}",
            one.id, one.kind, one.value, one.action
        ))?;
    }
    Ok(())
}

async fn lift(service: &Service, id: &str) -> anyhow::Result<()> {
    let mut write = write(service).await?;
    if !write.delete_revocation(id).await? {
        bail!("there is no such cut-off");
    }
    Ok(write.commit().await?)
}

async fn list_audit(service: &Service, limit: u32) -> anyhow::Result<()> {
    let entries = service.store.read().await?.list_audit_entries(Window { offset: 0, limit }).await?.items;
    for entry in entries {
        let (at, actor, request) = (entry.at.as_seconds(), &entry.actor, &entry.request_id);
        write_line(&format!("{at}\t{actor}\t{} {} {}\t{request}", entry.action, entry.kind, entry.id))?;
    }
    Ok(())
}
