//! BEHAVIOUR.md section 6: what the backend is told about the caller.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::configuration::{self, BACKEND_JWT_HEADER, BACKEND_JWT_ISSUER, IDP, KEY_ID};
use super::denials::BACKEND_JWT_FAILED;
use super::fixtures::{Site, shop};
use super::harness::backend_jwt::{BackendJwt, ED25519, P256, RSA};
use super::harness::clock::now;
use super::harness::gateway::Setup;
use super::harness::script::{TOKEN_LIFETIME, active};
use super::harness::wait;
use super::registry::{ANY, SHOP, STRANGER};

const DIALECT: &str = "http://wso2.org/claims";

/// `backendJwt.lifetime`, which is 15 minutes by default.
const JWT_LIFETIME: i64 = 900;

/// The claims without those that depend on time and chance; an audience that is one string as an array.
fn timeless(jwt: &BackendJwt) -> Map<String, Value> {
    let mut claims = jwt.claims.as_object().expect("claims").clone();
    for name in ["iat", "nbf", "exp", "jti"] {
        assert!(claims.remove(name).is_some(), "{name} is missing");
    }
    if claims["aud"].is_string() {
        claims["aud"] = json!([claims["aud"]]);
    }
    claims
}

/// The claims that are ours, under the dialect.
fn under_dialect(dialect: &str, claims: &Value) -> Map<String, Value> {
    let name = |name: &str| if dialect.is_empty() { name.to_owned() } else { format!("{dialect}/{name}") };
    claims.as_object().expect("claims").iter().map(|(claim, value)| (name(claim), value.clone())).collect()
}

fn expected(dialect: &str, registered: &Value, ours: &Value) -> Map<String, Value> {
    let mut claims = under_dialect(dialect, ours);
    claims.extend(registered.as_object().expect("claims").clone());
    claims
}

/// What the JWT says of PizzaShack and of the application that may call everything.
fn pizza_shack_and_shop() -> Value {
    json!({
        "keymanager": IDP,
        "subscriber": "bob",
        "applicationid": "shop",
        "applicationname": "Shop",
        "applicationtier": "Platinum",
        "applicationattributes": {"department": "sales"},
        "apiname": "PizzaShack",
        "apicontext": "/pizzashack/1.0.0",
        "version": "1.0.0",
        "tier": "Gold",
        "keytype": "PRODUCTION",
    })
}

fn user(mut claims: Value, name: &str) -> Value {
    claims["usertype"] = json!("APPLICATION_USER");
    claims["enduser"] = json!(name);
    claims
}

#[tokio::test]
async fn s6_a_users_token_is_told_with_api_application_and_subscription() {
    let shop = shop().await;

    let script = active(SHOP, &json!({"sub": "248289761001", "username": "alice@carbon.super", "email": "a@b.c"}));
    let answer = shop.get_with(ANY, script).await;

    let jwt = shop.backend_jwt(&answer).await;
    let registered = json!({"iss": BACKEND_JWT_ISSUER, "sub": "248289761001", "aud": ["/pizzashack"]});
    let ours = user(pizza_shack_and_shop(), "alice@carbon.super");
    assert_eq!(timeless(&jwt), expected(DIALECT, &registered, &ours));
    assert_eq!(jwt.header, json!({"typ": "JWT", "alg": "ES256", "kid": KEY_ID}));
}

#[tokio::test]
async fn s6_an_applications_token_is_told_with_its_client_and_owner() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, active(SHOP, &json!({}))).await;

    let jwt = shop.backend_jwt(&answer).await;
    let registered = json!({"iss": BACKEND_JWT_ISSUER, "sub": SHOP, "aud": ["/pizzashack"]});
    let mut ours = pizza_shack_and_shop();
    ours["usertype"] = json!("APPLICATION");
    ours["enduser"] = json!("bob");
    assert_eq!(timeless(&jwt), expected(DIALECT, &registered, &ours));
}

#[tokio::test]
async fn s6_a_sandbox_key_is_told() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, active("unblocked-sandbox-client", &json!({}))).await;

    let jwt = shop.backend_jwt(&answer).await;
    assert_eq!(jwt.claims[format!("{DIALECT}/keytype")], json!("SANDBOX"));
    assert_eq!(jwt.claims.get(format!("{DIALECT}/applicationattributes")), None);
}

#[tokio::test]
async fn s6_the_audience_is_the_apis() {
    let shop = shop().await;

    let answer = shop.get_with("/audience/1.0.0/any", active(SHOP, &json!({"aud": "urn:of-the-token"}))).await;

    let jwt = shop.backend_jwt(&answer).await;
    assert_eq!(jwt.claims["aud"], json!(["https://one.example", "https://two.example"]));
}

#[tokio::test]
async fn s6_without_subscription_validation_nothing_is_told_of_application_and_subscription() {
    let shop = shop().await;
    for client_id in [SHOP, STRANGER] {
        let answer = shop.get_with("/open/1.0.0/any", active(client_id, &json!({"sub": "alice"}))).await;

        let jwt = shop.backend_jwt(&answer).await;
        let registered = json!({"iss": BACKEND_JWT_ISSUER, "sub": "alice", "aud": ["/open"]});
        let ours = json!({"keymanager": IDP, "apiname": "Open", "apicontext": "/open/1.0.0", "version": "1.0.0"});
        assert_eq!(timeless(&jwt), expected(DIALECT, &registered, &user(ours, "alice")), "{client_id}");
    }
}

#[tokio::test]
async fn s6_an_empty_dialect_means_bare_names() {
    let mut configuration = configuration::shop();
    configuration["backendJwt"]["claimDialect"] = json!("");
    let site = Site::start("bare-claims", &configuration).await;

    let answer = site.get_with(ANY, active(SHOP, &json!({"sub": "alice"}))).await;

    let jwt = site.backend_jwt(&answer).await;
    let registered = json!({"iss": BACKEND_JWT_ISSUER, "sub": "alice", "aud": ["/pizzashack"]});
    assert_eq!(timeless(&jwt), expected("", &registered, &user(pizza_shack_and_shop(), "alice")));
}

#[tokio::test]
async fn s6_the_configured_claims_of_the_answer_are_forwarded() {
    let mut configuration = configuration::shop();
    configuration["backendJwt"]["forwardClaims"] = json!(["email", "groups", "address", "absent"]);
    let site = Site::start("forward-claims", &configuration).await;
    let members = json!({
        "sub": "alice",
        "email": "alice@example.com\r\nX-Injected: 1",
        "groups": ["writers", "readers"],
        "address": {"country": "PL"},
        "phone": "not asked for",
    });

    let answer = site.get_with(ANY, active(SHOP, &members)).await;

    let jwt = site.backend_jwt(&answer).await;
    let registered = json!({
        "iss": BACKEND_JWT_ISSUER,
        "sub": "alice",
        "aud": ["/pizzashack"],
        "email": "alice@example.com\r\nX-Injected: 1",
        "groups": ["writers", "readers"],
        "address": {"country": "PL"},
    });
    assert_eq!(timeless(&jwt), expected(DIALECT, &registered, &user(pizza_shack_and_shop(), "alice")));
}

#[tokio::test]
async fn s6_no_claim_of_the_answer_is_forwarded_unasked() {
    let shop = shop().await;

    let members = json!({"sub": "alice", "email": "a@b.c", "groups": ["a"], "iss": "https://evil", "jti": "theirs"});
    let answer = shop.get_with(ANY, active(SHOP, &members)).await;

    let jwt = shop.backend_jwt(&answer).await;
    assert_eq!((jwt.claims.get("email"), jwt.claims.get("groups")), (None, None));
    assert_eq!(jwt.claims["iss"], json!(BACKEND_JWT_ISSUER));
    assert_ne!(jwt.claims["jti"], json!("theirs"));
}

#[tokio::test]
async fn s6_the_jwt_lives_no_longer_than_its_lifetime_and_the_token() {
    let shop = shop().await;
    let soon = now() + TOKEN_LIFETIME;
    let late = now() + 86_400;
    for (name, exp, token_end) in [
        ("the token ends first", json!(soon), Some(soon)),
        ("the token ends first, within a second", json!(as_float(soon) + 0.75), Some(soon)),
        ("the lifetime ends first", json!(late), Some(late)),
        ("the token has no end", json!(null), None),
    ] {
        let answer = shop.get_with(ANY, active(SHOP, &json!({"exp": exp}))).await;

        let jwt = shop.backend_jwt(&answer).await;
        let claim = |name: &str| jwt.claims[name].as_i64().unwrap_or_else(|| panic!("{name} is no integer"));
        let lifetime_end = claim("iat") + JWT_LIFETIME;
        assert_eq!(claim("exp"), token_end.unwrap_or(lifetime_end).min(lifetime_end), "{name}");
        assert!((0..=60).contains(&(now() - claim("iat"))), "{name}: {:?}", jwt.claims);
        assert!(claim("nbf") <= claim("iat"), "{name}: {:?}", jwt.claims);
    }
}

fn as_float(seconds: i64) -> f64 {
    f64::from(u32::try_from(seconds).expect("a date before 2106"))
}

#[tokio::test]
async fn s6_a_minted_jwt_is_kept_for_the_token_and_the_api() {
    let site = Site::start("minted-once", &configuration::shop()).await;
    let token = site.idp.issue(active(SHOP, &json!({})));
    let other_token = site.idp.issue(active(SHOP, &json!({})));
    let jwt = async |target: &str, token: &str| {
        let echo = site.gateway.get(target).bearer(token).send().await.echo();
        echo.header(BACKEND_JWT_HEADER).expect("a backend JWT").to_owned()
    };

    let first = jwt(ANY, &token).await;
    let again = jwt(ANY, &token).await;
    let other_api = jwt("/audience/1.0.0/any", &token).await;
    let of_other_token = jwt(ANY, &other_token).await;

    assert_eq!(again, first);
    let key_set = site.key_set().await;
    let identifier = |jwt: &str| BackendJwt::verify(jwt, &key_set).claims["jti"].to_string();
    let identifiers: HashSet<_> = [&first, &other_api, &of_other_token].map(|jwt| identifier(jwt)).into();
    assert_eq!(identifiers.len(), 3, "{identifiers:?}");
    let minted = site.gateway.metrics().await.count("gatehouse_backend_jwt_minted", &[]);
    assert_eq!(minted, 3);
}

#[tokio::test]
async fn s6_a_jwt_is_minted_anew_once_the_identity_provider_has_been_asked_again() {
    let mut configuration = configuration::shop();
    configuration["cache"] = json!({"introspection": {"maximumLifetime": "1s"}});
    let site = Site::start("minted-anew", &configuration).await;
    let before = active(SHOP, &json!({"sub": "alice"}));
    let after = active(SHOP, &json!({"sub": "alice", "username": "Alice"}));
    let token = site.idp.issue_with([before, after]);
    let enduser = async || {
        let answer = site.gateway.get(ANY).bearer(&token).send().await;
        site.backend_jwt(&answer).await.claims[format!("{DIALECT}/enduser")].clone()
    };

    let first = enduser().await;
    wait::until_true("another JWT", async || enduser().await == json!("Alice")).await;

    assert_eq!(first, json!("alice"));
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s6_a_header_over_16_kib_fails_closed() {
    let shop = shop().await;

    let long_subject = |length: usize| active(SHOP, &json!({"sub": "a".repeat(length), "username": "alice"}));
    let fits = shop.get_with(ANY, long_subject(9_000)).await;
    let too_long = shop.get_with(ANY, long_subject(13_000)).await;

    assert_eq!(fits.status, 200);
    shop.assert_denied("too long", &too_long, &BACKEND_JWT_FAILED).await;
}

#[tokio::test]
async fn s6_the_algorithm_follows_the_key() {
    for (name, key, algorithm) in
        [("key-rsa", &RSA, "RS256"), ("key-ed25519", &ED25519, "EdDSA"), ("key-p256", &P256, "ES256")]
    {
        let mut configuration = configuration::shop();
        configuration["backendJwt"]["signingKey"] = json!({"env": "SIGNING_KEY"});
        let site = Site::start_with(Setup::new(name, &configuration).environment("SIGNING_KEY", key)).await;

        let answer = site.get_with(ANY, active(SHOP, &json!({}))).await;

        let jwt = site.backend_jwt(&answer).await;
        assert_eq!(jwt.header, json!({"typ": "JWT", "alg": algorithm, "kid": KEY_ID}));
    }
}

#[tokio::test]
async fn s6_es256_is_signed_by_the_host_where_it_can() {
    let shop = shop().await;

    let log = shop.gateway.log();

    assert!(log.contains("backendJwt.signingKey: ES256 signed by the host"), "{log}");
}

#[tokio::test]
async fn s6_without_backend_jwt_in_the_configuration_there_is_none() {
    let mut configuration = configuration::shop();
    configuration.as_object_mut().expect("an object").remove("backendJwt");
    let site = Site::start("no-backend-jwt", &configuration).await;

    let echo = site.get_with(ANY, active(SHOP, &json!({}))).await.echo();

    assert_eq!(echo.header(BACKEND_JWT_HEADER), None);
}
