//! BEHAVIOUR.md section 5: answers that must be signed (RFC 9701).

use serde_json::{Value, json};

use super::configuration::{self, IDP, IDP_ISSUER, SECRET_VARIABLE};
use super::denials::{IDP_ANSWER_MALFORMED, INVALID_TOKEN};
use super::fixtures::Site;
use super::harness::backend_jwt::{ED25519, P256, RSA, public_key_set, sign};
use super::harness::clock;
use super::harness::gateway::Setup;
use super::harness::real_idp::{Client, RealIdp};
use super::harness::script::{Script, active, active_body};
use super::registry::{ANY, SHOP};

const GATEWAY: &str = "gateway:edge 1";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";

fn configuration(jwks: &Value) -> Value {
    let mut configuration = configuration::small_with_introspection([("signedResponse", json!({"jwks": jwks}))]);
    configuration["identityProviders"][0]["issuer"] = json!(IDP_ISSUER);
    configuration
}

fn claims(body: &Value) -> Value {
    json!({"iss": IDP_ISSUER, "aud": GATEWAY, "iat": clock::now(), "token_introspection": body})
}

fn signed(pem: &str, algorithm: &str, claims: &Value) -> Script {
    let header = json!({"typ": "token-introspection+jwt", "alg": algorithm});
    Script::reply(200, &[("content-type", MEDIA_TYPE)], sign(pem, &header, claims))
}

#[tokio::test]
async fn s5_a_signed_answer_counts_and_nothing_else_does() {
    let keys = [("ES256", &*P256), ("EdDSA", &*ED25519), ("RS256", &*RSA)];
    for (index, (algorithm, pem)) in keys.into_iter().enumerate() {
        let (_, other) = keys[(index + 1) % keys.len()];
        let site = Site::start(&format!("signed-{algorithm}"), &configuration(&public_key_set(pem, "a"))).await;
        let answer = active_body(SHOP, &json!({}));
        let mut for_another = claims(&answer);
        for_another["aud"] = json!("another");

        let token = site.idp.issue(signed(pem, algorithm, &claims(&answer)));
        let allowed = site.gateway.get(ANY).bearer(&token).send().await;
        let inactive = site.get_with(ANY, signed(pem, algorithm, &claims(&json!({"active": false})))).await;
        let plain = site.get_with(ANY, active(SHOP, &json!({}))).await;
        let by_another_key = site.get_with(ANY, signed(other, algorithm, &claims(&answer))).await;
        let for_another = site.get_with(ANY, signed(pem, algorithm, &for_another)).await;

        site.assert_allowed(algorithm, &allowed).await;
        assert_eq!(site.idp.requests_about(&token)[0].header("accept"), Some(MEDIA_TYPE));
        site.assert_denied("inactive", &inactive, &INVALID_TOKEN).await;
        site.assert_denied("plain", &plain, &IDP_ANSWER_MALFORMED).await;
        site.assert_denied("by another key", &by_another_key, &IDP_ANSWER_MALFORMED).await;
        site.assert_denied("for another", &for_another, &IDP_ANSWER_MALFORMED).await;
    }
}

#[tokio::test]
async fn s5_a_certified_identity_providers_signed_answers_are_read() {
    const SHOP_CLIENT: Client<'_> = Client { id: SHOP, secret: "shop secret" };
    const GATEWAY_CLIENT: Client<'_> = Client { id: "gateway", secret: "gateway secret" };
    let client = |id: &str, secret: &str| json!({"client_id": id, "client_secret": secret, "grants": ["client_credentials"], "scope": "order_pizza"});
    let mut gateway = client(GATEWAY_CLIENT.id, GATEWAY_CLIENT.secret);
    gateway["introspection_signed_response_alg"] = json!("ES256");
    let clients = json!([client(SHOP_CLIENT.id, SHOP_CLIENT.secret), gateway]);
    let idp = RealIdp::start("signing-idp", &json!({
        "clients": clients, "users": [], "scopes": ["order_pizza"], "introspectors": [GATEWAY_CLIENT.id], "accessTokenLifetime": 600,
    })).await;
    for (name, jwks, status) in
        [("its-keys", idp.key_set().await, 200), ("other-keys", public_key_set(&P256, "a"), 503)]
    {
        let mut configuration = configuration(&jwks);
        configuration["identityProviders"][0]["issuer"] = json!(idp.issuer);
        configuration["identityProviders"][0]["introspection"]["path"] = json!("/token/introspection");
        let authentication = &mut configuration["identityProviders"][0]["introspection"]["clientAuthentication"];
        authentication["clientId"] = json!(GATEWAY_CLIENT.id);
        let setup = Setup::new(&format!("signing-idp-{name}"), &configuration);
        let gateway = setup.cluster(IDP, idp.address).environment(SECRET_VARIABLE, GATEWAY_CLIENT.secret).start().await;
        let token = idp.application_token(&SHOP_CLIENT, "order_pizza").await;

        let answer = gateway.get(ANY).bearer(&token).send().await;

        assert_eq!(answer.status, status, "{name}");
    }
}
