//! The APIs, applications and subscriptions of the tests.

use serde_json::{Value, json};

use super::configuration::IDP;

/// The client of the application that may call everything.
pub(crate) const SHOP: &str = "shop-client";

/// A client that no application has.
pub(crate) const STRANGER: &str = "stranger-client";

/// A client of an application without any subscription.
pub(crate) const UNSUBSCRIBED: &str = "unsubscribed-client";

/// A protected operation that needs no scope.
pub(crate) const ANY: &str = "/pizzashack/1.0.0/any";

/// A public operation of the same API.
pub(crate) const MENU: &str = "/pizzashack/1.0.0/menu";

/// Applications whose subscription to PizzaShack is in each state, with keys of each type:
/// state, key type, client id.
pub(crate) const SUBSCRIPTIONS: [(&str, &str, &str); 8] = [
    ("UNBLOCKED", "PRODUCTION", "unblocked-client"),
    ("UNBLOCKED", "SANDBOX", "unblocked-sandbox-client"),
    ("BLOCKED", "PRODUCTION", "blocked-client"),
    ("PROD_ONLY_BLOCKED", "PRODUCTION", "production-blocked-client"),
    ("PROD_ONLY_BLOCKED", "SANDBOX", "production-blocked-sandbox-client"),
    ("ON_HOLD", "PRODUCTION", "on-hold-client"),
    ("REJECTED", "PRODUCTION", "rejected-client"),
    ("TIER_UPDATE_PENDING", "PRODUCTION", "tier-pending-client"),
];

pub(crate) fn small() -> Value {
    json!({
        "apis": [{"name": "PizzaShack", "version": "1.0.0", "context": "/pizzashack", "operations": [
            {"verb": "GET", "target": "/menu", "authType": "None"},
            {"verb": "GET", "target": "/any"},
            {"verb": "POST", "target": "/order", "scopes": ["order_pizza"]},
        ]}],
        "applications": [application("shop", SHOP, "PRODUCTION")],
        "subscriptions": [subscription("PizzaShack-1.0.0", "shop", "UNBLOCKED")],
    })
}

pub(crate) fn whole() -> Value {
    let apis = apis();
    let mut applications = vec![shop_application(), application("unsubscribed", UNSUBSCRIBED, "PRODUCTION")];
    let mut subscriptions: Vec<_> = apis
        .iter()
        .filter(|api| api["name"] != "Unsubscribed")
        .map(|api| {
            let id =
                format!("{}-{}", api["name"].as_str().expect("a name"), api["version"].as_str().expect("a version"));
            subscription(&id, "shop", "UNBLOCKED")
        })
        .collect();
    for (state, key_type, client_id) in SUBSCRIPTIONS {
        applications.push(application(client_id, client_id, key_type));
        subscriptions.push(subscription("PizzaShack-1.0.0", client_id, state));
    }
    json!({"apis": apis, "applications": applications, "subscriptions": subscriptions})
}

fn shop_application() -> Value {
    json!({
        "id": "shop",
        "name": "Shop",
        "owner": "bob",
        "tier": "Platinum",
        "attributes": {"department": "sales"},
        "keys": [{"identityProvider": IDP, "clientId": SHOP, "keyType": "PRODUCTION"}],
    })
}

fn application(id: &str, client_id: &str, key_type: &str) -> Value {
    let key = json!({"identityProvider": IDP, "clientId": client_id, "keyType": key_type});
    json!({"id": id, "name": id, "owner": "bob", "keys": [key]})
}

fn subscription(api: &str, application: &str, state: &str) -> Value {
    json!({"apiId": api, "applicationId": application, "tier": "Gold", "state": state})
}

fn apis() -> Vec<Value> {
    let mut apis = vec![
        pizza_shack(),
        json!({
            "name": "PizzaShack", "version": "2.0.0", "context": "/pizzashack",
            "operations": [{"verb": "GET", "target": "/any"}],
        }),
        json!({
            "name": "PizzaShackStaff", "version": "1.0.0", "context": "/pizzashack/staff", "isDefaultVersion": true,
            "operations": [{"verb": "GET", "target": "/any"}],
        }),
        specificity(),
        verbs(),
        json!({
            "name": "Hosted", "version": "1.0.0", "context": "/hosted", "hosts": ["shop.example", "Alt.Example"],
            "operations": [{"verb": "GET", "target": "/*"}],
        }),
        json!({
            "name": "Lax", "version": "1.0.0", "context": "/lax", "encodedSlashes": "allow", "pathParameters": "allow",
            "operations": [{"verb": "GET", "target": "/items/{item}", "authType": "None"}],
        }),
        json!({
            "name": "AllScopes", "version": "1.0.0", "context": "/all-scopes", "scopeMatching": "all",
            "operations": [{"verb": "GET", "target": "/both", "scopes": ["read", "write"]}],
        }),
        json!({
            "name": "Open", "version": "1.0.0", "context": "/open", "subscriptionValidation": false,
            "operations": [{"verb": "GET", "target": "/any"}],
        }),
        json!({
            "name": "Audience", "version": "1.0.0", "context": "/audience",
            "audience": ["https://one.example", "https://two.example"],
            "operations": [{"verb": "GET", "target": "/any"}],
        }),
        json!({
            "name": "Unsubscribed", "version": "1.0.0", "context": "/unsubscribed",
            "operations": [{"verb": "GET", "target": "/any"}],
        }),
    ];
    for status in ["CREATED", "PUBLISHED", "DEPRECATED", "BLOCKED", "RETIRED"] {
        apis.push(json!({
            "name": status, "version": "1.0.0", "context": format!("/{}", status.to_lowercase()),
            "lifeCycleStatus": status,
            "operations": [{"verb": "GET", "target": "/menu", "authType": "None"}],
        }));
    }
    apis
}

fn pizza_shack() -> Value {
    json!({
        "name": "PizzaShack", "version": "1.0.0", "context": "/pizzashack", "isDefaultVersion": true,
        "operations": [
            {"verb": "GET", "target": "/menu", "authType": "None"},
            {"verb": "POST", "target": "/order", "authType": "Any", "scopes": ["order_pizza"]},
            {"verb": "GET", "target": "/order/{orderId}", "authType": "Application_User"},
            {"verb": "GET", "target": "/batch", "authType": "Application"},
            {"verb": "GET", "target": "/any"},
            {"verb": "POST", "target": "/any"},
            {"verb": "GET", "target": "/either", "scopes": ["read", "write"]},
            {"verb": "GET", "target": "/static/*", "authType": "None"},
            {"verb": "GET", "target": "/items:search", "authType": "None"},
            {"verb": "GET", "target": "/pipe|line", "authType": "None"},
        ],
    })
}

/// Operations of which several match one target; the scopes tell which one was taken.
fn specificity() -> Value {
    json!({
        "name": "Specificity", "version": "1.0.0", "context": "/specificity",
        "operations": [
            {"verb": "GET", "target": "/", "scopes": ["root"]},
            {"verb": "GET", "target": "/*", "scopes": ["rest"]},
            {"verb": "GET", "target": "/menu/{item}", "scopes": ["template"]},
            {"verb": "GET", "target": "/menu/special", "scopes": ["literal"]},
            {"verb": "GET", "target": "/menu/*", "scopes": ["below_menu"]},
            {"verb": "POST", "target": "/menu/today", "scopes": ["other_verb"]},
            {"verb": "GET", "target": "/{kind}/price", "scopes": ["literal_on_the_right"]},
            {"verb": "GET", "target": "/drinks/{item}", "scopes": ["literal_on_the_left"]},
        ],
    })
}

fn verbs() -> Value {
    json!({
        "name": "Verbs", "version": "1.0.0", "context": "/verbs",
        "operations": [
            {"verb": "GET", "target": "/thing", "authType": "None"},
            {"verb": "POST", "target": "/thing"},
            {"verb": "DELETE", "target": "/thing"},
            {"verb": "POST", "target": "/jobs", "authType": "None"},
            {"verb": "OPTIONS", "target": "/jobs", "authType": "None"},
            {"verb": "HEAD", "target": "/probe", "authType": "None"},
            {"verb": "GET", "target": "/probe"},
        ],
    })
}
