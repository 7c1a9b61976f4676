//! `/applications/{applicationId}/change-owner` and `/change-settings`: anybody's application, for administrators.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::domain::{KeyMode, KeyState};
use crate::outbox::{Intent, IntentId, Step};
use crate::rest::contract::Portal;
use crate::rest::devportal::{applications, keys};
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, Parameters, text};
use crate::rest::{Caller, Services};
use crate::store::Owner;

/// Longest name of a user, in characters.
const OWNER_LENGTH: usize = 255;

/// What becomes of an application; `None` leaves it as it is.
#[derive(Default)]
pub(crate) struct Settings {
    /// Who it belongs to.
    pub(crate) owner: Option<String>,
    /// WSO2's `tokenType`, which is kept to be returned.
    pub(crate) token_type: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    owner: Option<String>,
}

pub(super) async fn change_owner(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    Parameters(asked): Parameters<Asked>,
) -> Result<StatusCode, RestError> {
    let owner = asked.owner.ok_or_else(|| Fault::new("owner", "is required"))?;
    change(&services, &caller, &id, Settings { owner: Some(owner), ..Settings::default() }).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn change_settings(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Admin, "ApplicationUpdateRequest")?;
    let settings = Settings { owner: text(&mut members, "owner"), token_type: text(&mut members, "tokenType") };
    change(&services, &caller, &id, settings).await?;
    let (_, told) = applications::tell(services.read().await?.as_mut(), &id, Owner::Anybody).await?;
    Ok(Json(told).into_response())
}

/// Changes an application. Its clients have their owner's name in theirs: what identity providers have to be told goes
/// by the outbox.
pub(crate) async fn change(
    services: &Services,
    caller: &Caller,
    id: &str,
    settings: Settings,
) -> Result<(), RestError> {
    let now = (services.now)();
    let mut transaction = services.write(caller).await?;
    let mut application = applications::find(transaction.as_mut(), id, Owner::Anybody).await?;
    if let Some(token_type) = settings.token_type {
        application.document.insert("tokenType".to_owned(), json!(token_type));
    }
    let owner = settings.owner.filter(|owner| *owner != application.owner);
    if let Some(owner) = &owner {
        check_owner(owner)?;
        application.owner.clone_from(owner);
    }
    application.updated_at = now;
    transaction.update_application(&application).await?;
    if let Some(owner) = owner {
        for mut key in transaction.list_keys(id).await? {
            if (key.mode, key.state) != (KeyMode::Created, KeyState::Created) {
                continue;
            }
            key.client_name = keys::client_name(&owner, id, key.key_type);
            key.updated_at = now;
            transaction.update_key(&key).await?;
            let id = IntentId::ChangeOwner { key_id: key.id };
            transaction.put_intent(&Intent::new(id, &caller.request_id, now)).await?;
        }
    }
    transaction.commit().await?;
    Step::OwnerWritten.done();
    services.outbox.wake();
    Ok(())
}

fn check_owner(owner: &str) -> Result<(), Fault> {
    let length = owner.chars().count();
    if owner.trim() != owner || !(1..=OWNER_LENGTH).contains(&length) || owner.chars().any(char::is_control) {
        let reason = format!("must be the name of a user: 1 to {OWNER_LENGTH} characters, no space around them");
        return Err(Fault::new("owner", reason));
    }
    Ok(())
}
