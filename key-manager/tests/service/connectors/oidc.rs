//! `oidc` at oidc-provider.

use key_manager::connector::{ConnectorError, Introspection, Operation, RelayEndpoint, RelayRequest, TokenTypeHint};
use key_validation::Secret;
use serde_json::json;

use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::{connect, credentials, credentials_of, is_active, metadata, reference, scope, token_request};

#[tokio::test]
async fn every_part_of_the_connection_test_passes() {
    let idp = OidcProvider::start("oidc-check").await;

    for check in idp.connector.check().await {
        assert_eq!(check.outcome, Ok(()), "{}", check.name);
    }
}

#[tokio::test]
async fn a_client_is_created_read_changed_and_deleted_with_a_token_that_rotates() {
    let idp = OidcProvider::start("oidc-client").await;
    let created = idp.connector.create_client(&metadata("bob_1_PRODUCTION")).await.unwrap();
    let read = idp.connector.read_client(&reference(&created)).await.unwrap().expect("the client");
    assert_eq!(read.metadata.client_name, "bob_1_PRODUCTION");
    assert_eq!(read.metadata.grant_types, ["client_credentials"]);

    let updated = idp.connector.update_client(&reference(&read), &metadata("renamed")).await.unwrap();

    assert_eq!(updated.metadata.client_name, "renamed");
    assert_ne!(updated.handle, created.handle, "an update issues another registration access token");
    let secret = updated.client_secret.clone().or(created.client_secret.clone());
    assert_eq!(secret, created.client_secret, "an update keeps the secret");
    let stale = idp.connector.read_client(&reference(&created)).await;
    assert_eq!(stale.err(), Some(ConnectorError::Unmanaged), "the client is there, but the token is an old one");
    let mut newest = reference(&updated);
    newest.client_secret = secret;
    idp.connector.delete_client(&newest).await.unwrap();
    assert!(idp.connector.read_client(&newest).await.unwrap().is_none());
    idp.connector.delete_client(&newest).await.expect("deleting what is gone is well");
    let update = idp.connector.update_client(&newest, &metadata("x")).await;
    assert!(matches!(update, Err(ConnectorError::Gone { .. })), "{update:?}");
}

#[tokio::test]
async fn a_token_is_issued_introspected_and_revoked() {
    let idp = OidcProvider::start("oidc-token").await;
    let client = idp.connector.create_client(&metadata("bob_2_PRODUCTION")).await.unwrap();

    let issued = idp.connector.request_token(&token_request(credentials_of(&client), &["order"])).await.unwrap();

    assert_eq!((issued.token_type.as_str(), issued.scope.as_slice()), ("Bearer", ["order".to_owned()].as_slice()));
    let Ok(Introspection::Active(token)) =
        idp.connector.introspect(&issued.access_token, Some(TokenTypeHint::AccessToken)).await
    else {
        panic!("the token is active")
    };
    assert_eq!(token.client_id.as_deref(), Some(client.client_id.as_str()));
    assert_eq!(token.scope, ["order"]);
    assert!(token.is_access_token && token.expires_at > token.issued_at);
    assert_eq!(token.members["active"], json!(true));
    idp.connector.revoke(&issued.access_token, None, &credentials_of(&client)).await.unwrap();
    assert!(!is_active(&*idp.connector, &issued.access_token).await);
    idp.connector.revoke(&issued.access_token, None, &credentials_of(&client)).await.expect("once more is well");
}

#[tokio::test]
async fn refusals_say_whose_fault_they_are() {
    let idp = OidcProvider::start("oidc-refusals").await;
    let connector = &idp.connector;

    let wrong = connector.request_token(&token_request(credentials("shop", "wrong"), &[])).await;
    assert_eq!(wrong.err(), Some(ConnectorError::WrongCredentials));
    let mut code = metadata("c");
    code.grant_types = vec!["authorization_code".to_owned()];
    code.redirect_uris = vec!["not a URL".to_owned()];
    let refused = connector.create_client(&code).await;
    assert!(
        matches!(&refused, Err(ConnectorError::Refused { field: Some(field), .. }) if field == "callbackUrl"),
        "{refused:?}"
    );
    let with = |name: &str, value: &str| {
        let mut properties = properties();
        properties[name] = json!(value);
        connect("oidc", &idp.issuer, properties)
    };
    let creation = with("initialAccessToken", "wrong").create_client(&metadata("c")).await;
    assert_eq!(creation.err(), Some(ConnectorError::OwnCredentialsRefused { setting: "initialAccessToken" }));
    let question = with("clientSecret", "wrong").introspect(&Secret::new("t"), None).await;
    assert_eq!(question.err(), Some(ConnectorError::OwnCredentialsRefused { setting: "clientSecret" }));
}

#[tokio::test]
async fn a_client_that_exists_is_mapped_by_its_own_credentials_alone() {
    let idp = OidcProvider::start("oidc-map").await;

    let mapped = idp.connector.map_client(&credentials("shop", "shop-secret")).await.unwrap();

    assert_eq!(mapped.client_id, "shop");
    assert!(mapped.handle.is_none());
    assert_eq!(idp.connector.delete_client(&reference(&mapped)).await.err(), Some(ConnectorError::Unmanaged));
    for (id, secret) in [("shop", "wrong"), ("nobody", "shop-secret")] {
        let refused = idp.connector.map_client(&credentials(id, secret)).await;
        assert_eq!(refused.err(), Some(ConnectorError::WrongCredentials), "{id}");
    }
}

#[tokio::test]
async fn a_clients_request_and_the_answer_pass_as_they_are() {
    let idp = OidcProvider::start("oidc-relay").await;
    let relay = |body: &'static str| {
        let request = RelayRequest { authorization: None, body: Secret::new(body) };
        let connector = idp.connector.clone();
        async move { connector.relay(RelayEndpoint::Token, &request).await.unwrap() }
    };

    let answer = relay("grant_type=nonsense&client_id=shop").await;

    assert_eq!(answer.status, 401);
    assert!(answer.body.expose().contains(r#""error":"invalid_client""#));
    assert!(answer.headers.contains(&("cache-control", "no-store".to_owned())), "{:?}", answer.headers);
}

#[tokio::test]
async fn what_the_standards_lack_is_said() {
    let idp = OidcProvider::start("oidc-lacks").await;
    let connector = &idp.connector;

    for (operation, error) in [
        (Operation::FindClientByName, connector.find_client_by_name("x").await.err()),
        (Operation::ManageScopes, connector.list_scopes().await.err()),
        (Operation::ManageScopes, connector.find_scope(&scope("x")).await.err()),
        (Operation::ManageResources, connector.find_resource("x").await.err()),
    ] {
        assert!(!connector.supports(operation));
        assert_eq!(error, Some(ConnectorError::Unsupported(operation)));
    }
    let client = connector.create_client(&metadata("bob_3_PRODUCTION")).await.unwrap();
    let regenerated = connector.regenerate_secret(&reference(&client), &client.metadata).await;
    assert_eq!(regenerated.err(), Some(ConnectorError::Unsupported(Operation::RegenerateSecret)));
}
