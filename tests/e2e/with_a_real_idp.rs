//! The whole path of a call with a certified identity provider, whose tokens are opaque.

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::configuration::{self, IDP, SECRET_VARIABLE};
use super::denials::{INSUFFICIENT_SCOPE, INVALID_TOKEN, NO_SUBSCRIPTION, WRONG_AUTH_TYPE};
use super::fixtures::{Shared, Site};
use super::harness::gateway::Setup;
use super::harness::real_idp::{Client, RealIdp};
use super::registry::SHOP;

const SHOP_CLIENT: Client<'_> = Client { id: SHOP, secret: "shop secret" };
const STRANGER: Client<'_> = Client { id: "stranger-client", secret: "stranger secret" };
const GATEWAY: Client<'_> = Client { id: "gateway", secret: "gateway+secret / of 100%" };

const ANY: &str = "/pizzashack/1.0.0/any";
const ORDER: &str = "/pizzashack/1.0.0/order";

async fn real_site() -> Shared<RealIdp> {
    static SITE: OnceCell<Site<RealIdp>> = OnceCell::const_new();
    Shared(SITE.get_or_init(start).await)
}

async fn start() -> Site<RealIdp> {
    let idp = RealIdp::start("real-idp", &clients_and_users()).await;
    let mut configuration = configuration::shop();
    let provider = &mut configuration["identityProviders"][0];
    provider["issuer"] = json!(idp.issuer);
    provider["introspection"]["path"] = json!("/token/introspection");
    provider["introspection"]["clientAuthentication"]["clientId"] = json!(GATEWAY.id);
    configuration["backendJwt"]["forwardClaims"] = json!(["email", "groups"]);
    let setup = Setup::new("real-idp-gateway", &configuration);
    let gateway = setup.cluster(IDP, idp.address).environment(SECRET_VARIABLE, GATEWAY.secret).start().await;
    Site { gateway, idp }
}

fn clients_and_users() -> Value {
    let client = |client: &Client, grants: &[&str]| json!({"client_id": client.id, "client_secret": client.secret, "grants": grants, "scope": "order_pizza other"});
    json!({
        "clients": [
            client(&SHOP_CLIENT, &["client_credentials", "password"]),
            client(&STRANGER, &["client_credentials"]),
            client(&GATEWAY, &["client_credentials"]),
        ],
        "users": [{
            "username": "alice",
            "password": "wonderland",
            "sub": "alice",
            "email": "alice@example.com",
            "groups": ["writers", "readers"],
        }],
        "scopes": ["order_pizza", "other"],
        "introspectors": [GATEWAY.id],
        "accessTokenLifetime": 600,
    })
}

async fn token_of_alice(idp: &RealIdp, scope: &str) -> String {
    let fields = [("grant_type", "password"), ("username", "alice"), ("password", "wonderland"), ("scope", scope)];
    let answer = idp.token(&SHOP_CLIENT, &fields).await;
    answer["access_token"].as_str().expect("an access token").to_owned()
}

#[tokio::test]
async fn an_applications_token_opens_the_operation_that_its_scope_covers() {
    let site = real_site().await;
    let token = site.idp.application_token(&SHOP_CLIENT, "order_pizza").await;

    let answer = site.gateway.call("POST", ORDER).bearer(&token).send().await;

    let jwt = site.backend_jwt(&answer).await;
    assert_eq!(jwt.claims["sub"], json!(SHOP));
    assert_eq!(jwt.claims["http://wso2.org/claims/usertype"], json!("APPLICATION"));
}

#[tokio::test]
async fn a_users_token_brings_the_users_claims() {
    let site = real_site().await;
    let token = token_of_alice(&site.idp, "order_pizza").await;

    let answer = site.gateway.get("/pizzashack/1.0.0/order/17").bearer(&token).send().await;

    let jwt = site.backend_jwt(&answer).await;
    for (claim, expected) in [
        ("sub", json!("alice")),
        ("email", json!("alice@example.com")),
        ("groups", json!(["writers", "readers"])),
        ("http://wso2.org/claims/usertype", json!("APPLICATION_USER")),
        ("http://wso2.org/claims/applicationname", json!("Shop")),
    ] {
        assert_eq!(jwt.claims[claim], expected, "{claim}");
    }
}

#[tokio::test]
async fn tokens_that_do_not_suffice_are_refused_with_the_code_of_their_lack() {
    let site = real_site().await;
    let revoked = site.idp.application_token(&SHOP_CLIENT, "order_pizza").await;
    site.idp.revoke(&SHOP_CLIENT, &revoked).await;
    for (name, token, denial) in [
        ("made up", "made-up".to_owned(), &INVALID_TOKEN),
        ("revoked", revoked, &INVALID_TOKEN),
        ("no subscription", site.idp.application_token(&STRANGER, "order_pizza").await, &NO_SUBSCRIPTION),
        ("another scope", site.idp.application_token(&SHOP_CLIENT, "other").await, &INSUFFICIENT_SCOPE),
        ("another scope of a user", token_of_alice(&site.idp, "other").await, &INSUFFICIENT_SCOPE),
    ] {
        let answer = site.gateway.call("POST", ORDER).bearer(&token).send().await;

        site.assert_denied(name, &answer, denial).await;
    }
}

#[tokio::test]
async fn an_applications_token_is_refused_where_a_user_is_wanted() {
    let site = real_site().await;
    let token = site.idp.application_token(&SHOP_CLIENT, "order_pizza").await;

    let answer = site.gateway.get("/pizzashack/1.0.0/order/17").bearer(&token).send().await;

    site.assert_denied("an application's token", &answer, &WRONG_AUTH_TYPE).await;
}

#[tokio::test]
async fn a_token_revoked_while_remembered_is_served_until_it_is_asked_for_again() {
    let site = real_site().await;
    let token = site.idp.application_token(&SHOP_CLIENT, "order_pizza").await;

    let before = site.gateway.get(ANY).bearer(&token).send().await;
    site.idp.revoke(&SHOP_CLIENT, &token).await;
    let after = site.gateway.get(ANY).bearer(&token).send().await;

    site.assert_allowed("before", &before).await;
    site.assert_allowed("after", &after).await;
}
