//! Clients' endpoints, at a real identity provider.

mod glewlwyd;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::answering::{http, serve};
use crate::harness::served::{Answer, BOOTSTRAP, DEVPORTAL, GATEWAY, Served, answer};
use crate::harness::shop::{Shop, generate, text};

const RESOURCE_SERVER: [(&str, &str); 1] =
    [("GATEHOUSE__RESOURCE_SERVERS", "[{name: orders, credential: credential-of-a-resource-server}]")];

/// A client's form, with id and secret in Basic.
async fn post(served: &Served, path: &str, client: Option<(&str, &str)>, form: &[(&str, &str)]) -> Answer {
    let request = served.request(Method::POST, path).form(form);
    answer(client.iter().fold(request, |request, (id, secret)| request.basic_auth(id, Some(secret)))).await
}

async fn token(served: &Served, client: (&str, &str)) -> Answer {
    post(served, "/oauth2/token", Some(client), &[("grant_type", "client_credentials"), ("scope", "order")]).await
}

async fn introspect(served: &Served, token: &str, further: &[(&str, &str)]) -> Answer {
    let form: Vec<(&str, &str)> = [("token", token)].iter().chain(further).copied().collect();
    answer(served.request(Method::POST, "/oauth2/introspect").bearer_auth(GATEWAY).form(&form)).await
}

#[tokio::test]
async fn s7_a_token_request_and_the_answer_pass_as_they_are() {
    let shop = Shop::start("oauth2-token").await;
    let (key, _) = shop.generated().await;
    let (id, secret) = (text(&key, "consumerKey"), text(&key, "consumerSecret"));

    let granted = token(&shop.served, (id, secret)).await;
    assert_eq!((granted.status, &granted.body["scope"]), (StatusCode::OK, &json!("order")), "{}", granted.body);
    assert_eq!(granted.headers["cache-control"], "no-store");

    // What the identity provider says to its face, it says here.
    let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({"iss": id, "sub": id}).to_string());
    let assertion = format!("e30.{claims}.c2lnbmF0dXJl");
    for (client, form) in [
        (Some((id, "wrong")), vec![("grant_type", "client_credentials")]),
        (
            None,
            vec![
                ("grant_type", "client_credentials"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", assertion.as_str()),
            ],
        ),
        (Some((id, secret)), vec![("grant_type", "urn:example:unknown")]),
        (Some((id, secret)), vec![("scope", "order")]),
        (None, vec![("client_id", id), ("grant_type", "client_credentials")]),
    ] {
        let here = post(&shop.served, "/oauth2/token", client, &form).await;
        let request = reqwest::Client::new().post(format!("{}/token", shop.idp.issuer)).form(&form);
        let there =
            answer(client.iter().fold(request, |request, (id, secret)| request.basic_auth(id, Some(secret)))).await;
        assert_eq!((here.status, &here.body), (there.status, &there.body));
        assert!(here.status.is_client_error(), "{}", here.body);
        assert_eq!(here.headers["cache-control"], "no-store");
        assert_eq!(here.headers.get("www-authenticate"), there.headers.get("www-authenticate"));
    }
}

#[tokio::test]
async fn s7_a_client_that_belongs_to_no_application_reaches_no_identity_provider() {
    let shop = Shop::start("oauth2-nobody").await;

    // It is known there, but not here.
    let refused = token(&shop.served, ("shop", "shop-secret")).await;

    assert_eq!((refused.status, &refused.body["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    assert!(refused.headers.contains_key("www-authenticate"));
    let plain = shop.served.request(Method::POST, "/oauth2/token").body("grant_type=client_credentials");
    let refused = answer(plain).await;
    assert_eq!((refused.status, &refused.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    let twice = [("client_id", "a"), ("client_id", "b")];
    let refused = post(&shop.served, "/oauth2/token", None, &twice).await;
    assert_eq!((refused.status, &refused.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
}

#[tokio::test]
async fn s7_an_identity_provider_that_is_away_gives_503() {
    let shop = Shop::start("oauth2-away").await;
    let (key, _) = shop.generated().await;
    let Shop { served, idp, .. } = shop;
    drop(idp);

    let client = (text(&key, "consumerKey"), text(&key, "consumerSecret"));
    let refused = token(&served, client).await;

    let expected = (StatusCode::SERVICE_UNAVAILABLE, &json!("temporarily_unavailable"));
    assert_eq!((refused.status, &refused.body["error"]), expected, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn s7_a_gateway_introspects_at_the_identity_provider_that_it_names() {
    let shop = Shop::start("oauth2-introspect").await;
    let (key, _) = shop.generated().await;
    let client = (text(&key, "consumerKey"), text(&key, "consumerSecret"));
    let granted = token(&shop.served, client).await;
    let access_token = text(&granted.body, "access_token");

    let told = introspect(&shop.served, access_token, &[("identity_provider", "corporate")]).await;

    assert_eq!((told.status, &told.body["active"]), (StatusCode::OK, &json!(true)), "{}", told.body);
    assert_eq!((&told.body["client_id"], &told.body["scope"]), (&json!(client.0), &json!("order")));
    assert_eq!((&told.body["iss"], &told.body["token_type"]), (&json!(shop.idp.issuer), &json!("Bearer")));
    assert!(told.body["exp"].as_u64() > told.body["iat"].as_u64(), "{}", told.body);
    assert_eq!(told.headers["cache-control"], "no-store");
    assert_eq!(introspect(&shop.served, access_token, &[]).await.body["active"], json!(true), "there is just one");
    assert_eq!(introspect(&shop.served, "made-up", &[]).await.body, json!({"active": false}));
    let unknown = introspect(&shop.served, access_token, &[("identity_provider", "other")]).await;
    assert_eq!((unknown.status, &unknown.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
}

#[tokio::test]
async fn s7_nobody_but_gateways_and_resource_servers_introspects() {
    let shop = Shop::start_with("oauth2-introspectors", &RESOURCE_SERVER).await;
    let (key, _) = shop.generated().await;
    let client = (text(&key, "consumerKey"), text(&key, "consumerSecret"));
    let form = [("token", "made-up")];
    let resource_server = ("orders", "credential-of-a-resource-server");

    let told = post(&shop.served, "/oauth2/introspect", Some(resource_server), &form).await;
    assert_eq!((told.status, &told.body), (StatusCode::OK, &json!({"active": false})), "{}", told.body);

    for stranger in
        [None, Some(client), Some(("orders", "wrong")), Some(("edge", GATEWAY)), Some(("gateway", "gateway-secret"))]
    {
        let refused = post(&shop.served, "/oauth2/introspect", stranger, &form).await;
        assert_eq!((refused.status, &refused.body["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
    }
    let administrator = shop.served.request(Method::POST, "/oauth2/introspect").bearer_auth(BOOTSTRAP).form(&form);
    assert_eq!(answer(administrator).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s7_an_introspection_that_fails_says_nothing_about_the_token() {
    let shop = Shop::start("oauth2-introspect-away").await;
    let Shop { served, idp, .. } = shop;
    drop(idp);

    let failed = introspect(&served, "made-up", &[]).await;

    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE, "{}", failed.body);
    assert!(failed.body.get("active").is_none());
}

#[tokio::test]
async fn s7_a_revoked_access_token_is_told_to_gateways_by_its_digest() {
    let shop = Shop::start("oauth2-revoke").await;
    let (key, _) = shop.generated().await;
    let client = (text(&key, "consumerKey"), text(&key, "consumerSecret"));
    let granted = token(&shop.served, client).await;
    let access_token = text(&granted.body, "access_token");

    let refused = post(&shop.served, "/oauth2/revoke", Some((client.0, "wrong")), &[("token", access_token)]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(!shop.served.feed().await.contains("\"revocation\""), "whoever is refused revokes nothing");

    let revoked = post(&shop.served, "/oauth2/revoke", Some(client), &[("token", access_token)]).await;

    assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.body);
    let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(access_token));
    let feed = shop.served.feed().await;
    assert!(feed.contains(&format!("\"value\":\"{digest}\"")), "{feed}");
    assert!(feed.contains("\"action\":\"deny\"") && !feed.contains(access_token), "{feed}");
    assert_eq!(introspect(&shop.served, access_token, &[]).await.body, json!({"active": false}));
}

/// What an identity provider that answers every revocation 200 says of a token, and what gateways are told then.
#[tokio::test]
async fn s8_whoever_holds_another_clients_token_cannot_have_it_denied() {
    let deny = |kind: &'static str| (kind, "deny");
    let recheck = |kind: &'static str| (kind, "recheck");
    let ok = "200 OK";
    for (status, told, hint, expected) in [
        (ok, json!({"active": true, "client_id": "own", "token_type": "Bearer"}), "", vec![deny("token")]),
        (ok, json!({"active": true, "client_id": "other", "token_type": "Bearer"}), "", vec![]),
        (ok, json!({"active": true, "client_id": "other", "token_type": "Bearer"}), "access_token", vec![]),
        (ok, json!({"active": true, "client_id": "other", "sub": "alice"}), "refresh_token", vec![]),
        (
            ok,
            json!({"active": true, "client_id": "own", "sub": "alice"}),
            "refresh_token",
            vec![recheck("client"), recheck("subject")],
        ),
        // It cannot say whose it is.
        (ok, json!({"active": true, "sub": "alice", "token_type": "Bearer"}), "access_token", vec![recheck("client")]),
        (ok, json!({"active": false}), "access_token", vec![recheck("client")]),
        ("500 Internal Server Error", json!({}), "access_token", vec![recheck("client")]),
    ] {
        let served = Served::start().await;
        let case = format!("{status} {told} {hint}");
        shop_at(&served, &one_that_revokes_anything(status, told).await).await;
        let mut form = vec![("token", "a-token-of-somebody")];
        form.extend(Some(("token_type_hint", hint)).filter(|_| !hint.is_empty()));

        let revoked = post(&served, "/oauth2/revoke", Some(("own", "own-secret")), &form).await;

        assert_eq!(revoked.status, StatusCode::OK, "{case}: {}", revoked.body);
        let listed = served.get("/api/gatehouse/v1/revocations").await.body;
        let rows = listed["list"].as_array().unwrap().iter();
        let rows: Vec<_> = rows.map(|row| (text(row, "kind"), text(row, "action"))).collect();
        assert_eq!(rows, expected, "{case}");
    }
}

/// The issuer of an identity provider that registers the client `own`, revokes what it is shown, and says this of a
/// token.
async fn one_that_revokes_anything(status: &'static str, told: Value) -> String {
    serve(move |issuer, request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let body = match path {
            "/introspect" => return http(status, "", &told.to_string()),
            "/reg" => json!({"client_id": "own", "client_secret": "own-secret"}),
            "/revoke" => json!({}),
            _ => json!({"issuer": issuer, "token_endpoint": format!("{issuer}/token"),
                "introspection_endpoint": format!("{issuer}/introspect"),
                "revocation_endpoint": format!("{issuer}/revoke"), "registration_endpoint": format!("{issuer}/reg")}),
        };
        http("200 OK", "", &body.to_string())
    })
    .await
}

/// A key of an application at this issuer.
async fn shop_at(served: &Served, issuer: &str) {
    let settings = json!({"name": "corporate", "type": "oidc", "issuer": issuer,
        "additionalProperties": crate::harness::oidc_provider::properties()});
    served.key_manager(settings).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let key = generate(served, &application, "PRODUCTION").await;
    assert_eq!(key.status, StatusCode::OK, "{}", key.body);
}

#[tokio::test]
async fn s8_another_clients_token_is_not_revoked_at_oidc_provider_and_no_gateway_is_told() {
    let shop = Shop::start("oauth2-revoke-foreign").await;
    let (production, _) = shop.generated().await;
    let sandbox = shop.generate("SANDBOX").await.body;
    let granted = token(&shop.served, (text(&production, "consumerKey"), text(&production, "consumerSecret"))).await;
    let access_token = text(&granted.body, "access_token");

    let other = (text(&sandbox, "consumerKey"), text(&sandbox, "consumerSecret"));
    post(&shop.served, "/oauth2/revoke", Some(other), &[("token", access_token)]).await;

    assert_eq!(introspect(&shop.served, access_token, &[]).await.body["active"], json!(true));
    assert!(!shop.served.feed().await.contains("\"revocation\""));
}

#[tokio::test]
async fn s8_a_client_authenticates_in_one_way_as_one_client() {
    let shop = Shop::start("oauth2-one-way").await;
    let (key, _) = shop.generated().await;
    let (id, secret) = (text(&key, "consumerKey"), text(&key, "consumerSecret"));
    let assertion =
        |subject: &str| format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(json!({"sub": subject}).to_string()));
    let (own, others) = (assertion(id), assertion("other"));
    let grant = ("grant_type", "client_credentials");

    for (client, form, error) in [
        (Some((id, secret)), vec![("client_id", "other")], "invalid_request"),
        (Some((id, secret)), vec![("client_secret", secret)], "invalid_request"),
        (Some((id, secret)), vec![("client_assertion", own.as_str())], "invalid_request"),
        (None, vec![("client_id", id), ("client_assertion", others.as_str())], "invalid_request"),
        (
            None,
            vec![("client_id", id), ("client_secret", secret), ("client_assertion", own.as_str())],
            "invalid_request",
        ),
        (None, vec![("client_assertion", others.as_str())], "invalid_client"),
        (None, vec![("client_assertion", "nonsense")], "invalid_client"),
    ] {
        let form: Vec<_> = form.into_iter().chain([grant]).collect();
        let refused = post(&shop.served, "/oauth2/token", client, &form).await;
        assert_eq!(refused.body["error"], json!(error), "{form:?}: {}", refused.body);
        let description = text(&refused.body, "error_description");
        assert!(description.starts_with("client") || description.contains("client"), "of ours: {description}");
    }
    // Basic that cannot be read here may be read there.
    let request = shop.served.request(Method::POST, "/oauth2/token").header("authorization", "Basic b3RoZXI");
    let refused = answer(request.form(&[grant, ("client_id", id)])).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.body);
    // As it should be: the secret in the form, and the id beside Basic.
    let form = [grant, ("scope", "order"), ("client_id", id)];
    assert_eq!(post(&shop.served, "/oauth2/token", Some((id, secret)), &form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s7_anything_else_that_is_revoked_has_gateways_ask_again_about_the_client() {
    let shop = Shop::start("oauth2-recheck").await;
    let (key, _) = shop.generated().await;
    let client = (text(&key, "consumerKey"), text(&key, "consumerSecret"));

    for _ in 0..3 {
        let form = [("token", "some-refresh-token"), ("token_type_hint", "refresh_token")];
        assert_eq!(post(&shop.served, "/oauth2/revoke", Some(client), &form).await.status, StatusCode::OK);
    }

    let listed = shop.served.get("/api/gatehouse/v1/revocations").await.body;
    assert_eq!(listed["count"], json!(1), "one row for a client: {listed}");
    let row = &listed["list"][0];
    assert_eq!((&row["kind"], &row["action"], &row["value"]), (&json!("client"), &json!("recheck"), &json!(client.0)));
    assert_eq!(row["identityProvider"], json!("corporate"));
}

#[tokio::test]
async fn s7_deleting_a_client_ends_its_tokens_at_gateways() {
    let shop = Shop::start("oauth2-deleted").await;
    let (key, path) = shop.generated().await;

    assert_eq!(shop.served.send(Method::DELETE, &path, None).await.status, StatusCode::OK);

    let listed = shop.served.get("/api/gatehouse/v1/revocations").await.body;
    let row = &listed["list"][0];
    let expected = (&json!("client"), &json!("deny"), &key["consumerKey"]);
    assert_eq!((&row["kind"], &row["action"], &row["value"]), expected, "{listed}");
}

#[tokio::test]
async fn s7_a_client_registers_itself_for_an_application_and_manages_itself() {
    let shop = Shop::start("oauth2-register").await;
    let application = shop.application.rsplit('/').next().unwrap();
    let register = async |token: &str, body: Value| {
        answer(shop.served.request(Method::POST, "/oauth2/register").bearer_auth(token).json(&body)).await
    };
    let metadata = json!({"application_id": application, "grant_types": ["client_credentials"], "software_id": "s"});

    assert_eq!(register("wrong", metadata.clone()).await.status, StatusCode::UNAUTHORIZED);
    for (bad, error) in [
        (json!({"grant_types": ["client_credentials"]}), "invalid_client_metadata"),
        (json!({"application_id": "somebody-elses"}), "invalid_redirect_uri"),
        (json!({"application_id": "somebody-elses", "grant_types": []}), "invalid_client_metadata"),
        (json!({"application_id": application, "grant_types": "code"}), "invalid_client_metadata"),
        (json!({"application_id": application, "grant_types": [], "key_type": "TEST"}), "invalid_client_metadata"),
    ] {
        let refused = register(BOOTSTRAP, bad.clone()).await;
        assert_eq!(refused.body["error"], json!(error), "{bad}: {}", refused.body);
        assert!(refused.status.is_client_error(), "{bad}: {}", refused.status);
    }
    assert_eq!(shop.idp.clients(), [""; 0]);

    let registered = register(BOOTSTRAP, metadata.clone()).await;
    assert_eq!(registered.status, StatusCode::CREATED, "{}", registered.body);
    let client = registered.body;
    assert_eq!(shop.idp.clients(), [text(&client, "client_id")]);
    assert_eq!(client["client_secret_expires_at"], json!(0));
    let granted = token(&shop.served, (text(&client, "client_id"), text(&client, "client_secret"))).await;
    assert_eq!(granted.status, StatusCode::OK, "{}", granted.body);
    assert_eq!(register(BOOTSTRAP, metadata).await.status, StatusCode::CONFLICT, "the application has a key");

    let uri = text(&client, "registration_client_uri").strip_prefix(&shop.served.base).unwrap().to_owned();
    let manage = async |method: Method, token: &str, body: Option<Value>| {
        let request = shop.served.request(method, &uri).bearer_auth(token);
        answer(body.iter().fold(request, reqwest::RequestBuilder::json)).await
    };
    let own = text(&client, "registration_access_token");
    let read = manage(Method::GET, own, None).await;
    assert_eq!((read.status, &read.body["client_id"]), (StatusCode::OK, &client["client_id"]), "{}", read.body);
    assert!(read.body.get("registration_access_token").is_none());
    let changed = json!({"client_id": client["client_id"], "grant_types": ["client_credentials", "authorization_code"],
        "redirect_uris": ["https://shop.example.com/callback"]});
    let updated = manage(Method::PUT, own, Some(changed.clone())).await;
    assert_eq!(
        (updated.status, &updated.body["redirect_uris"]),
        (StatusCode::OK, &changed["redirect_uris"]),
        "{}",
        updated.body
    );
    let other = manage(Method::PUT, own, Some(json!({"client_id": "other", "grant_types": []}))).await;
    assert_eq!((other.status, &other.body["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_client_metadata")));
    for stranger in ["wrong", BOOTSTRAP] {
        assert_eq!(manage(Method::DELETE, stranger, None).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(manage(Method::DELETE, own, None).await.status, StatusCode::NO_CONTENT);
    shop.served.settled().await;
    assert_eq!(shop.idp.clients(), [""; 0]);
    assert_eq!(manage(Method::GET, own, None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s7_a_key_that_was_generated_has_no_registration_access_token() {
    let shop = Shop::start("oauth2-unregistered").await;
    let key = generate(&shop.served, &shop.application, "PRODUCTION").await.body;
    let path = format!("/oauth2/register/{}", text(&key, "keyMappingId"));

    for token in ["", "null", "x"] {
        let read = answer(shop.served.request(Method::GET, &path).bearer_auth(token)).await;
        assert_eq!(read.status, StatusCode::UNAUTHORIZED, "{token}");
    }
}
