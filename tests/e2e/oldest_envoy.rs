//! A smoke run on the oldest Envoy supported, which has no `sign` function.

use serde_json::json;

use super::configuration::{self, IDP_ISSUER, SECRET, SECRET_VARIABLE};
use super::denials::{INSUFFICIENT_SCOPE, INVALID_TOKEN, MISSING_CREDENTIALS};
use super::fixtures::Site;
use super::harness::backend_jwt::{P256, RSA};
use super::harness::gateway::Setup;
use super::harness::place;
use super::harness::script::{Script, active};
use super::registry::{ANY, MENU, SHOP};

async fn start() -> Site {
    let setup = Setup::new("oldest-envoy", &configuration::shop()).envoy(place::oldest_envoy());
    Site::start_with(setup).await
}

#[tokio::test]
async fn the_oldest_envoy_decides_remembers_and_signs_in_the_filter() {
    let site = start().await;
    let token = site.idp.issue(active(SHOP, &json!({"sub": "alice"})));

    let public = site.gateway.get(MENU).send().await;
    let first = site.gateway.get(ANY).bearer(&token).send().await;
    let second = site.gateway.get(ANY).bearer(&token).send().await;
    let missing = site.gateway.get(ANY).send().await;
    let inactive = site.get_with(ANY, Script::inactive()).await;
    let unscoped = site.get_with("/all-scopes/1.0.0/both", active(SHOP, &json!({}))).await;

    public.echo();
    let jwt = site.backend_jwt(&first).await;
    assert_eq!((&jwt.claims["sub"], &jwt.header["alg"]), (&json!("alice"), &json!("ES256")));
    second.echo();
    assert_eq!(site.idp.calls_about(&token), 1);
    site.assert_denied("missing", &missing, &MISSING_CREDENTIALS).await;
    site.assert_denied("inactive", &inactive, &INVALID_TOKEN).await;
    site.assert_denied("unscoped", &unscoped, &INSUFFICIENT_SCOPE).await;

    let log = site.gateway.log();
    let signer = log.lines().find(|line| line.contains("backendJwt.signingKey: ")).unwrap_or_default();
    println!("{signer}");
    assert!(signer.contains("backendJwt.signingKey: ES256 signed by jwt-compact"), "{log}");
}

#[tokio::test]
async fn the_oldest_envoy_refuses_a_key_that_only_the_host_could_sign_with() {
    let mut configuration = configuration::shop();
    configuration["backendJwt"]["signingKey"] = json!({"value": *RSA});
    let setup = Setup::new("oldest-envoy-rsa", &configuration).envoy(place::oldest_envoy());

    let log = setup.environment(SECRET_VARIABLE, SECRET).refusal().await;

    assert!(log.contains("backendJwt.signingKey: RS256 needs a proxy that signs"), "{log}");
}

#[tokio::test]
async fn the_oldest_envoy_refuses_to_authenticate_the_gateway_by_a_key_that_only_the_host_could_sign_with() {
    for (name, key, is_refused) in [("rsa", &*RSA, true), ("p256", &*P256, false)] {
        let authentication = json!({"method": "private_key_jwt", "clientId": "gateway", "signingKey": {"value": key}});
        let mut configuration = configuration::small_with_introspection([("clientAuthentication", authentication)]);
        configuration["identityProviders"][0]["issuer"] = json!(IDP_ISSUER);
        let setup = Setup::new(&format!("oldest-envoy-assertion-{name}"), &configuration).envoy(place::oldest_envoy());

        if is_refused {
            let log = setup.environment(SECRET_VARIABLE, SECRET).refusal().await;

            let told =
                "identityProviders[0].introspection.clientAuthentication.signingKey: RS256 needs a proxy that signs";
            assert!(log.contains(told), "{log}");
        } else {
            let site = Site::start_with(setup).await;
            site.assert_allowed(name, &site.get_with(ANY, active(SHOP, &json!({}))).await).await;
        }
    }
}
