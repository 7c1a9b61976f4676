//! Registry records in the feed's shape: that of the filter's inline registry.

use serde_json::{Value, json};

use crate::domain::{Api, Application, ApplicationKey, KeyState, LifeCycleStatus, Revocation, Subscription};

/// An API's record; none while gateways need not know of it.
pub(crate) fn api(api: &Api) -> Option<Value> {
    if matches!(api.life_cycle_status, LifeCycleStatus::Created | LifeCycleStatus::Retired) {
        return None;
    }
    let policy = &api.policy;
    let operation = |operation: &crate::domain::Operation| {
        json!({
            "verb": operation.verb,
            "target": operation.target,
            "authType": operation.auth_type,
            "scopes": operation.scopes,
        })
    };
    Some(json!({
        "id": api.id,
        "name": api.name,
        "version": api.version,
        "context": api.context,
        "isDefaultVersion": api.is_default_version,
        "hosts": policy.hosts,
        "lifeCycleStatus": api.life_cycle_status,
        "identityProviders": policy.identity_providers,
        "subscriptionValidation": !policy.without_subscription,
        "scopeMatching": policy.scope_matching,
        "audience": policy.audience,
        "operations": policy.operations.iter().map(operation).collect::<Vec<_>>(),
        "encodedSlashes": policy.encoded_slashes,
        "pathParameters": policy.path_parameters,
    }))
}

/// An application's record with its keys, each with the name of its identity provider.
pub(crate) fn application(application: &Application, keys: &[(ApplicationKey, String)]) -> Value {
    let created = keys.iter().filter(|(key, _)| key.state == KeyState::Created);
    let keys = created.filter_map(|(key, identity_provider)| {
        let client_id = key.client_id.as_ref()?;
        Some(json!({"identityProvider": identity_provider, "clientId": client_id, "keyType": key.key_type}))
    });
    json!({
        "id": application.id,
        "name": application.name,
        "owner": application.owner,
        "tier": application.tier,
        "attributes": application.attributes,
        "keys": keys.collect::<Vec<_>>(),
    })
}

/// A subscription's record.
pub(crate) fn subscription(subscription: &Subscription) -> Value {
    json!({
        "apiId": subscription.api_id,
        "applicationId": subscription.application_id,
        "tier": subscription.tier,
        "state": subscription.state,
    })
}

/// A cut-off's record; times in seconds since the epoch.
pub(crate) fn revocation(revocation: &Revocation) -> Value {
    let mut record = json!({
        "kind": revocation.kind,
        "value": revocation.value,
        "action": revocation.action,
        "notBefore": revocation.not_before.as_seconds(),
        "expiresAt": revocation.expires_at.as_seconds(),
    });
    if let (Value::Object(members), Some(name)) = (&mut record, &revocation.identity_provider) {
        members.insert("identityProvider".to_owned(), name.as_str().into());
    }
    record
}
