//! BEHAVIOUR.md section 5: a gateway that authenticates itself at the identity provider by a key.

use serde_json::{Value, json};

use super::configuration::{self, IDP, IDP_ISSUER};
use super::fixtures::Site;
use super::harness::backend_jwt::{BackendJwt, ED25519, P256, RSA, public_key_set};
use super::harness::clock;
use super::harness::gateway::Setup;
use super::harness::real_idp::{Client, RealIdp};
use super::harness::script::active;
use super::harness::scripted_idp::IntrospectionRequest;
use super::registry::{ANY, SHOP};

const GATEWAY: &str = "gateway";
const KEY_ID: &str = "gateway-1";

fn authentication(pem: &str) -> Value {
    json!({"method": "private_key_jwt", "clientId": GATEWAY, "signingKey": {"value": pem}, "keyId": KEY_ID})
}

/// The assertion of a request, its signature verified.
fn assertion(request: &IntrospectionRequest, pem: &str) -> BackendJwt {
    let form = request.form();
    let field = |name: &str| form.iter().find(|field| field.0 == name).map(|field| field.1.as_str());
    assert_eq!(field("client_assertion_type"), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    assert_eq!((field("client_secret"), request.header("authorization")), (None, None));
    BackendJwt::verify(field("client_assertion").expect("an assertion"), &public_key_set(pem, KEY_ID))
}

#[tokio::test]
async fn s5_each_call_is_signed_by_the_key_for_itself() {
    for (name, pem) in [("ES256", &*P256), ("EdDSA", &*ED25519), ("RS256", &*RSA)] {
        let mut configuration =
            configuration::small_with_introspection([("clientAuthentication", authentication(pem))]);
        configuration["identityProviders"][0]["issuer"] = json!(IDP_ISSUER);
        let site = Site::start(&format!("private-key-jwt-{name}"), &configuration).await;

        let mut ids = Vec::new();
        for _ in 0..2 {
            let token = site.idp.issue(active(SHOP, &json!({})));
            site.assert_allowed(name, &site.gateway.get(ANY).bearer(&token).send().await).await;

            let BackendJwt { header, mut claims } = assertion(&site.idp.requests_about(&token)[0], pem);
            assert_eq!(header, json!({"alg": name, "typ": "JWT", "kid": KEY_ID}));
            ids.push(claims["jti"].take());
            let issued_at = claims["iat"].as_i64().expect("iat");
            assert!((clock::now() - issued_at).abs() <= 30, "iat {issued_at}");
            let expected = json!({
                "iss": GATEWAY, "sub": GATEWAY, "aud": IDP_ISSUER, "iat": issued_at, "exp": issued_at + 60, "jti": null,
            });
            assert_eq!(claims, expected, "{name}");
        }
        assert!(ids.iter().all(|id| id.as_str().is_some_and(|id| id.len() >= 20)) && ids[0] != ids[1], "{ids:?}");
    }
}

#[tokio::test]
async fn s5_a_certified_identity_provider_accepts_the_key_and_no_other() {
    const SHOP_CLIENT: Client<'_> = Client { id: SHOP, secret: "shop secret" };
    for (algorithm, pem, other) in [("ES256", &*P256, &*ED25519), ("RS256", &*RSA, &*P256)] {
        let idp = RealIdp::start(
            &format!("key-idp-{algorithm}"),
            &json!({
                "clients": [
                    {
                        "client_id": SHOP_CLIENT.id, "client_secret": SHOP_CLIENT.secret,
                        "grants": ["client_credentials"], "scope": "order_pizza",
                    },
                    {
                        "client_id": GATEWAY, "grants": ["client_credentials"],
                        "token_endpoint_auth_method": "private_key_jwt",
                        "token_endpoint_auth_signing_alg": algorithm,
                        "jwks": public_key_set(pem, KEY_ID),
                    },
                ],
                "users": [], "scopes": ["order_pizza"], "introspectors": [GATEWAY], "accessTokenLifetime": 600,
            }),
        )
        .await;
        for (key, pem, status) in [("its key", pem, 200), ("another key", other, 503)] {
            let members = [("clientAuthentication", authentication(pem)), ("path", json!("/token/introspection"))];
            let mut configuration = configuration::small_with_introspection(members);
            configuration["identityProviders"][0]["issuer"] = json!(idp.issuer);
            let setup = Setup::new(&format!("key-{algorithm}-{status}"), &configuration);
            let gateway = setup.cluster(IDP, idp.address).start().await;
            // The second is asked for after the first assertion has been used up.
            for _ in 0..2 {
                let token = idp.application_token(&SHOP_CLIENT, "order_pizza").await;

                let answer = gateway.get(ANY).bearer(&token).send().await;

                assert_eq!(answer.status, status, "{algorithm}, {key}");
            }
        }
    }
}
