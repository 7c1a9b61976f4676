//! BEHAVIOUR.md section 1, rows 8 to 14: who may call an operation.

use serde_json::json;
use tokio::task::JoinSet;

use super::configuration::{self, IDP_ISSUER};
use super::denials::{
    AUDIENCE_MISMATCH, BACKEND_JWT_FAILED, Denial, INSUFFICIENT_SCOPE, INVALID_TOKEN, ISSUER_MISMATCH,
    MISSING_CREDENTIALS, NO_SUBSCRIPTION, SENDER_CONSTRAINED, SUBSCRIPTION_BLOCKED, SUBSCRIPTION_INACTIVE,
    TOKEN_NOT_YET_VALID, WRONG_AUTH_TYPE, WRONG_TOKEN_KIND,
};
use super::fixtures::{Site, shop};
use super::harness::clock::now;
use super::harness::http2::Connection;
use super::harness::script::{Script, active};
use super::registry::{ANY, SHOP, STRANGER, SUBSCRIPTIONS, UNSUBSCRIBED};

const ORDER: &str = "/pizzashack/1.0.0/order";
const FOR_USERS: &str = "/pizzashack/1.0.0/order/17";
const FOR_APPLICATIONS: &str = "/pizzashack/1.0.0/batch";

#[tokio::test]
async fn s1_8_without_a_token_is_401_900902() {
    let shop = shop().await;

    let answer = shop.gateway.get(ANY).send().await;

    shop.assert_denied("no token", &answer, &MISSING_CREDENTIALS).await;
}

#[tokio::test]
async fn s1_9_a_token_of_a_shape_that_no_identity_provider_claims_is_401_without_a_question() {
    let configuration = configuration::small_with_idp([("tokens", json!([{"prefix": "corp_"}]))]);
    let site = Site::start("token-prefix", &configuration).await;
    site.idp.script("corp_1", [active(SHOP, &json!({}))]);
    site.idp.script("Corp_1", [active(SHOP, &json!({}))]);

    let own = site.gateway.get(ANY).bearer("corp_1").send().await;
    let foreign = site.gateway.get(ANY).bearer("Corp_1").send().await;

    site.assert_allowed("own shape", &own).await;
    site.assert_denied("foreign shape", &foreign, &INVALID_TOKEN).await;
    assert_eq!(site.idp.calls_about("Corp_1"), 0);
}

#[tokio::test]
async fn s1_10_a_token_that_the_identity_provider_does_not_know_is_401_900901() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, Script::inactive()).await;

    shop.assert_denied("unknown token", &answer, &INVALID_TOKEN).await;
}

#[tokio::test]
async fn s1_11_an_answer_that_does_not_hold_for_this_gateway_is_refused() {
    let configuration =
        configuration::small_with_idp([("issuer", json!(IDP_ISSUER)), ("audience", json!(["urn:pizza"]))]);
    let site = Site::start("answers", &configuration).await;
    let now = now();
    let good = json!({"iss": IDP_ISSUER, "aud": "urn:pizza", "sub": "alice", "scope": "order_pizza"});
    site.assert_allowed("good", &site.get_with(ANY, active(SHOP, &good)).await).await;
    for (name, member, value, denial) in [
        ("inactive", "active", json!(false), &INVALID_TOKEN),
        ("expired", "exp", json!(now), &INVALID_TOKEN),
        ("not yet valid", "nbf", json!(now + 60), &TOKEN_NOT_YET_VALID),
        ("issued in time to come", "iat", json!(now + 60), &TOKEN_NOT_YET_VALID),
        ("another issuer", "iss", json!("https://evil.example"), &ISSUER_MISMATCH),
        ("another audience", "aud", json!(["urn:other"]), &AUDIENCE_MISMATCH),
        ("no audience", "aud", json!(null), &AUDIENCE_MISMATCH),
        ("no access token", "token_type", json!("refresh_token"), &WRONG_TOKEN_KIND),
        ("bound to a key", "cnf", json!({"jkt": "0ZcOCORZ"}), &SENDER_CONSTRAINED),
    ] {
        let mut members = good.clone();
        members[member] = value;

        let answer = site.get_with(ANY, active(SHOP, &members)).await;

        site.assert_denied(name, &answer, denial).await;
    }
}

#[tokio::test]
async fn s1_12_operations_for_users_refuse_tokens_of_applications_and_the_other_way_round() {
    let shop = shop().await;
    for (name, members, is_application) in [
        ("neither subject nor user name", json!({}), true),
        ("the subject is the client", json!({"sub": SHOP}), true),
        ("the user name is the client", json!({"username": SHOP}), true),
        ("a subject", json!({"sub": "alice"}), false),
        ("a user name", json!({"username": "alice"}), false),
        ("a subject and a user name", json!({"sub": "248289761001", "username": "Alice Doe"}), false),
    ] {
        let for_users = shop.get_with(FOR_USERS, active(SHOP, &members)).await;
        let for_applications = shop.get_with(FOR_APPLICATIONS, active(SHOP, &members)).await;
        let for_any = shop.get_with(ANY, active(SHOP, &members)).await;

        let (passes, refused) =
            if is_application { (for_applications, for_users) } else { (for_users, for_applications) };
        shop.assert_allowed(name, &passes).await;
        shop.assert_allowed(name, &for_any).await;
        shop.assert_denied(name, &refused, &WRONG_AUTH_TYPE).await;
    }
}

#[tokio::test]
async fn s1_12_a_marker_makes_an_application_token_whatever_else_the_answer_says() {
    let markers = json!([
        {"claim": "aut", "equals": "APPLICATION"},
        {"claim": "username", "prefix": "service-account-"},
        {"claim": "sub", "equals": "{client_id}@clients"},
    ]);
    let mut configuration = configuration::shop();
    configuration["identityProviders"][0]["claims"] = json!({"applicationToken": markers});
    let site = Site::start("markers", &configuration).await;
    for (name, members, is_application) in [
        ("equals", json!({"sub": "alice", "aut": "APPLICATION"}), true),
        ("equals another value", json!({"sub": "alice", "aut": "APPLICATION_USER"}), false),
        ("prefix", json!({"sub": "f:1", "username": "service-account-shop"}), true),
        ("prefix elsewhere", json!({"sub": "f:1", "username": "a-service-account-"}), false),
        ("template", json!({"sub": format!("{SHOP}@clients")}), true),
        ("template of another client", json!({"sub": "other@clients"}), false),
        ("no marker, no user", json!({}), true),
    ] {
        let for_users = site.get_with(FOR_USERS, active(SHOP, &members)).await;
        let for_applications = site.get_with(FOR_APPLICATIONS, active(SHOP, &members)).await;

        let (passes, refused) =
            if is_application { (for_applications, for_users) } else { (for_users, for_applications) };
        site.assert_allowed(name, &passes).await;
        site.assert_denied(name, &refused, &WRONG_AUTH_TYPE).await;
    }
}

#[tokio::test]
async fn s1_13_the_state_of_the_subscription_decides() {
    let shop = shop().await;
    for (state, key_type, client_id) in SUBSCRIPTIONS {
        let name = format!("{state} with a {key_type} key");
        let denial: Option<&Denial> = match (state, key_type) {
            ("BLOCKED", _) | ("PROD_ONLY_BLOCKED", "PRODUCTION") => Some(&SUBSCRIPTION_BLOCKED),
            ("ON_HOLD" | "REJECTED", _) => Some(&SUBSCRIPTION_INACTIVE),
            _ => None,
        };

        let answer = shop.get_with(ANY, active(client_id, &json!({}))).await;

        match denial {
            None => shop.assert_allowed(&name, &answer).await,
            Some(denial) => shop.assert_denied(&name, &answer, denial).await,
        }
    }
}

#[tokio::test]
async fn s1_13_what_lacks_a_subscription_is_403_900908() {
    let shop = shop().await;
    for (name, target, script) in [
        ("no client id", ANY, active(SHOP, &json!({"client_id": null}))),
        ("an empty client id", ANY, active("", &json!({}))),
        ("a client of no application", ANY, active(STRANGER, &json!({}))),
        ("a client id in another case", ANY, active(&SHOP.to_uppercase(), &json!({}))),
        ("a client id that only begins alike", ANY, active(&format!("{SHOP}2"), &json!({}))),
        ("an application without subscriptions", ANY, active(UNSUBSCRIBED, &json!({}))),
        ("a subscription to other APIs", "/unsubscribed/1.0.0/any", active(SHOP, &json!({}))),
    ] {
        let answer = shop.get_with(target, script).await;

        shop.assert_denied(name, &answer, &NO_SUBSCRIPTION).await;
    }
}

#[tokio::test]
async fn s1_13_the_client_id_is_the_first_present_of_the_configured_claims() {
    let shop = shop().await;
    for (name, members) in [
        ("client_id", json!({"client_id": SHOP, "azp": STRANGER, "cid": STRANGER})),
        ("azp", json!({"client_id": null, "azp": SHOP, "cid": STRANGER})),
        ("cid", json!({"client_id": null, "cid": SHOP})),
    ] {
        let answer = shop.get_with(ANY, active(SHOP, &members)).await;

        shop.assert_allowed(name, &answer).await;
    }
}

#[tokio::test]
async fn s1_13_an_api_without_subscription_validation_serves_any_client() {
    let shop = shop().await;
    for (name, script) in [
        ("a client of no application", active(STRANGER, &json!({}))),
        ("no client id, but a subject", active(STRANGER, &json!({"client_id": null, "sub": "alice"}))),
    ] {
        let answer = shop.get_with("/open/1.0.0/any", script).await;

        shop.assert_allowed(name, &answer).await;
    }
}

#[tokio::test]
async fn s1_14_any_one_of_the_scopes_suffices() {
    let shop = shop().await;
    for (scope, passes) in [
        (json!("read"), true),
        (json!("write"), true),
        (json!("other write"), true),
        (json!("\t write \n\r read  "), true),
        (json!(["other", "read"]), true),
        (json!(format!("{}read", "a ".repeat(9_999))), true),
        (json!(null), false),
        (json!(""), false),
        (json!([]), false),
        (json!("other"), false),
        (json!("READ"), false),
        (json!("readx xread read:all"), false),
        (json!("read,write"), false),
    ] {
        let answer = shop.get_with("/pizzashack/1.0.0/either", active(SHOP, &json!({"scope": scope}))).await;

        if passes {
            shop.assert_allowed(&scope.to_string(), &answer).await;
        } else {
            shop.assert_denied(&scope.to_string(), &answer, &INSUFFICIENT_SCOPE).await;
        }
    }
}

#[tokio::test]
async fn s1_14_scope_matching_all_wants_every_scope() {
    let shop = shop().await;
    for (scope, passes) in [("read write", true), ("write other read", true), ("read", false), ("write", false)] {
        let answer = shop.get_with("/all-scopes/1.0.0/both", active(SHOP, &json!({"scope": scope}))).await;

        if passes {
            shop.assert_allowed(scope, &answer).await;
        } else {
            shop.assert_denied(scope, &answer, &INSUFFICIENT_SCOPE).await;
        }
    }
}

#[tokio::test]
async fn s1_14_an_operation_without_scopes_takes_a_token_without_scopes() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, active(SHOP, &json!({"scope": null}))).await;

    shop.assert_allowed("no scopes", &answer).await;
}

#[tokio::test]
async fn s1_an_earlier_step_decides_about_a_token_before_a_later_one() {
    let shop = shop().await;
    let unscoped = json!({"sub": "alice"});
    for (name, method, target, script, denial) in [
        ("11 before 12", "GET", FOR_APPLICATIONS, Script::inactive(), &INVALID_TOKEN),
        ("12 before 13", "GET", FOR_APPLICATIONS, active(STRANGER, &unscoped), &WRONG_AUTH_TYPE),
        ("13 before 14, none", "POST", ORDER, active(STRANGER, &unscoped), &NO_SUBSCRIPTION),
        ("13 before 14, blocked", "POST", ORDER, active("blocked-client", &unscoped), &SUBSCRIPTION_BLOCKED),
        ("14", "POST", ORDER, active(SHOP, &unscoped), &INSUFFICIENT_SCOPE),
    ] {
        let token = shop.idp.issue(script);

        let answer = shop.gateway.call(method, target).bearer(&token).send().await;

        shop.assert_denied(name, &answer, denial).await;
    }
}

#[tokio::test]
async fn s1_concurrent_requests_of_one_connection_are_decided_each_for_itself() {
    let shop = shop().await;
    let connection = Connection::new(shop.gateway.address);
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let subject = (number % 2 == 0).then(|| format!("user-{number}"));
        let token = subject.as_ref().map(|subject| shop.idp.issue(active(SHOP, &json!({"sub": subject}))));
        let connection = connection.clone();
        requests.spawn(async move {
            let authorization = token.map_or_else(String::new, |token| format!("Bearer {token}"));
            (subject, connection.send("GET", ANY, &[("authorization", &authorization)]).await)
        });
    }
    for (subject, answer) in requests.join_all().await {
        match subject {
            Some(subject) => assert_eq!(shop.backend_jwt(&answer).await.claims["sub"], json!(subject)),
            None => shop.assert_denied("no token", &answer, &MISSING_CREDENTIALS).await,
        }
    }
}

#[tokio::test]
async fn s1_15_without_its_backend_jwt_a_request_does_not_go_on() {
    let shop = shop().await;
    let nobody = json!({"client_id": null});

    let unsigned = shop.get_with("/open/1.0.0/any", active(SHOP, &nobody)).await;
    let signed = shop.get_with("/open/1.0.0/any", active(SHOP, &json!({"client_id": null, "sub": "alice"}))).await;

    shop.assert_denied("there is nobody to name", &unsigned, &BACKEND_JWT_FAILED).await;
    assert_eq!(shop.backend_jwt(&signed).await.claims["sub"], json!("alice"));
}
