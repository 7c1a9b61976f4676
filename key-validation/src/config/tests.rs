use serde_json::{Value, json};

use super::*;
use crate::target::{Ambiguities, Pattern};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const KEY: &str = include_str!("../../tests/keys/p256.pem");

fn environment(name: &str) -> Option<String> {
    match name {
        "SECRET" => Some("from the environment".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn sample() -> Value {
    json!({
        "identityProviders": [{
            "name": "corporate",
            "introspection": {
                "cluster": "idp", "authority": "idp.example.com", "path": "/introspect",
                "clientAuthentication": {
                    "method": "client_secret_basic", "clientId": "gateway", "clientSecret": {"env": "SECRET"},
                },
            },
        }],
        "backendJwt": {"issuer": "https://gateway", "signingKey": {"value": KEY}, "forwardClaims": ["email"]},
        "registry": {
            "apis": [{
                "name": "PizzaShack", "version": "1.0.0", "context": "/pizzashack",
                "operations": [{"verb": "GET", "target": "/menu", "authType": "None"}],
            }],
            "applications": [{"id": "shop", "keys": [{"identityProvider": "corporate", "clientId": "abc"}]}],
            "subscriptions": [{"apiId": "PizzaShack-1.0.0", "applicationId": "shop"}],
        },
    })
}

fn parse(configuration: &Value) -> Result<Configuration, ConfigError> {
    Configuration::parse(configuration.to_string().as_bytes(), &environment)
}

/// The sample with the value at a JSON pointer replaced or added.
fn with(pointer: &str, value: Value) -> Value {
    let mut configuration = sample();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = configuration.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items.push(value),
        other => other[member] = value,
    }
    configuration
}

fn refusal(configuration: &Value) -> String {
    parse(configuration).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

#[test]
fn everything_but_the_required_fields_has_its_default() {
    let configuration = parse(&sample()).unwrap();

    let provider = &configuration.identity_providers[0];
    assert_eq!(provider.clock_skew.as_secs(), 5);
    assert_eq!(provider.introspection.timeout.as_secs(), 2);
    assert_eq!(provider.introspection.parameters, [("token_type_hint".to_owned(), "access_token".to_owned())]);
    assert_eq!(provider.introspection.inactive_errors, ["unsupported_token_type"]);
    let backend_jwt = configuration.backend_jwt.unwrap();
    assert_eq!(backend_jwt.header, "x-jwt-assertion");
    assert_eq!(backend_jwt.claim_prefix, "http://wso2.org/claims/");
    let jwks_path = Pattern::parse("/.well-known/gatehouse/jwks.json", Ambiguities::none()).unwrap();
    assert_eq!(backend_jwt.jwks_path, Some(jwks_path));
    assert_eq!(backend_jwt.signing_key.as_ref().unwrap().1.len(), 43);
    assert_eq!(configuration.token_bytes, 4096);
    assert!(!configuration.forward_unmatched && !configuration.forward_authorization);
    assert_eq!(configuration.publish.len(), 3);
}

#[test]
fn a_null_jwks_path_is_not_served() {
    let configuration = parse(&with("/backendJwt/jwksPath", Value::Null)).unwrap();

    assert_eq!(configuration.backend_jwt.unwrap().jwks_path, None);
}

/// Asserts that each configuration is refused with an error that begins so.
fn assert_refused(cases: &[(Value, &str)]) {
    for (configuration, expected) in cases {
        let refusal = refusal(configuration);
        assert!(refusal.starts_with(expected), "expected {expected}\n   found {refusal}");
    }
}

#[test]
fn wrong_settings_are_refused_with_their_path() {
    assert_refused(&[
        (with("/unknown", json!(1)), "unknown: unknown field `unknown`"),
        (with("/realm", json!(7)), "realm: found number, expected a string"),
        (with("/realm", json!("a\"b")), "realm: must be printable ASCII without quote"),
        (with("/tokenBytes", json!(-1)), "tokenBytes: found number, expected a whole number, not negative"),
        (with("/tokenBytes", json!(0)), "tokenBytes: must be 1 to 65536"),
        (with("/unmatched", json!("pass")), "unmatched: unknown variant `pass`"),
        (with("/publish", json!(["decision", "secret"])), "publish[1]: unknown variant `secret`"),
        (
            with("/cache", json!({"introspection": {"sharedEntries": 1000}})),
            "cache.introspection.sharedEntries: must be a power of two from 64 to 1048576",
        ),
    ]);
}

#[test]
fn wrong_identity_providers_are_refused_with_their_path() {
    let provider = |member: &str, value: Value| with(&format!("/identityProviders/0/{member}"), value);
    let introspection = |member: &str, value: Value| provider(&format!("introspection/{member}"), value);
    assert_refused(&[
        (provider("extra", json!(1)), "identityProviders[0].extra: unknown field `extra`"),
        (with("/identityProviders", json!([])), "identityProviders: must name at least one"),
        (provider("name", json!("Corporate")), "identityProviders[0].name: must be 1 to 63 of a-z, 0-9 and `-`"),
        (provider("clockSkew", json!("5")), "identityProviders[0].clockSkew: found \"5\", expected a duration"),
        (provider("tokens", json!([{"any": false}])), "identityProviders[0].tokens: `any` must be true"),
        (provider("tokens", json!([{"regex": "x"}])), "identityProviders[0].tokens[0]: unknown variant `regex`"),
        (provider("tokens", json!([])), "identityProviders[0].tokens: must name at least one shape"),
        (provider("outage", json!({"mode": "stale"})), "identityProviders[0].outage.for: is required by the mode"),
        (provider("outage", json!({"for": "60s"})), "identityProviders[0].outage.for: goes with the mode `stale`"),
        (
            provider("outage", json!({"mode": "stale", "for": "2h"})),
            "identityProviders[0].outage.for: must be above 0 and at most 1h",
        ),
        (provider("breaker", json!({"failures": 0})), "identityProviders[0].breaker: must be above 0"),
        (
            provider("claims", json!({"applicationToken": [{"claim": "a"}]})),
            "identityProviders[0].claims.applicationToken[0]: needs `equals` or `prefix`, one of the two",
        ),
        (introspection("timeout", json!("0s")), "identityProviders[0].introspection.timeout: must be above 0"),
        (introspection("timeout", json!("31s")), "identityProviders[0].introspection.timeout: must be above 0"),
        (introspection("path", json!("x")), "identityProviders[0].introspection.path: must start with `/`"),
        (introspection("cluster", json!("")), "identityProviders[0].introspection.cluster: must be visible ASCII"),
        (provider("issuer", json!("")), "identityProviders[0].issuer: must not be empty"),
        (provider("audience", json!(["a", ""])), "identityProviders[0].audience: must not be empty"),
        (provider("clockSkew", json!("301s")), "identityProviders[0].clockSkew: must be at most 5m"),
        (
            provider("claims", json!({"applicationToken": [{"claim": "sub", "prefix": ""}]})),
            "identityProviders[0].claims.applicationToken[0]: must not be empty",
        ),
        (introspection("inactiveStatuses", json!([404, 401])), "identityProviders[0].introspection.inactiveStatuses: "),
        (introspection("inactiveStatuses", json!([503])), "identityProviders[0].introspection.inactiveStatuses: "),
        (introspection("authority", json!("a/b@c")), "identityProviders[0].introspection.authority: must be a host"),
        (introspection("path", json!("/x#y")), "identityProviders[0].introspection.path: must not have a `#`"),
        (introspection("selfTest", json!(1)), "identityProviders[0].introspection.selfTest: found number, expected"),
        (
            introspection("parameters", json!({"token": "x"})),
            "identityProviders[0].introspection.parameters.token: is sent by the filter itself",
        ),
        (
            introspection("clientAuthentication", json!({"method": "tls_client_auth"})),
            "identityProviders[0].introspection.clientAuthentication.method: unknown variant `tls_client_auth`",
        ),
        (
            introspection("clientAuthentication", json!({"method": "client_secret_post"})),
            "identityProviders[0].introspection.clientAuthentication.clientId: is required by this method",
        ),
        (
            introspection("clientAuthentication/clientSecret", json!({"env": "MISSING"})),
            "identityProviders[0].introspection.clientAuthentication.clientSecret: \
             the environment variable `MISSING` is not set",
        ),
        (
            introspection("clientAuthentication/clientSecret", json!({"env": "EMPTY"})),
            "identityProviders[0].introspection.clientAuthentication.clientSecret: the secret is empty",
        ),
        (
            introspection("clientAuthentication/clientSecret", json!("plain")),
            "identityProviders[0].introspection.clientAuthentication.clientSecret: found string, expected an object",
        ),
        (
            introspection("clientAuthentication/clientSecret", json!({"value": "a", "env": "SECRET"})),
            "identityProviders[0].introspection.clientAuthentication.clientSecret: needs `value` or `env`",
        ),
        (
            introspection("clientAuthentication/clientSecret", json!({})),
            "identityProviders[0].introspection.clientAuthentication.clientSecret: needs `value` or `env`",
        ),
    ]);
}

#[test]
fn wrong_client_assertions_are_refused_with_their_path() {
    let authentication = |changes: Value| {
        let mut authentication = json!({"method": "private_key_jwt", "clientId": "g", "signingKey": {"value": KEY}});
        for (name, value) in changes.as_object().unwrap() {
            authentication[name] = value.clone();
        }
        with("/identityProviders/0/introspection/clientAuthentication", authentication)
    };
    for (changes, expected) in [
        (json!({}), "audience: is required by this method where the identity provider has no `issuer`"),
        (json!({"audience": ""}), "audience: is required by this method"),
        (json!({"clientId": null}), "clientId: is required by this method"),
        (json!({"signingKey": null}), "signingKey: is required by this method"),
        (json!({"signingKey": {"value": "x"}}), "signingKey: is not a PKCS#8 private key"),
        (json!({"signingKey": {"env": "MISSING"}}), "signingKey: the environment variable `MISSING` is not set"),
        (json!({"audience": "https://idp", "keyId": ""}), "keyId: must not be empty"),
        (json!({"audience": "https://idp", "clientSecret": {"value": "x"}}), "clientSecret: goes with another method"),
        (json!({"method": "client_secret_post"}), "signingKey: goes with another method"),
        (json!({"method": "client_secret_basic", "signingKey": null, "audience": "x"}), "audience: goes with another"),
    ] {
        let expected = format!("identityProviders[0].introspection.clientAuthentication.{expected}");
        assert_refused(&[(authentication(changes), &expected)]);
    }
}

#[test]
fn a_client_assertion_is_for_the_issuer_unless_it_is_for_another_audience() {
    let audience = |audience: Value| {
        let mut configuration = sample();
        configuration["identityProviders"][0]["issuer"] = json!("https://issuer");
        configuration["identityProviders"][0]["introspection"]["clientAuthentication"] = json!({
            "method": "private_key_jwt", "clientId": "g", "signingKey": {"value": KEY}, "audience": audience,
        });
        let mut providers = parse(&configuration).unwrap().identity_providers;
        match providers.remove(0).introspection.client_authentication {
            ClientAuthentication::PrivateKeyJwt(assertion) => assertion.audience,
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(audience(Value::Null), "https://issuer");
    assert_eq!(audience(json!("https://issuer/token")), "https://issuer/token");
}

#[test]
fn wrong_backend_jwt_settings_are_refused_with_their_path() {
    assert_refused(&[
        (with("/backendJwt/signingKey", json!({"value": "x"})), "backendJwt.signingKey: is not a PKCS#8 private key"),
        (with("/backendJwt/lifetime", json!("0s")), "backendJwt.lifetime: must be 1s to 24h"),
        (with("/backendJwt/header", json!("a b")), "backendJwt.header: must be visible ASCII"),
        (with("/backendJwt/issuer", json!("")), "backendJwt.issuer: must not be empty"),
        (with("/backendJwt/header", json!("TE")), "backendJwt.header: `te` means something else"),
        (with("/backendJwt/header", json!("a:b")), "backendJwt.header: must be a header name"),
        (with("/backendJwt/header", json!("Authorization")), "backendJwt.header: `authorization` means something else"),
        (with("/backendJwt/jwksPath", json!("jwks")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/jwksPath", json!("/")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/jwksPath", json!("/a/*")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/jwksPath", json!("/{a}")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/jwksPath", json!("/a?b")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/jwksPath", json!("/a/../b")), "backendJwt.jwksPath: must be a plain path"),
        (with("/backendJwt/keyId", json!("")), "backendJwt.keyId: must not be empty"),
        (
            with("/backendJwt/forwardClaims", json!(["email", "sub"])),
            "backendJwt.forwardClaims[1]: `sub` is a claim that the gateway itself makes",
        ),
        (
            with("/backendJwt/forwardClaims", json!(["http://wso2.org/claims/subscriber"])),
            "backendJwt.forwardClaims[0]: `http://wso2.org/claims/subscriber` is a claim that the gateway itself makes",
        ),
        (
            with("/backendJwt/forwardClaims", json!(["http://wso2.org/claims/identity/x"])),
            "backendJwt.forwardClaims[0]: `http://wso2.org/claims/identity/x` is never forwarded",
        ),
    ]);
}

#[test]
fn wrong_records_are_refused_with_their_path() {
    let taken = json!({"name": "B", "version": "1.0.0", "context": "pizzashack/", "operations": []});
    let same_id = json!({"id": "PizzaShack-1.0.0", "name": "B", "version": "1", "context": "b", "operations": []});
    let operations = json!([{"verb": "GET", "target": "/a/{x}"}, {"verb": "GET", "target": "/a/{y}"}]);
    let first_api = |member: &str, value: Value| with(&format!("/registry/apis/0/{member}"), value);
    assert_refused(&[
        (first_api("context", json!("/")), "registry.apis[0].context: must name at least one segment"),
        (first_api("context", json!("/a/{version}")), "registry.apis[0].context: must be a plain path"),
        (first_api("context", json!("/a//b")), "registry.apis[0].context: has an ambiguous segment"),
        (first_api("version", json!("")), "registry.apis[0].version: must not be empty"),
        (first_api("version", json!("..")), "registry.apis[0].version: has an ambiguous segment"),
        (first_api("hosts", json!(["a b"])), "registry.apis[0].hosts[0]: is not a host name"),
        (first_api("hosts", json!(["*.example.com"])), "registry.apis[0].hosts[0]: is not a host name"),
        (first_api("enforcement", json!("off")), "registry.apis[0].enforcement: unknown variant `off`"),
        (
            first_api("reportAuthentication", json!(true)),
            "registry.apis[0].reportAuthentication: goes with the enforcement",
        ),
        (
            first_api("identityProviders", json!(["nobody"])),
            "registry.apis[0].identityProviders[0]: there is no identity provider `nobody`",
        ),
        (first_api("operations/0/verb", json!("get")), "registry.apis[0].operations[0].verb: unknown variant `get`"),
        (
            first_api("operations/0/target", json!("/a{b}")),
            "registry.apis[0].operations[0].target: has braces that are not one whole `{parameter}` segment",
        ),
        (first_api("operations/0/scopes", json!(["a b"])), "registry.apis[0].operations[0].scopes[0]: not a scope"),
        (
            first_api("operations", operations),
            "registry.apis[0].operations[1].target: matches the same as another operation",
        ),
        (
            with("/registry/apis/-", taken),
            "registry.apis[1].context: `PizzaShack-1.0.0` and `B-1.0.0` have the same base path on the same host",
        ),
        (with("/registry/apis/-", same_id), "registry.apis[1].id: `PizzaShack-1.0.0` is there twice"),
        (
            with("/registry/applications/-", json!({"id": "shop", "keys": []})),
            "registry.applications[1].id: `shop` is there twice",
        ),
        (
            with("/registry/applications/0/keys/-", json!({"identityProvider": "corporate", "clientId": "abc"})),
            "registry.applications[0].keys[1].clientId: `abc` is there twice for `corporate`",
        ),
        (
            with("/registry/applications/0/keys/-", json!({"identityProvider": "x", "clientId": "y"})),
            "registry.applications[0].keys[1].identityProvider: there is no identity provider `x`",
        ),
        (
            with("/registry/subscriptions/-", json!({"apiId": "x", "applicationId": "shop"})),
            "registry.subscriptions[1].apiId: there is no API `x`",
        ),
        (
            with("/registry/subscriptions/-", json!({"apiId": "PizzaShack-1.0.0", "applicationId": "x"})),
            "registry.subscriptions[1].applicationId: there is no application `x`",
        ),
        (
            with("/registry/subscriptions/-", json!({"apiId": "PizzaShack-1.0.0", "applicationId": "shop"})),
            "registry.subscriptions[1]: `shop` is subscribed to `PizzaShack-1.0.0` twice",
        ),
        (
            with("/registry/revocations", json!([{"kind": "all", "action": "deny"}])),
            "registry.revocations[0]: missing field `expiresAt`",
        ),
        (
            with("/registry/revocations", json!([{"kind": "jti", "action": "deny", "expiresAt": 9}])),
            "registry.revocations[0].value: is required",
        ),
        (
            with("/registry/revocations", json!([{"kind": "token", "value": "x", "action": "deny", "expiresAt": 9}])),
            "registry.revocations[0].value: must be the base64url SHA-256 of the token",
        ),
        (
            with("/registry/revocations", json!([{"kind": "client", "value": "x", "action": "slow", "expiresAt": 9}])),
            "registry.revocations[0].action: ",
        ),
        (
            with(
                "/registry/revocations",
                json!([{"kind": "all", "action": "deny", "expiresAt": 9, "identityProvider": "nobody"}]),
            ),
            "registry.revocations[0].identityProvider: there is no identity provider `nobody`",
        ),
        (with("/registry/apis/-", json!({"name": "A"})), "registry.apis[1]: missing field `version`"),
        (with("/registry/apis/0/isDefaultVersion", json!("yes")), "registry.apis[0].isDefaultVersion: found string"),
    ]);
}

#[test]
fn a_context_without_its_slash_gets_one() {
    let api = json!({"name": "A", "version": "1", "context": "a", "operations": []});

    assert_eq!(refusal(&with("/registry/apis/-", api)), "accepted");
}

#[test]
fn text_that_is_no_configuration_is_refused() {
    for (text, expected) in [
        (&b""[..], "$: the plugin configuration is empty"),
        (b" \n", "$: the plugin configuration is empty"),
        (b"{", "$: EOF while parsing an object"),
        (b"[]", "$: found array, expected an object"),
        (b"{} x", "$: trailing characters"),
        (b"\xff", "$: invalid utf-8"),
        (br#"{"realm":"a","realm":"b"}"#, "$: the member `realm` is there twice"),
        (b"{}", "$: missing field `identityProviders`"),
    ] {
        let error = Configuration::parse(text, &environment).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn two_versions_may_share_a_context_but_not_be_both_the_default() {
    let other = |default: bool| json!({"name": "P", "version": "2", "context": "/pizzashack", "isDefaultVersion": default, "operations": []});
    let mut configuration = with("/registry/apis/-", other(true));
    assert_eq!(refusal(&configuration), "accepted");

    configuration["registry"]["apis"][0]["isDefaultVersion"] = json!(true);
    assert!(refusal(&configuration).starts_with("registry.apis[1].context: "));
}

#[test]
fn apis_on_different_hosts_may_share_a_base_path() {
    let other = |hosts: Value| json!({"name": "P", "version": "1.0.0", "context": "/pizzashack", "hosts": hosts, "operations": []});
    assert_eq!(refusal(&with("/registry/apis/-", other(json!(["a.example"])))), "accepted");
    let mut configuration = with("/registry/apis/-", other(json!(["A.example."])));
    configuration["registry"]["apis"][0]["hosts"] = json!(["a.example:80"]);
    assert!(refusal(&configuration).starts_with("registry.apis[1].context: "));
    let twice_in_one = with("/registry/apis/0/hosts", json!(["a.example", "A.example:80"]));
    assert_eq!(refusal(&twice_in_one), "accepted");
}

#[test]
fn no_error_and_no_debug_output_shows_a_secret() {
    let secret = "s3cr3t-s3cr3t";
    let pointer = "/identityProviders/0/introspection/clientAuthentication/clientSecret";
    let mut configuration = with(pointer, json!({"value": secret}));
    let shown = format!("{:?}", parse(&configuration).unwrap());
    assert!(!shown.contains(secret) && !shown.contains("gateway:"), "{shown}");

    for signing_key in
        [json!({"value": secret}), json!(secret), json!([secret]), json!({"env": secret, "value": secret})]
    {
        configuration["backendJwt"]["signingKey"] = signing_key;
        let refusal = refusal(&configuration);
        assert!(refusal.starts_with("backendJwt.signingKey") && !refusal.contains(secret), "{refusal}");
    }
}

#[test]
fn whatever_changes_the_question_or_what_is_kept_changes_the_fingerprint() {
    let fingerprint = |configuration: &Value| parse(configuration).unwrap().identity_providers[0].fingerprint.clone();
    let provider = |member: &str, value: Value| with(&format!("/identityProviders/0/{member}"), value);
    let original = fingerprint(&sample());
    for configuration in [
        provider("issuer", json!("https://x")),
        provider("tokens", json!([{"prefix": "x"}])),
        provider("audience", json!(["x"])),
        provider("clockSkew", json!("6s")),
        provider("claims", json!({"clientId": ["x"]})),
        provider("claims", json!({"subject": ["x"]})),
        provider("claims", json!({"username": ["x"]})),
        provider("claims", json!({"scope": ["x"]})),
        provider("claims", json!({"applicationToken": [{"claim": "a", "equals": "b"}]})),
        provider("introspection/cluster", json!("x")),
        provider("introspection/authority", json!("x")),
        provider("introspection/path", json!("/x")),
        provider("introspection/parameters", json!({"x": "y"})),
        provider("introspection/inactiveStatuses", json!([404])),
        provider("introspection/inactiveErrors", json!([])),
        provider("introspection/clientAuthentication/method", json!("client_secret_post")),
        provider("introspection/clientAuthentication/clientId", json!("x")),
        provider("introspection/clientAuthentication/clientSecret", json!({"value": "x"})),
        provider("introspection/clientAuthentication/encoding", json!("raw")),
        with("/cache", json!({"introspection": {"maximumLifetime": "1s"}})),
        with("/cache", json!({"introspection": {"inactiveLifetime": "1s"}})),
        with("/backendJwt/forwardClaims", json!(["groups"])),
    ] {
        assert_ne!(fingerprint(&configuration), original, "{configuration}");
    }
    let by_key = |pem: &'static str| {
        let authentication =
            json!({"method": "private_key_jwt", "clientId": "g", "audience": "a", "signingKey": {"env": "SECRET"}});
        let configuration = with("/identityProviders/0/introspection/clientAuthentication", authentication);
        let environment = move |_: &str| Some(pem.to_owned());
        let configuration = Configuration::parse(configuration.to_string().as_bytes(), &environment);
        configuration.unwrap().identity_providers[0].fingerprint.clone()
    };
    assert_ne!(by_key(KEY), by_key(include_str!("../../tests/keys/ed25519.pem")), "the key behind the same variable");
    let rotated = |_: &str| Some("another secret".to_owned());
    let rotated = Configuration::parse(sample().to_string().as_bytes(), &rotated).unwrap();
    assert_ne!(rotated.identity_providers[0].fingerprint, original, "the secret behind the same variable");
    assert_eq!(fingerprint(&with("/realm", json!("x"))), original);
}

#[test]
fn s3_warns_of_targets_that_a_laxer_operation_serves_for_another_verb() {
    let operation = |verb: &str, target: &str, scopes: Value| json!({"verb": verb, "target": target, "scopes": scopes});
    let operations = json!([
        operation("GET", "/order/special", json!(["special"])),
        operation("GET", "/order/{id}", json!([])),
        operation("DELETE", "/order/{id}", json!([])),
        operation("HEAD", "/order/{id}", json!([])),
        operation("PUT", "/order/{id}", json!(["write"])),
        operation("PATCH", "/other", json!([])),
        {"verb": "POST", "target": "/*", "authType": "None"},
    ]);
    let configuration = parse(&with("/registry/apis/0/operations", operations)).unwrap();

    let warnings: Vec<String> = configuration.registry.unwrap().warnings();

    let expected = [
        "GET /order/special is shadowed for DELETE by the laxer DELETE /order/{id}",
        "GET /order/special is shadowed for POST by the laxer POST /*",
        "DELETE /order/{id} is shadowed for POST by the laxer POST /*",
        "GET /order/{id} is shadowed for POST by the laxer POST /*",
        "HEAD /order/{id} is shadowed for POST by the laxer POST /*",
        "PUT /order/{id} is shadowed for POST by the laxer POST /*",
        "PATCH /other is shadowed for POST by the laxer POST /*",
    ];
    assert_eq!(warnings, expected.map(|warning| format!("API `PizzaShack-1.0.0`: {warning}")));
}

#[test]
fn an_api_takes_tokens_of_a_shape_from_one_identity_provider() {
    let second = |tokens: Value| {
        let mut second = sample()["identityProviders"][0].clone();
        second["name"] = json!("second");
        second["tokens"] = tokens;
        with("/identityProviders/-", second)
    };
    let ambiguous = "registry.apis[0].identityProviders: `corporate` and `second` both claim tokens of one shape: \
                     a token is never tried at one after the other";
    assert_eq!(refusal(&second(json!([{"prefix": "x"}, {"any": true}]))), ambiguous);
    assert_eq!(refusal(&second(json!([{"prefix": "x"}]))), "accepted");

    let mut apart = second(json!([{"any": true}]));
    apart["registry"]["apis"][0]["identityProviders"] = json!(["second"]);
    assert_eq!(refusal(&apart), "accepted");
    apart["registry"]["apis"][0]["identityProviders"] = json!(["second", "second"]);
    assert!(refusal(&apart).starts_with("registry.apis[0].identityProviders: "));

    let mut twice = second(json!([{"prefix": "x"}]));
    twice["identityProviders"][1]["name"] = json!("corporate");
    assert_eq!(refusal(&twice), "identityProviders[1].name: `corporate` is there twice");
}

fn with_key_manager() -> Value {
    let mut configuration = sample();
    configuration["keyManager"] = json!({
        "cluster": "key-manager", "authority": "km.internal", "credential": {"value": "s3cret"}, "gateway": "edge-1",
    });
    configuration
}

#[test]
fn a_key_manager_may_stand_in_for_the_registry_or_beside_it() {
    let mut configuration = with_key_manager();
    let settings = parse(&configuration).unwrap().key_manager.unwrap();
    assert_eq!((settings.cluster.as_str(), settings.authority.as_str()), ("key-manager", "km.internal"));
    assert_eq!((settings.gateway.as_str(), settings.tick.as_millis()), ("edge-1", 250));
    assert!(!format!("{settings:?}").contains(settings.credential.expose()));

    configuration.as_object_mut().unwrap().remove("registry");
    assert!(parse(&configuration).unwrap().registry.is_none());
    configuration.as_object_mut().unwrap().remove("keyManager");
    assert_eq!(refusal(&configuration), "$: missing field `registry`, or `keyManager`");
}

#[test]
fn wrong_key_manager_settings_are_refused_with_their_path() {
    for (member, value, expected) in [
        ("cluster", json!("key manager"), "keyManager.cluster: must be visible ASCII"),
        ("authority", json!("http://km"), "keyManager.authority: must be a host"),
        ("credential", json!({"env": "ABSENT"}), "keyManager.credential: the environment variable `ABSENT` is not set"),
        ("credential", json!({"value": "a b"}), "keyManager.credential: must be visible ASCII"),
        ("gateway", json!(""), "keyManager.gateway: must be 1 to 63 of"),
        ("gateway", json!("edge 1"), "keyManager.gateway: must be 1 to 63 of"),
        ("tick", json!("1ms"), "keyManager.tick: must be 10ms to 10s"),
        ("tick", json!("11s"), "keyManager.tick: must be 10ms to 10s"),
        ("tickk", json!("1s"), "keyManager.tickk: unknown field"),
    ] {
        let mut configuration = with_key_manager();
        configuration["keyManager"][member] = value;
        assert!(refusal(&configuration).starts_with(expected), "{}", refusal(&configuration));
    }
}

#[test]
fn the_key_manager_can_be_asked_about_tokens() {
    let mut configuration = with_key_manager();
    configuration["identityProviders"][0]["introspection"] = json!({"keyManager": true, "timeout": "3s"});
    let parsed = parse(&configuration).unwrap();
    let endpoint = &parsed.identity_providers[0].introspection;
    assert_eq!((endpoint.cluster.as_str(), endpoint.authority.as_str()), ("key-manager", "km.internal"));
    assert_eq!((endpoint.path.as_str(), endpoint.timeout.as_secs()), ("/oauth2/introspect", 3));
    assert_eq!(endpoint.retries, ("reset", "3"), "whatever has become of the question");
    let name = parsed.identity_providers[0].name.clone();
    assert!(endpoint.parameters.contains(&("identity_provider".to_owned(), name)));
    let ClientAuthentication::Header(credentials) = &endpoint.client_authentication else { panic!("{endpoint:?}") };
    assert!(credentials.expose().starts_with("Bearer "));

    for (member, value, expected) in [
        ("keyManager", json!(false), ": missing field `cluster`"),
        ("keyManager", json!(1), ".keyManager: found number, expected true or false"),
        ("cluster", json!("idp"), ".cluster: unknown field"),
        ("signedResponse", json!({}), ".signedResponse: unknown field"),
        (
            "parameters",
            json!({"identity_provider": "x"}),
            ".parameters.identity_provider: is sent by the filter itself",
        ),
    ] {
        let mut wrong = configuration.clone();
        wrong["identityProviders"][0]["introspection"][member] = value;
        let expected = format!("identityProviders[0].introspection{expected}");
        assert!(refusal(&wrong).starts_with(&expected), "{}", refusal(&wrong));
    }
    configuration.as_object_mut().unwrap().remove("keyManager");
    let expected = "identityProviders[0].introspection.keyManager: needs the section `keyManager`";
    assert_eq!(refusal(&configuration), expected);
}

#[test]
fn backend_jwts_can_be_signed_by_the_key_managers_keys() {
    let mut configuration = with_key_manager();
    configuration["backendJwt"]["signingKey"] = json!({"keyManager": true});
    configuration["backendJwt"].as_object_mut().unwrap().remove("keyId");
    assert!(parse(&configuration).unwrap().backend_jwt.unwrap().signing_key.is_none());

    for (member, value, expected) in [
        ("keyId", json!("k1"), "backendJwt.keyId: comes with the key manager's keys"),
        (
            "signingKey",
            json!({"keyManager": 1}),
            "backendJwt.signingKey.keyManager: found number, expected true or false",
        ),
        ("signingKey", json!({"keyManager": false}), "backendJwt.signingKey: needs `value` or `env`"),
        (
            "signingKey",
            json!({"keyManager": true, "env": "K"}),
            "backendJwt.signingKey: needs `value`, `env` or `keyManager`",
        ),
    ] {
        let mut wrong = configuration.clone();
        wrong["backendJwt"][member] = value;
        assert!(refusal(&wrong).starts_with(expected), "{}", refusal(&wrong));
    }
    configuration.as_object_mut().unwrap().remove("keyManager");
    assert_eq!(refusal(&configuration), "backendJwt.signingKey.keyManager: needs the section `keyManager`");
}
