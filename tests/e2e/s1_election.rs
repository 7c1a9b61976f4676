//! BEHAVIOUR.md section 1, row 9: one identity provider is asked about a token, by the API's list and the token's shape.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::configuration::{self, IDP, SECRET, SECRET_VARIABLE};
use super::denials::{INVALID_TOKEN, NO_SUBSCRIPTION};
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::active;
use super::harness::scripted_idp::ScriptedIdp;
use super::registry::{ANY, SHOP};

/// An operation of an API that takes tokens of the partner's alone.
const PARTNERS: &str = "/partners/1.0.0/any";
const PARTNER: &str = "partner";
const PARTNER_ISSUER: &str = "https://partner.example.com";

/// The site's own identity provider answers for every token that none of the partner's shapes fits.
struct TwoProviders {
    site: Site,
    partner: ScriptedIdp,
}

async fn two_providers() -> &'static TwoProviders {
    static PROVIDERS: OnceCell<TwoProviders> = OnceCell::const_new();
    PROVIDERS
        .get_or_init(async || {
            let (idp, partner) = (ScriptedIdp::start(), ScriptedIdp::start());
            let gateway = Setup::new("election", &configuration())
                .cluster(IDP, idp.address)
                .cluster(PARTNER, partner.address)
                .environment(SECRET_VARIABLE, SECRET)
                .start()
                .await;
            TwoProviders { site: Site { gateway, idp }, partner }
        })
        .await
}

fn configuration() -> Value {
    let mut configuration = configuration::small();
    let mut partner = configuration::identity_provider();
    partner["name"] = json!(PARTNER);
    partner["introspection"]["cluster"] = json!(PARTNER);
    partner["tokens"] = json!([{"prefix": "partner_"}, {"issuer": PARTNER_ISSUER}]);
    configuration["identityProviders"].as_array_mut().expect("a list").push(partner);
    let mut api = configuration["registry"]["apis"][0].clone();
    api["name"] = json!("Partners");
    api["context"] = json!("/partners");
    api["identityProviders"] = json!([PARTNER]);
    configuration["registry"]["apis"].as_array_mut().expect("a list").push(api);
    configuration["registry"]["applications"][0]["keys"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"identityProvider": PARTNER, "clientId": "partner-client"}));
    configuration["registry"]["subscriptions"]
        .as_array_mut()
        .expect("a list")
        .push(json!({"apiId": "Partners-1.0.0", "applicationId": "shop"}));
    configuration
}

/// Something that looks like a JWT of this issuer; nothing vouches for it.
fn jwt(issuer: &str) -> String {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.c2lnbmF0dXJl", part(json!({"alg": "none"})), part(json!({"iss": issuer})))
}

#[tokio::test]
async fn s1_9_a_token_is_asked_about_where_its_shape_says_and_nowhere_else() {
    let TwoProviders { site, partner } = two_providers().await;
    for (name, token, at_partner) in [
        ("no shape", "opaque-1".to_owned(), false),
        ("the partner's prefix", "partner_1".to_owned(), true),
        ("the prefix in another case", "Partner_1".to_owned(), false),
        ("the partner's issuer", jwt(PARTNER_ISSUER), true),
        ("another issuer", jwt("https://other.example.com"), false),
        ("the issuer with a slash", jwt(&format!("{PARTNER_ISSUER}/")), false),
        ("no JSON where claims should be", "a.b.c".to_owned(), false),
    ] {
        site.idp.script(&token, [active(SHOP, &json!({}))]);
        partner.script(&token, [active("partner-client", &json!({}))]);

        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        site.assert_allowed(name, &answer).await;
        let asked = (site.idp.calls_about(&token), partner.calls_about(&token));
        assert_eq!(asked, if at_partner { (0, 1) } else { (1, 0) }, "{name}");
    }
}

#[tokio::test]
async fn s1_9_a_token_of_an_identity_provider_that_the_api_does_not_name_is_401_900901() {
    let TwoProviders { site, partner } = two_providers().await;
    let token = site.idp.issue(active(SHOP, &json!({})));
    partner.script(&token, [active("partner-client", &json!({}))]);

    let answer = site.gateway.get(PARTNERS).bearer(&token).send().await;

    site.assert_denied("a token of no shape", &answer, &INVALID_TOKEN).await;
    assert_eq!((site.idp.calls_about(&token), partner.calls_about(&token)), (0, 0));
}

#[tokio::test]
async fn s1_13_a_client_id_counts_at_its_own_identity_provider_alone() {
    let TwoProviders { site, partner } = two_providers().await;
    let token = "partner_with_a_client_of_the_other";
    partner.script(token, [active(SHOP, &json!({}))]);

    let answer = site.gateway.get(ANY).bearer(token).send().await;

    site.assert_denied("a client id of the other", &answer, &NO_SUBSCRIPTION).await;
}
