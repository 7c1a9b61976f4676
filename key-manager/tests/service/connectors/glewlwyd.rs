//! `glewlwyd` at Glewlwyd.

use key_manager::connector::{ConnectorError, KeyManager, Operation, Scope};
use serde_json::Map;

use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::{credentials, credentials_of, metadata, reference, scope, token_request};

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
async fn a_published_scope_is_granted_and_its_token_can_be_revoked() {
    let idp = Glewlwyd::start("glewlwyd-token").await;
    let connector = &idp.connector;
    let published = publish(&**connector).await;
    let client = connector.create_client(&metadata("bob_2_PRODUCTION")).await.unwrap();

    let request = token_request(credentials_of(&client), &[published.name.as_str()]);
    let issued = connector.request_token(&request).await.unwrap();

    connector.revoke(&issued.access_token, None, &credentials_of(&client)).await.unwrap();
    let introspected = connector.introspect(&issued.access_token, None).await;
    assert_eq!(introspected.err(), Some(ConnectorError::Unsupported(Operation::Introspect)));
    assert!(!connector.supports(Operation::Introspect));
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
