//! `glewlwyd` at Glewlwyd.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use key_manager::connector::{ConnectorError, Introspection, KeyManager, Operation, Scope};
use key_validation::Secret;
use serde_json::{Map, Value, json};

use crate::harness::answering::{http, serve};
use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::{connect, credentials, credentials_of, is_active, metadata, reference, scope, token_request};

fn order(description: &str) -> Scope {
    Scope {
        name: scope("order:pizza/1?%20"),
        display_name: Some("Order".to_owned()),
        description: Some(description.to_owned()),
        roles: Vec::new(),
    }
}

async fn publish(connector: &dyn KeyManager) -> Scope {
    let scope = order("Order a pizza");
    connector.create_scope(&scope).await.unwrap();
    scope
}

#[tokio::test]
async fn every_part_of_the_connection_test_passes() {
    let idp = Glewlwyd::start("glewlwyd-check").await;

    for check in idp.connector.check().await {
        assert_eq!(check.outcome, Ok(()), "{}", check.name);
    }
}

#[tokio::test]
async fn a_scope_is_created_found_changed_and_deleted() {
    let idp = Glewlwyd::start("glewlwyd-scope").await;
    let connector = &idp.connector;
    let created = publish(&**connector).await;
    assert_eq!(connector.find_scope(&created.name).await, Ok(Some(created.clone())));
    assert!(matches!(connector.create_scope(&created).await, Err(ConnectorError::Conflict { .. })));

    let changed = order("Order two");
    connector.update_scope(&changed).await.unwrap();

    assert!(connector.list_scopes().await.unwrap().contains(&changed));
    connector.delete_scope(&changed.name).await.unwrap();
    assert_eq!(connector.find_scope(&changed.name).await, Ok(None));
    connector.delete_scope(&changed.name).await.expect("deleting what is gone is well");
    assert!(matches!(connector.update_scope(&changed).await, Err(ConnectorError::Gone { .. })));
}

#[tokio::test]
async fn what_the_operator_has_created_is_neither_changed_nor_granted() {
    let idp = Glewlwyd::start("glewlwyd-foreign").await;
    let connector = &idp.connector;

    for name in ["operators", "g_admin"] {
        let foreign = Scope { name: scope(name), ..order("mine") };
        for outcome in [
            connector.create_scope(&foreign).await,
            connector.update_scope(&foreign).await,
            connector.delete_scope(&foreign.name).await,
        ] {
            assert!(matches!(outcome, Err(ConnectorError::Conflict { .. })), "{name}: {outcome:?}");
        }
        let mut greedy = metadata("greedy");
        greedy.scope = Some(vec![name.to_owned()]);
        let refused = connector.create_client(&greedy).await;
        assert!(matches!(refused, Err(ConnectorError::Refused { .. })), "{name}: {refused:?}");
        assert!(connector.find_scope(&foreign.name).await.unwrap().is_some());
    }
    let client = connector.create_client(&metadata("modest")).await.unwrap();
    assert_eq!(client.metadata.scope.as_deref(), Some([].as_slice()));
    let path = Scope { name: scope(".."), ..order("a path") };
    assert!(matches!(connector.delete_scope(&path.name).await, Err(ConnectorError::Refused { .. })));
}

#[tokio::test]
async fn a_client_is_created_found_by_name_changed_and_deleted() {
    let idp = Glewlwyd::start("glewlwyd-client").await;
    let connector = &idp.connector;
    let created = connector.create_client(&metadata("bob_1_PRODUCTION")).await.unwrap();
    let found = connector.find_client_by_name("bob_1_PRODUCTION").await.unwrap().expect("the client");
    assert_eq!((&found.client_id, &found.client_secret), (&created.client_id, &created.client_secret));
    let twice = connector.create_client(&metadata("bob_1_PRODUCTION")).await;
    assert!(matches!(twice, Err(ConnectorError::Conflict { .. })), "{twice:?}");

    let mut more = metadata("bob_1_PRODUCTION");
    more.grant_types.push("refresh_token".to_owned());
    more.redirect_uris = vec!["https://shop.example/cb".to_owned()];
    let updated = connector.update_client(&reference(&created), &more).await.unwrap();

    assert_eq!(updated.client_secret, created.client_secret, "an update keeps the secret");
    let read = connector.read_client(&reference(&updated)).await.unwrap().expect("the client");
    assert_eq!(read.metadata.grant_types, more.grant_types);
    assert_eq!(read.metadata.redirect_uris, more.redirect_uris);
    connector.delete_client(&reference(&read)).await.unwrap();
    connector.delete_client(&reference(&read)).await.expect("deleting what is gone is well");
    assert!(connector.read_client(&reference(&read)).await.unwrap().is_none());
    assert!(connector.find_client_by_name("bob_1_PRODUCTION").await.unwrap().is_none());
}

#[tokio::test]
async fn a_published_scope_is_granted_and_its_token_can_be_introspected_and_revoked() {
    let idp = Glewlwyd::start("glewlwyd-token").await;
    let connector = &idp.connector;
    let published = publish(&**connector).await;
    let client = connector.create_client(&metadata("bob_2_PRODUCTION")).await.unwrap();

    let request = token_request(credentials_of(&client), &[published.name.as_str()]);
    let issued = connector.request_token(&request).await.unwrap();

    assert!(connector.supports(Operation::Introspect));
    let Ok(Introspection::Active(active)) = connector.introspect(&issued.access_token, None).await else {
        panic!("the token of another client is active")
    };
    assert_eq!(active.client_id.as_ref(), Some(&client.client_id));
    assert_eq!(active.scope, [published.name.as_str()]);
    connector.revoke(&issued.access_token, None, &credentials_of(&client)).await.unwrap();
    assert!(!is_active(&**connector, &issued.access_token).await);
}

#[tokio::test]
async fn introspection_says_which_setting_is_missing_or_wrong() {
    let idp = Glewlwyd::start("glewlwyd-introspection").await;
    let introspect = async |name: &str, value: Value| {
        let mut properties = idp.settings["additionalProperties"].clone();
        properties[name] = value;
        let connector = connect("glewlwyd", idp.settings["issuer"].as_str().unwrap(), properties);
        connector.introspect(&Secret::new("made-up"), None).await.err()
    };

    let refused = |setting| Some(ConnectorError::OwnCredentialsRefused { setting });
    assert_eq!(introspect("introspectionScope", json!("introspect")).await, None);
    let without = introspect("introspectionScope", Value::Null).await;
    assert_eq!(without, Some(ConnectorError::Unsupported(Operation::Introspect)));
    assert_eq!(introspect("introspectionScope", json!("operators")).await, refused("introspectionScope"));
    assert_eq!(introspect("introspectionScope", json!("g_admin")).await, refused("introspectionScope"));
    assert_eq!(introspect("clientSecret", json!("wrong")).await, refused("clientSecret"));
}

#[tokio::test]
async fn the_token_for_introspection_is_kept_and_asked_for_once_more_when_it_is_refused() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    let issuer = serve(move |own, request| {
        if request.contains("/.well-known/") {
            let metadata = json!({"issuer": own, "token_endpoint": format!("{own}/token"),
                "introspection_endpoint": format!("{own}/introspect")});
            return http("200 OK", "", &metadata.to_string());
        }
        if request.starts_with("POST /token") {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let token = json!({"access_token": format!("own-{number}"), "token_type": "bearer", "expires_in": 600});
            return http("200 OK", "", &token.to_string());
        }
        // The first one counts no more, as after a change of the plugin's key.
        if request.to_ascii_lowercase().contains("authorization: bearer own-2") {
            http("200 OK", "", r#"{"active":false}"#)
        } else {
            http("401 Unauthorized", "", "")
        }
    })
    .await;
    let connector = connect(
        "glewlwyd",
        &issuer,
        json!({"clientId": "gateway", "clientSecret": "gateway-secret", "administrationUrl": issuer,
            "administratorName": "admin", "administratorPassword": "password", "introspectionScope": "introspect"}),
    );

    for _ in 0..3 {
        let told = connector.introspect(&Secret::new("made-up"), None).await;
        assert!(matches!(told, Ok(Introspection::Inactive)), "{told:?}");
    }

    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn another_secret_ends_the_one_before() {
    let idp = Glewlwyd::start("glewlwyd-secret").await;
    let connector = &idp.connector;
    let published = publish(&**connector).await;
    let client = connector.create_client(&metadata("bob_3_PRODUCTION")).await.unwrap();

    let renewed = connector.regenerate_secret(&reference(&client), &metadata("bob_3_PRODUCTION")).await.unwrap();

    assert_ne!(renewed.client_secret, client.client_secret);
    let request = |of| token_request(credentials_of(of), &[published.name.as_str()]);
    assert!(connector.request_token(&request(&renewed)).await.is_ok());
    assert_eq!(connector.request_token(&request(&client)).await.err(), Some(ConnectorError::WrongCredentials));
}

#[tokio::test]
async fn a_client_that_exists_is_mapped_by_its_own_credentials_alone() {
    let idp = Glewlwyd::start("glewlwyd-map").await;
    let connector = &idp.connector;

    let mapped = connector.map_client(&credentials("shop", "shop-secret")).await.unwrap();

    assert_eq!(mapped.metadata.grant_types, ["client_credentials"]);
    assert!(mapped.handle.is_none());
    assert_eq!(connector.delete_client(&reference(&mapped)).await.err(), Some(ConnectorError::Unmanaged));
    let refused = connector.map_client(&credentials("shop", "wrong")).await;
    assert_eq!(refused.err(), Some(ConnectorError::WrongCredentials));
}

#[tokio::test]
async fn what_it_lacks_is_said() {
    let idp = Glewlwyd::start("glewlwyd-lacks").await;

    let resource = idp.connector.find_resource("api").await;

    assert!(!idp.connector.supports(Operation::ManageResources));
    assert_eq!(resource.err(), Some(ConnectorError::Unsupported(Operation::ManageResources)));
    let mut metadata = metadata("m");
    metadata.grant_types = vec!["urn:example:unknown".to_owned()];
    metadata.additional = Map::new();
    let refused = idp.connector.create_client(&metadata).await;
    assert!(
        matches!(&refused, Err(ConnectorError::Refused { field: Some(field), .. }) if field == "grantTypesToBeSupported"),
        "{refused:?}"
    );
}
