//! `/apis/change-lifecycle` and `/apis/{apiId}/lifecycle-state`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{apis, description};
use crate::domain::LifeCycleStatus::{self, Blocked, Created, Deprecated, Published, Retired};
use crate::domain::RowVersion;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{IfMatch, Parameters, tagged};
use crate::rest::{Caller, Services};

/// WSO2's transitions, without prototypes: a prototype there is served without subscriptions.
const TRANSITIONS: [(LifeCycleStatus, &str, LifeCycleStatus); 8] = [
    (Created, "Publish", Published),
    (Published, "Publish", Published),
    (Published, "Block", Blocked),
    (Published, "Demote to Created", Created),
    (Published, "Deprecate", Deprecated),
    (Blocked, "Re-Publish", Published),
    (Blocked, "Deprecate", Deprecated),
    (Deprecated, "Retire", Retired),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    action: Option<String>,
    api_id: Option<String>,
}

pub(super) async fn change(
    State(services): State<Services>,
    caller: Caller,
    Parameters(parameters): Parameters<Change>,
    if_match: IfMatch,
) -> Result<Response, RestError> {
    let action = parameters.action.ok_or_else(|| Fault::new("action", "is required"))?;
    let id = parameters.api_id.ok_or_else(|| Fault::new("apiId", "is required"))?;
    let (row_version, status) = advance(&services, &caller, &id, &action, &if_match).await?;
    let body = json!({ "workflowStatus": "APPROVED", "lifecycleState": state(status) });
    Ok(tagged(StatusCode::OK, row_version, body))
}

/// Takes an API to the status that an action leads to.
pub(crate) async fn advance(
    services: &Services,
    caller: &Caller,
    id: &str,
    action: &str,
    if_match: &IfMatch,
) -> Result<(RowVersion, LifeCycleStatus), RestError> {
    let mut transaction = services.write(caller).await?;
    let mut api = apis::find(transaction.as_mut(), id).await?;
    if_match.check(api.row_version)?;
    let status = after(api.life_cycle_status, action)?;
    api.life_cycle_status = status;
    let (row_version, _) = apis::save(services, caller, transaction, api).await?;
    Ok((row_version, status))
}

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let api = apis::find(services.read().await?.as_mut(), &id).await?;
    Ok(Json(state(api.life_cycle_status)).into_response())
}

fn after(status: LifeCycleStatus, action: &str) -> Result<LifeCycleStatus, Fault> {
    let from_here = || TRANSITIONS.iter().filter(|(from, ..)| *from == status);
    let found = from_here().find(|(_, name, _)| *name == action);
    found.map(|(.., to)| *to).ok_or_else(|| {
        let names: Vec<_> = from_here().map(|(_, name, _)| *name).collect();
        let status = description::status_name(status);
        Fault::new("action", format!("is not possible for an API that is {status}; possible: {}", names.join(", ")))
    })
}

/// A status as WSO2 writes it here alone: `Published`, where an API's own member says `PUBLISHED`.
fn state_name(status: LifeCycleStatus) -> &'static str {
    match status {
        Created => "Created",
        Published => "Published",
        Blocked => "Blocked",
        Deprecated => "Deprecated",
        Retired => "Retired",
    }
}

fn state(status: LifeCycleStatus) -> Value {
    let transitions = TRANSITIONS.iter().filter(|(from, ..)| *from == status);
    let available =
        transitions.map(|(_, event, to)| json!({ "event": event, "targetState": state_name(*to) })).collect::<Vec<_>>();
    json!({ "state": state_name(status), "checkItems": [], "availableTransitions": available })
}
