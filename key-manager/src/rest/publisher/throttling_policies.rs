//! `/throttling-policies`: the tiers that subscriptions and applications name. Gatehouse counts no requests: a tier is
//! told to backends and to rate limiters in the gateway.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Page, Parameters};

/// WSO2's names of tiers, with what they stand for in requests a minute; 0 is no bound.
const TIERS: [(&str, u64); 4] = [("Unlimited", 0), ("Gold", 5000), ("Silver", 2000), ("Bronze", 1000)];

pub(super) async fn list(Path(level): Path<String>, Parameters(page): Parameters<Page>) -> Result<Response, RestError> {
    let level = checked(&level)?;
    let all = TIERS.iter().map(|(name, count)| policy(level, name, *count)).collect();
    let path = format!("/api/am/publisher/v4/throttling-policies/{level}");
    Ok(Json(page.list(&path, page.cut(all))).into_response())
}

pub(super) async fn read(Path((level, name)): Path<(String, String)>) -> Result<Response, RestError> {
    let level = checked(&level)?;
    let (name, count) = TIERS.iter().find(|(tier, _)| *tier == name).ok_or(RestError::NotFound)?;
    Ok(Json(policy(level, name, *count)).into_response())
}

/// WSO2's own document spells `subcription`; its clients spell both.
fn checked(level: &str) -> Result<&'static str, RestError> {
    match level {
        "api" => Ok("api"),
        "subscription" | "subcription" => Ok("subscription"),
        _ => Err(Fault::new("policyLevel", "must be one of api, subscription").into()),
    }
}

fn policy(level: &str, name: &str, count: u64) -> Value {
    json!({
        "name": name,
        "displayName": name,
        "description": "",
        "policyLevel": level,
        "requestCount": count,
        "unitTime": 1,
        "timeUnit": "min",
        "quotaPolicyType": "REQUESTCOUNT",
        "tierPlan": "FREE",
        "stopOnQuotaReach": count > 0,
        "attributes": {},
    })
}
