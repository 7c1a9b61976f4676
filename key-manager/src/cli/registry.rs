//! The registry by command: APIs, applications, keys, subscriptions. What changes goes through the REST API's functions,
//! so that gateways and identity providers follow; `serve` carries out what has to reach identity providers.

use clap::Subcommand;

use super::write_line;
use crate::callers::Caller;
use crate::domain::{KeyMode, KeyState, SubscriptionState};
use crate::rest::admin::applications::{self as owners, Settings};
use crate::rest::devportal::{applications, keys, state_name, subscriptions};
use crate::rest::publisher::{apis, lifecycle, status_name, subscriptions as blocking};
use crate::rest::{IfMatch, RestError, Services};
use crate::service::Service;
use crate::store::{Owner, Window};

#[derive(Debug, Subcommand)]
pub(super) enum Registry {
    /// Look at APIs and change them.
    #[command(subcommand)]
    Apis(Apis),
    /// Look at applications, whosever they are, and change them.
    #[command(subcommand)]
    Applications(Applications),
    /// Look at keys of applications and delete them.
    #[command(subcommand)]
    Keys(Keys),
    /// Look at subscriptions and change them.
    #[command(subcommand)]
    Subscriptions(Subscriptions),
}

#[derive(Debug, Subcommand)]
pub(super) enum Apis {
    /// List them.
    List,
    /// Take one to another state of its life.
    ChangeLifecycle {
        /// Its id.
        id: String,
        /// WSO2's name of the step, such as `Publish`, `Block`, `Re-Publish`, `Deprecate`, `Retire`.
        action: String,
    },
    /// Delete one that nobody subscribes to.
    Delete {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Applications {
    /// List them.
    List {
        /// Those of this user alone.
        #[arg(long)]
        owner: Option<String>,
    },
    /// Give one to another user.
    ChangeOwner {
        /// Its id.
        id: String,
        /// The user's name.
        owner: String,
    },
    /// Delete one with its subscriptions, and its clients at identity providers.
    Delete {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// List them; never their secrets.
    List {
        /// Those of this application alone.
        #[arg(long)]
        application: Option<String>,
    },
    /// Delete one, and its client where that was made here.
    Delete {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Subscriptions {
    /// List them.
    List {
        /// Those to this API alone.
        #[arg(long)]
        api: Option<String>,
        /// Those of this application alone.
        #[arg(long)]
        application: Option<String>,
    },
    /// Block one.
    Block {
        /// Its id.
        id: String,
        /// For production keys alone.
        #[arg(long)]
        production_only: bool,
    },
    /// Let one through again.
    Unblock {
        /// Its id.
        id: String,
    },
    /// Delete one.
    Delete {
        /// Its id.
        id: String,
    },
}

pub(super) async fn run(service: &Service, command: Registry) -> anyhow::Result<()> {
    let (services, operator) = (Services::of(service), Caller::operator());
    let (at, by) = (&services, &operator);
    let anything = &IfMatch::ANYTHING;
    let done = match command {
        Registry::Apis(Apis::List) => return list_apis(service).await,
        Registry::Apis(Apis::ChangeLifecycle { id, action }) => {
            lifecycle::advance(at, by, &id, &action, anything).await.map(drop)
        }
        Registry::Apis(Apis::Delete { id }) => apis::remove(at, by, &id, anything).await,
        Registry::Applications(Applications::List { owner }) => return list_applications(service, owner).await,
        Registry::Applications(Applications::ChangeOwner { id, owner }) => {
            owners::change(at, by, &id, Settings { owner: Some(owner), ..Settings::default() }).await
        }
        Registry::Applications(Applications::Delete { id }) => {
            applications::remove(at, by, Owner::Anybody, &id, anything).await
        }
        Registry::Keys(Keys::List { application }) => return list_keys(service, application).await,
        Registry::Keys(Keys::Delete { id }) => delete_key(service, by, &id).await,
        Registry::Subscriptions(Subscriptions::List { api, application }) => {
            return list_subscriptions(service, api.as_deref(), application.as_deref()).await;
        }
        Registry::Subscriptions(Subscriptions::Block { id, production_only }) => {
            let state = if production_only { SubscriptionState::ProdOnlyBlocked } else { SubscriptionState::Blocked };
            blocking::set_state(at, by, &id, anything, state).await.map(drop)
        }
        Registry::Subscriptions(Subscriptions::Unblock { id }) => {
            blocking::set_state(at, by, &id, anything, SubscriptionState::Unblocked).await.map(drop)
        }
        Registry::Subscriptions(Subscriptions::Delete { id }) => {
            subscriptions::remove(at, by, Owner::Anybody, &id, anything).await
        }
    };
    done.map_err(|error| anyhow::Error::msg(error.description()))
}

async fn list_apis(service: &Service) -> anyhow::Result<()> {
    for api in service.store.read().await?.list_apis(Window::ALL).await?.items {
        let status = status_name(api.life_cycle_status);
        write_line(&format!("{}\t{} {}\t{}\t{status}", api.id, api.name, api.version, api.context))?;
    }
    Ok(())
}

async fn list_applications(service: &Service, owner: Option<String>) -> anyhow::Result<()> {
    let owner = owner.as_deref().map_or(Owner::Anybody, Owner::Only);
    for one in service.store.read().await?.list_applications(owner, Window::ALL).await?.items {
        write_line(&format!("{}\t{}\t{}\t{}", one.id, one.name, one.owner, one.tier))?;
    }
    Ok(())
}

async fn list_keys(service: &Service, application: Option<String>) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    let applications: Vec<String> = if let Some(id) = application {
        vec![id]
    } else {
        let all = read.list_applications(Owner::Anybody, Window::ALL).await?.items;
        all.into_iter().map(|application| application.id).collect()
    };
    let providers = read.list_identity_providers().await?;
    for application in applications {
        for key in read.list_keys(&application).await? {
            let provider = providers.iter().find(|provider| provider.id == key.identity_provider_id);
            let provider = provider.map_or("-", |provider| provider.name.as_str());
            let client_id = key.client_id.as_deref().unwrap_or("-");
            let mode = if key.mode == KeyMode::Mapped { "mapped" } else { "created" };
            let state = match key.state {
                KeyState::Creating => "is being created",
                KeyState::Created => mode,
                KeyState::Deleting => "is being deleted",
            };
            let key_type = keys::key_type_name(key.key_type);
            write_line(&format!("{}\t{application}\t{provider}\t{key_type}\t{client_id}\t{state}", key.id))?;
        }
    }
    Ok(())
}

async fn delete_key(service: &Service, operator: &Caller, id: &str) -> Result<(), RestError> {
    let mut transaction = service.write(&operator.user, &operator.request_id).await?;
    let key = transaction.find_key(id).await?.filter(|key| key.state == KeyState::Created);
    let key = key.ok_or(RestError::NotFound)?;
    keys::remove(transaction.as_mut(), key, &operator.request_id, service.now()).await?;
    Ok(transaction.commit().await?)
}

async fn list_subscriptions(service: &Service, api: Option<&str>, application: Option<&str>) -> anyhow::Result<()> {
    let mut read = service.store.read().await?;
    for one in read.list_subscriptions(api, application, Owner::Anybody, Window::ALL).await?.items {
        let state = state_name(one.state);
        write_line(&format!("{}\t{}\t{}\t{}\t{state}", one.id, one.api_id, one.application_id, one.tier))?;
    }
    Ok(())
}
