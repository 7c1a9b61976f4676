use std::cell::RefCell;
use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::cache::tests::FakeSharedData;
use crate::handler::StandardHandler;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// Counts events by name.
#[derive(Default)]
struct Counts(RefCell<HashMap<String, u32>>);

impl Telemetry for Counts {
    fn record(&self, event: Event<'_>) {
        let name = match event {
            Event::CacheLookup { result } => format!("lookup {result}"),
            Event::IntrospectionCall { identity_provider, outcome, .. } => {
                format!("call {identity_provider} {outcome}")
            }
            Event::BackendJwtMinted => "minted".to_owned(),
        };
        *self.0.borrow_mut().entry(name).or_default() += 1;
    }
}

/// A gateway with an identity provider that answers every token with the same document.
pub(super) struct Fixture {
    pub(super) gateway: Gateway,
    pub(super) shared: FakeSharedData,
    counts: Counts,
    pub(super) answer: Value,
    pub(super) now: u64,
}

const NOW: u64 = 10_000;

pub(super) fn configuration() -> Value {
    let operations = json!([
        {"verb": "GET", "target": "/menu", "authType": "None"},
        {"verb": "GET", "target": "/order", "scopes": ["read"]},
        {"verb": "POST", "target": "/order", "scopes": ["order", "admin"]},
        {"verb": "GET", "target": "/order/{id}", "authType": "Application_User"},
        {"verb": "PUT", "target": "/order/{id}", "authType": "Application"},
        {"verb": "GET", "target": "/order/special"},
        {"verb": "GET", "target": "/*"},
    ]);
    let api = |name: &str| json!({"name": name, "version": "1", "context": name, "operations": operations});
    let with = |mut api: Value, member: &str, value: Value| {
        api[member] = value;
        api
    };
    let application = |id: &str, client: &str, key_type: &str| {
        let key = json!({"identityProvider": "idp", "clientId": client, "keyType": key_type});
        json!({"id": id, "name": id.to_uppercase(), "owner": "bob", "attributes": {"team": "x"}, "keys": [key]})
    };
    let subscription = |application: &str, state: &str| json!({"apiId": "pizza-1", "applicationId": application, "tier": "Gold", "state": state});
    json!({
        "identityProviders": [{
            "name": "idp", "issuer": "https://idp", "audience": [],
            "introspection": {
                "cluster": "idp", "authority": "idp", "path": "/introspect", "clientAuthentication": {"method": "none"},
            },
        }],
        "backendJwt": {
            "issuer": "https://gateway",
            "signingKey": {"value": include_str!("../../tests/keys/p256.pem")},
            "keyId": "k1",
            "forwardClaims": ["email", "groups"],
        },
        "publish": ["decision", "api", "application", "client_id", "identity_provider", "subject", "tier", "key_type"],
        "registry": {
            "apis": [
                with(api("pizza"), "isDefaultVersion", json!(true)),
                with(api("all"), "scopeMatching", json!("all")),
                with(api("open"), "subscriptionValidation", json!(false)),
                with(api("created"), "lifeCycleStatus", json!("CREATED")),
                with(api("deprecated"), "lifeCycleStatus", json!("DEPRECATED")),
                with(api("blocked"), "lifeCycleStatus", json!("BLOCKED")),
                with(api("retired"), "lifeCycleStatus", json!("RETIRED")),
                with(api("slashes"), "encodedSlashes", json!("allow")),
                with(api("parameters"), "pathParameters", json!("allow")),
                with(api("pizza/1/inner"), "hosts", json!(["api.example.com"])),
            ],
            "applications": [
                application("unblocked", "unblocked", "PRODUCTION"),
                application("blocked", "blocked", "PRODUCTION"),
                application("prod-only", "prod-only", "PRODUCTION"),
                application("sandbox", "sandbox", "SANDBOX"),
                application("on-hold", "on-hold", "PRODUCTION"),
                application("rejected", "rejected", "PRODUCTION"),
                application("tier-update", "tier-update", "PRODUCTION"),
                application("stranger", "stranger", "PRODUCTION"),
            ],
            "subscriptions": [
                subscription("unblocked", "UNBLOCKED"),
                subscription("blocked", "BLOCKED"),
                subscription("prod-only", "PROD_ONLY_BLOCKED"),
                subscription("sandbox", "PROD_ONLY_BLOCKED"),
                subscription("on-hold", "ON_HOLD"),
                subscription("rejected", "REJECTED"),
                subscription("tier-update", "TIER_UPDATE_PENDING"),
                {"apiId": "all-1", "applicationId": "unblocked"},
            ],
        },
    })
}

impl Fixture {
    pub(super) fn with(configuration: &Value) -> Self {
        let configuration = Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap();
        let minter = |settings| JwtMinter::new(settings, None, [0; 16]);
        Self {
            gateway: Gateway::new(configuration, Box::new(StandardHandler), minter),
            shared: FakeSharedData::default(),
            counts: Counts::default(),
            answer: json!({"active": true, "client_id": "unblocked", "scope": "read order"}),
            now: NOW,
        }
    }

    pub(super) fn new() -> Self {
        Self::with(&configuration())
    }

    fn answering(member: &str, value: Value) -> Self {
        let mut fixture = Self::new();
        fixture.answer[member] = value;
        fixture
    }

    pub(super) fn ports(&self) -> Ports<'_> {
        Ports { shared: &self.shared, telemetry: &self.counts }
    }

    pub(super) fn begun(&self, headers: &[(&str, &str)]) -> Begun {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        self.gateway.begin(&RequestHead::new(headers), UnixTime::from_seconds(self.now), self.ports())
    }

    pub(super) fn begin(&self, headers: &[(&str, &str)]) -> Step {
        self.begun(headers).step
    }

    /// Answers an exchange's question as the identity provider would.
    pub(super) fn verdict(&self, exchange: &Exchange) -> Verdict {
        let now = UnixTime::from_seconds(self.now);
        self.gateway.begin_call(exchange, now).unwrap();
        let body = self.answer.to_string();
        let response = IntrospectionResponse {
            status: Some(200),
            retry_after: None,
            content_type: None,
            body: Some(body.as_bytes()),
        };
        self.gateway.end_call(exchange.question(), &response, now, now, self.ports())
    }

    pub(super) fn decide(&self, headers: &[(&str, &str)]) -> Decision {
        match self.begin(headers) {
            Step::Decided(decision) => decision,
            Step::Introspect(exchange) => {
                let verdict = self.verdict(&exchange);
                self.gateway.resume(&exchange, &verdict, UnixTime::from_seconds(self.now), self.ports())
            }
        }
    }

    pub(super) fn call(&self, method: &str, path: &str) -> Decision {
        let headers = [(":method", method), (":path", path), (":authority", "localhost"), BEARER];
        self.decide(&headers)
    }

    pub(super) fn reason(&self, method: &str, path: &str) -> &'static str {
        reason(&self.call(method, path))
    }

    pub(super) fn count(&self, name: &str) -> u32 {
        self.counts.0.borrow().get(name).copied().unwrap_or(0)
    }
}

const BEARER: (&str, &str) = ("authorization", "Bearer t");

fn reason(decision: &Decision) -> &'static str {
    match decision {
        Decision::Forward(forward) => forward.publication.outcome.as_str(),
        Decision::Reply(reply) => reply.reason,
    }
}

fn forward(decision: Decision) -> Forward {
    match decision {
        Decision::Forward(forward) => forward,
        Decision::Reply(reply) => panic!("{}", reply.reason),
    }
}

fn claims(decision: Decision) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let (_, jwt) = forward(decision).set.unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[test]
fn finds_the_api_and_the_operation() {
    let fixture = Fixture::new();
    for (method, path, expected) in [
        ("GET", "/pizza/1/menu", "public"),
        ("GET", "/pizza/menu", "public"),
        ("GET", "/pizza/menu/?x=/../", "public"),
        ("HEAD", "/pizza/menu", "public"),
        ("GET", "/pizza/1/order", "allow"),
        ("GET", "/pizza/1", "allow"),
        ("GET", "/pizza/1.0x/menu", "allow"),
        ("DELETE", "/pizza/1/order", "method_not_allowed"),
        ("get", "/pizza/1/menu", "method_not_allowed"),
        ("GET", "/all/order", "no_api"),
        ("GET", "/Pizza/1/menu", "no_api"),
        ("GET", "/pizzax/1/menu", "no_api"),
        ("GET", "/", "no_api"),
        ("GET", "/created/1/menu", "no_api"),
        ("GET", "/retired/1/menu", "no_api"),
        ("GET", "/blocked/1/menu", "api_blocked"),
        ("GET", "/deprecated/1/menu", "public"),
        ("CONNECT", "/pizza/1/menu", "malformed_request"),
        ("", "/pizza/1/menu", "malformed_request"),
        ("G T", "/pizza/1/menu", "malformed_request"),
        ("GET", "pizza", "malformed_request"),
        ("GET", "*", "malformed_request"),
        ("GET", "/pizza/1/%zz", "malformed_request"),
        ("GET", "/pizza/1/../menu", "ambiguous_target"),
        ("GET", "/pizza//1/menu", "ambiguous_target"),
        ("GET", "//pizza/1/menu", "ambiguous_target"),
        ("GET", "/x/../pizza/1/menu", "ambiguous_target"),
        ("GET", "/pizza%2F1/menu", "ambiguous_target"),
        ("GET", "/pizza/1/a%2Fb", "ambiguous_target"),
        ("GET", "/pizza/1/a;b", "ambiguous_target"),
        ("GET", "/slashes/1/a%2Fb", "no_subscription"),
        ("GET", "/slashes/1/..%2Fb", "ambiguous_target"),
        ("GET", "/slashes/1/a;b", "ambiguous_target"),
        ("GET", "/parameters/1/a;b", "no_subscription"),
        ("GET", "/parameters/1/..;/b", "ambiguous_target"),
    ] {
        assert_eq!(fixture.reason(method, path), expected, "{method} {path}");
    }
}

#[test]
fn s1_6_head_is_served_by_head_wherever_it_matches_and_else_by_get() {
    let mut configuration = configuration();
    configuration["registry"]["apis"][0]["operations"] = json!([
        {"verb": "GET", "target": "/thing", "authType": "None"},
        {"verb": "HEAD", "target": "/thing", "scopes": ["head"]},
        {"verb": "GET", "target": "/below/thing", "authType": "None"},
        {"verb": "HEAD", "target": "/below/*", "scopes": ["head"]},
        {"verb": "GET", "target": "/alone", "authType": "None"},
    ]);
    let fixture = Fixture::with(&configuration);
    for (path, get, head) in [
        ("/pizza/1/thing", "public", "insufficient_scope"),
        ("/pizza/1/below/thing", "public", "insufficient_scope"),
        ("/pizza/1/below/other", "method_not_allowed", "insufficient_scope"),
        ("/pizza/1/alone", "public", "public"),
    ] {
        assert_eq!((fixture.reason("GET", path), fixture.reason("HEAD", path)), (get, head), "{path}");
    }
}

#[test]
fn other_verbs_are_named_in_allow() {
    let fixture = Fixture::new();

    let Decision::Reply(reply) = fixture.call("DELETE", "/pizza/1/order/7") else { panic!("forwarded") };

    assert_eq!(reply.headers[0], ("allow", "GET, HEAD, PUT".to_owned()));
}

#[test]
fn the_longest_base_path_on_the_host_wins() {
    let fixture = Fixture::new();
    for (host, expected) in [("localhost", "allow"), ("api.example.com:443", "no_subscription")] {
        let headers = [(":method", "GET"), (":path", "/pizza/1/inner/1/x"), (":authority", host), BEARER];
        assert_eq!(reason(&fixture.decide(&headers)), expected, "{host}");
    }
}

#[test]
fn a_request_without_its_pseudo_headers_is_malformed() {
    let fixture = Fixture::new();
    let all = [(":method", "GET"), (":path", "/pizza/1/menu"), (":authority", "localhost")];
    for missing in 0..all.len() {
        let headers: Vec<_> = all.iter().enumerate().filter(|(index, _)| *index != missing).map(|(_, h)| *h).collect();
        assert_eq!(reason(&fixture.decide(&headers)), "malformed_request", "{missing}");
    }
    let twice = [all[0], all[1], all[2], (":path", "/pizza/1/order")];
    assert_eq!(reason(&fixture.decide(&twice)), "malformed_request");
}

#[test]
fn unmatched_requests_are_forwarded_when_configured_so_but_never_ambiguous_ones() {
    let mut configuration = configuration();
    configuration["unmatched"] = json!("forward");
    let fixture = Fixture::with(&configuration);

    assert_eq!(fixture.reason("GET", "/elsewhere/../x"), "ambiguous_target");
    assert_eq!(fixture.reason("GET", "/retired/1/menu"), "no_api");
    let forward = forward(fixture.call("GET", "/elsewhere"));
    assert_eq!((forward.remove_authorization, forward.set), (false, None));
}

#[test]
fn a_public_operation_is_forwarded_without_identity() {
    let fixture = Fixture::new();
    for (authorization, removed) in
        [("Bearer t", true), ("bearer", true), ("Basic x,Bearer t", true), ("Basic x", false)]
    {
        let headers =
            [(":method", "GET"), (":path", "/pizza/menu"), (":authority", "x"), ("authorization", authorization)];
        let forward = forward(fixture.decide(&headers));
        assert_eq!(forward.remove_authorization, removed, "{authorization}");
        assert_eq!(forward.set, None);
        let published = [("decision", "public".to_owned()), ("api", "pizza-1".to_owned())];
        assert_eq!(forward.publication.fields, published);
    }
}

#[test]
fn forged_identity_headers_are_removed_whatever_becomes_of_the_request() {
    let fixture = Fixture::new();
    for path in ["/pizza/menu", "/pizza/1/order", "/nowhere", "/pizza/..", "*"] {
        let forged = [("x-jwt-assertion", "forged"), ("X_JWT_Assertion", "forged"), ("x-jwt-assertion2", "other")];
        let headers = [&[(":method", "GET"), (":path", path), (":authority", "x")], forged.as_slice()].concat();
        assert_eq!(fixture.begun(&headers).forged, ["x-jwt-assertion", "X_JWT_Assertion"], "{path}");
    }
}

#[test]
fn the_backend_gets_the_jwt_and_not_the_token() {
    let fixture = Fixture::new();
    let forward = forward(fixture.call("GET", "/pizza/1/order"));

    assert!(forward.remove_authorization);
    assert_eq!(&*forward.set.unwrap().0, "x-jwt-assertion");

    let mut configuration = configuration();
    configuration["forwardAuthorization"] = json!(true);
    let fixture = Fixture::with(&configuration);
    assert!(!super::tests::forward(fixture.call("GET", "/pizza/1/order")).remove_authorization);
}

#[test]
fn without_backend_jwt_there_is_none() {
    let mut configuration = configuration();
    configuration.as_object_mut().unwrap().remove("backendJwt");
    let fixture = Fixture::with(&configuration);

    assert_eq!(forward(fixture.call("GET", "/pizza/1/order")).set, None);
}

#[test]
fn the_answer_decides_whether_the_token_is_valid() {
    for (member, value, expected) in [
        ("active", json!(false), "invalid_token"),
        ("exp", json!(NOW), "invalid_token"),
        ("exp", json!(NOW + 1), "allow"),
        ("nbf", json!(NOW + 5), "allow"),
        ("nbf", json!(NOW + 6), "token_not_yet_valid"),
        ("iat", json!(NOW + 5), "allow"),
        ("iat", json!(NOW + 6), "token_not_yet_valid"),
        ("iss", json!("https://idp"), "allow"),
        ("iss", json!("https://other"), "issuer_mismatch"),
        ("iss", json!(""), "issuer_mismatch"),
        ("token_type", json!("refresh_token"), "wrong_token_kind"),
        ("cnf", json!({"jkt": "x"}), "sender_constrained"),
        ("active", json!("yes"), "idp_answer_malformed"),
    ] {
        let fixture = Fixture::answering(member, value.clone());
        assert_eq!(fixture.reason("GET", "/pizza/1/order"), expected, "{member} {value}");
    }
}

#[test]
fn the_audience_must_be_one_of_those_configured() {
    let mut configuration = configuration();
    configuration["identityProviders"][0]["audience"] = json!(["urn:a", "urn:b"]);
    for (audience, expected) in [
        (json!("urn:a"), "allow"),
        (json!(["x", "urn:b"]), "allow"),
        (json!("urn"), "audience_mismatch"),
        (json!([]), "audience_mismatch"),
        (Value::Null, "audience_mismatch"),
    ] {
        let mut fixture = Fixture::with(&configuration);
        fixture.answer["aud"] = audience.clone();
        assert_eq!(fixture.reason("GET", "/pizza/1/order"), expected, "{audience}");
    }
}

#[test]
fn expiry_is_decided_anew_on_every_hit() {
    let mut fixture = Fixture::answering("exp", json!(NOW + 10));
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");
    fixture.now += 9;
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");
    assert_eq!(fixture.count("lookup hit"), 1);
    fixture.now += 1;
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "invalid_token");
}

#[test]
fn operations_take_the_tokens_that_their_auth_type_names() {
    for (answer, application, user) in [
        (json!({}), "allow", "wrong_auth_type"),
        (json!({"sub": "unblocked"}), "allow", "wrong_auth_type"),
        (json!({"username": "unblocked", "sub": "x"}), "allow", "wrong_auth_type"),
        (json!({"sub": "u-alice"}), "wrong_auth_type", "allow"),
        (json!({"username": "alice"}), "wrong_auth_type", "allow"),
    ] {
        let mut fixture = Fixture::new();
        fixture.answer.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        assert_eq!(fixture.reason("PUT", "/pizza/1/order/7"), application, "{answer}");
        assert_eq!(fixture.reason("GET", "/pizza/1/order/7"), user, "{answer}");
    }
}

#[test]
fn whoever_has_a_subject_or_a_user_name_alone_is_a_user() {
    let mut configuration = configuration();
    configuration["identityProviders"][0]["claims"] = json!({"subject": ["sub"], "username": ["username"]});
    for (member, expected) in [("sub", "allow"), ("username", "allow"), ("name", "wrong_auth_type")] {
        let mut fixture = Fixture::with(&configuration);
        fixture.answer[member] = json!("alice");
        assert_eq!(fixture.reason("GET", "/pizza/1/order/7"), expected, "{member}");
    }
}

#[test]
fn s1_12_a_marker_and_a_client_of_the_same_name_tell_an_application_and_the_want_of_both_names_does_not() {
    let mut configuration = configuration();
    configuration["identityProviders"][0]["claims"] = json!({
        "subject": ["sub"], "username": ["username"], "applicationToken": [{"claim": "aut", "equals": "APPLICATION"}],
    });
    for (answer, is_user) in [
        (json!({"sub": "alice", "aut": "APPLICATION"}), false),
        (json!({"sub": "alice", "aut": "APPLICATION_USER"}), true),
        (json!({"sub": "alice", "client_id": null}), true),
        (json!({"username": "alice", "client_id": null}), true),
        (json!({"username": "unblocked", "sub": "alice"}), false),
    ] {
        let mut fixture = Fixture::with(&configuration);
        fixture.answer.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
        for (method, passes) in [("GET", is_user), ("PUT", !is_user)] {
            let is_refused = fixture.reason(method, "/open/1/order/7") == "wrong_auth_type";
            assert_eq!(is_refused, !passes, "{method} {answer}");
        }
    }
}

#[test]
fn s1_11_a_token_that_expires_while_its_request_waits_is_refused() {
    for (later, expected) in [(9, "allow"), (10, "token_expired"), (11, "token_expired")] {
        let fixture = Fixture::answering("exp", json!(NOW + 10));
        let Step::Introspect(exchange) = fixture.begin(&with_token("/pizza/1/order", "Bearer t")) else {
            panic!("decided")
        };
        let verdict = fixture.verdict(&exchange);

        let now = UnixTime::from_seconds(NOW + later);
        let decision = fixture.gateway.resume(&exchange, &verdict, now, fixture.ports());

        assert_eq!(reason(&decision), expected, "{later} s later");
    }
}

#[test]
fn the_subscription_decides_whether_the_application_may_call() {
    for (client, expected) in [
        ("unblocked", "allow"),
        ("tier-update", "allow"),
        ("sandbox", "allow"),
        ("blocked", "subscription_blocked"),
        ("prod-only", "subscription_blocked"),
        ("on-hold", "subscription_inactive"),
        ("rejected", "subscription_inactive"),
        ("stranger", "no_subscription"),
        ("unknown", "no_subscription"),
        ("", "no_subscription"),
        ("../", "no_subscription"),
    ] {
        let fixture = Fixture::answering("client_id", json!(client));
        assert_eq!(fixture.reason("GET", "/pizza/1/order"), expected, "{client}");
    }
    assert_eq!(Fixture::answering("client_id", Value::Null).reason("GET", "/pizza/1/order"), "no_subscription");
    assert_eq!(Fixture::answering("client_id", json!("stranger")).reason("GET", "/open/1/order"), "allow");
}

#[test]
fn scopes_are_compared_whole_by_the_api_s_rule() {
    for (scope, any, all) in [
        ("order", "allow", "insufficient_scope"),
        ("admin order", "allow", "allow"),
        ("orders", "insufficient_scope", "insufficient_scope"),
        ("Order", "insufficient_scope", "insufficient_scope"),
        ("", "insufficient_scope", "insufficient_scope"),
        ("order\tadmin", "allow", "allow"),
    ] {
        let fixture = Fixture::answering("scope", json!(scope));
        assert_eq!(fixture.reason("POST", "/pizza/1/order"), any, "{scope}");
        assert_eq!(fixture.reason("POST", "/all/1/order"), all, "{scope}");
        assert_eq!(fixture.reason("GET", "/pizza/1/order/special"), "allow", "{scope}");
    }
}

#[test]
fn the_first_failure_in_the_order_of_decisions_answers() {
    let mut fixture = Fixture::answering("client_id", json!("blocked"));
    fixture.answer["scope"] = json!("");
    fixture.answer["sub"] = json!("u-alice");
    assert_eq!(fixture.reason("PUT", "/pizza/1/order/7"), "wrong_auth_type");
    assert_eq!(fixture.reason("POST", "/pizza/1/order"), "subscription_blocked");
    let headers = [(":method", "POST"), (":path", "/pizza/1/order"), (":authority", "x")];
    assert_eq!(reason(&fixture.decide(&headers)), "missing_credentials");
    let headers = [(":method", "TRACE"), (":path", "/pizza/1/order"), (":authority", "x")];
    assert_eq!(reason(&fixture.decide(&headers)), "method_not_allowed");
}

#[test]
fn one_answer_serves_several_operations_each_with_its_own_decision() {
    let fixture = Fixture::new();

    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");
    assert_eq!(fixture.reason("POST", "/all/1/order"), "insufficient_scope");
    assert_eq!(fixture.reason("GET", "/slashes/1/order"), "no_subscription");
    assert_eq!((fixture.count("call idp active"), fixture.count("lookup hit")), (1, 2));
}

#[test]
fn an_inactive_token_is_asked_about_once() {
    let fixture = Fixture::answering("active", json!(false));

    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "invalid_token");
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "invalid_token");
    assert_eq!((fixture.count("call idp inactive"), fixture.count("lookup inactive")), (1, 1));
}

#[test]
fn an_unavailable_identity_provider_is_not_remembered() {
    let mut fixture = Fixture::answering("active", json!(7));
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "idp_answer_malformed");
    fixture.answer["active"] = json!(true);
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");
}

#[test]
fn a_backend_jwt_says_who_calls() {
    let mut fixture = Fixture::answering("sub", json!("u-alice"));
    fixture.answer["username"] = json!("alice");
    fixture.answer["email"] = json!("alice@example.com");
    fixture.answer["groups"] = json!(["a", "b"]);
    fixture.answer["tier"] = json!("forged");
    fixture.answer["exp"] = json!(NOW + 60);

    let mut claims = claims(fixture.call("GET", "/pizza/1/order"));

    claims.as_object_mut().unwrap().remove("jti").unwrap();
    let dialect = |name: &str| format!("http://wso2.org/claims/{name}");
    let expected = json!({
        "iss": "https://gateway", "iat": NOW, "nbf": NOW, "exp": NOW + 60, "sub": "u-alice", "aud": ["/pizza"],
        "email": "alice@example.com", "groups": ["a", "b"],
        dialect("keymanager"): "idp", dialect("subscriber"): "bob", dialect("applicationid"): "unblocked",
        dialect("applicationname"): "UNBLOCKED", dialect("applicationtier"): "Unlimited", dialect("apiname"): "pizza",
        dialect("apicontext"): "/pizza/1", dialect("version"): "1", dialect("tier"): "Gold",
        dialect("keytype"): "PRODUCTION", dialect("usertype"): "APPLICATION_USER", dialect("enduser"): "alice",
        dialect("applicationattributes"): {"team": "x"},
    });
    assert_eq!(claims, expected);
}

#[test]
fn a_backend_jwt_of_an_application_names_its_owner_and_client() {
    let claims = claims(Fixture::new().call("GET", "/pizza/1/order"));

    assert_eq!(claims["sub"], "unblocked");
    assert_eq!(claims["http://wso2.org/claims/usertype"], "APPLICATION");
    assert_eq!(claims["http://wso2.org/claims/enduser"], "bob");
}

#[test]
fn without_subscription_a_backend_jwt_has_no_claims_about_one() {
    let claims = claims(Fixture::new().call("GET", "/open/1/order"));

    for name in ["subscriber", "applicationid", "applicationname", "applicationtier", "tier", "keytype", "enduser"] {
        assert_eq!(claims.get(format!("http://wso2.org/claims/{name}")), None, "{name}");
    }
}

#[test]
fn a_token_that_names_nobody_gets_no_backend_jwt() {
    let fixture = Fixture::answering("client_id", Value::Null);

    assert_eq!(fixture.reason("GET", "/open/1/order"), "backend_jwt_failed");
}

#[test]
fn a_backend_jwt_is_made_once_for_an_answer_and_api() {
    let mut fixture = Fixture::new();
    for path in ["/pizza/1/order", "/pizza/1/order/special", "/open/1/order"] {
        fixture.reason("GET", path);
    }
    assert_eq!(fixture.count("minted"), 2);

    fixture.now += 301;
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");
    assert_eq!((fixture.count("minted"), fixture.count("call idp active")), (3, 2));
}

#[test]
fn the_jwks_is_served_on_every_host() {
    let fixture = Fixture::new();
    for (method, expected) in [("GET", "jwks"), ("HEAD", "jwks"), ("POST", "no_api")] {
        assert_eq!(fixture.reason(method, "/.well-known/gatehouse/jwks.json"), expected);
    }
}

#[test]
fn what_is_published_follows_the_configuration() {
    let forward = forward(Fixture::answering("sub", json!("u-alice")).call("GET", "/pizza/1/order"));

    let expected = [
        ("decision", "allow"),
        ("api", "pizza-1"),
        ("application", "unblocked"),
        ("client_id", "unblocked"),
        ("identity_provider", "idp"),
        ("subject", "u-alice"),
        ("tier", "Gold"),
        ("key_type", "PRODUCTION"),
    ];
    assert_eq!(forward.publication.fields, expected.map(|(name, value)| (name, value.to_owned())));

    let mut configuration = configuration();
    configuration["publish"] = json!([]);
    let fixture = Fixture::with(&configuration);
    assert_eq!(super::tests::forward(fixture.call("GET", "/pizza/1/order")).publication.fields, []);
    let Decision::Reply(reply) = fixture.call("GET", "/nowhere") else { panic!("forwarded") };
    assert_eq!(reply.publication.fields, [("decision", "deny".to_owned())]);
}

#[test]
fn what_is_published_has_no_control_characters() {
    let fixture = Fixture::answering("sub", json!("alice\r\ndecision=allow\u{7f}\u{85}"));

    let forward = forward(fixture.call("GET", "/pizza/1/order"));

    let subject = ("subject", "alice\u{fffd}\u{fffd}decision=allow\u{fffd}\u{fffd}".to_owned());
    assert!(forward.publication.fields.contains(&subject), "{:?}", forward.publication);
}

#[test]
fn calls_are_shed_over_the_limit_and_held_off_when_we_are_refused() {
    let mut configuration = configuration();
    configuration["identityProviders"][0]["concurrentCalls"] = json!(1);
    let fixture = Fixture::with(&configuration);
    let headers = [(":method", "GET"), (":path", "/pizza/1/order"), (":authority", "x"), BEARER];
    let Step::Introspect(exchange) = fixture.begin(&headers) else { panic!("decided") };
    let now = UnixTime::from_seconds(NOW);
    fixture.gateway.begin_call(&exchange, now).unwrap();

    assert_eq!(fixture.gateway.begin_call(&exchange, now).unwrap_err(), Unavailable::Shed);
    let refused = IntrospectionResponse { status: Some(401), retry_after: None, content_type: None, body: Some(b"") };
    let verdict = fixture.gateway.end_call(exchange.question(), &refused, now, now, fixture.ports());
    assert!(matches!(verdict, Err(Unavailable::ClientAuthFailed { .. })));
    assert!(matches!(fixture.gateway.begin_call(&exchange, now), Err(Unavailable::ClientAuthFailed { .. })));
}

#[test]
fn each_outcome_of_a_call_has_its_name() {
    let fixture = Fixture::new();
    let Step::Introspect(exchange) = fixture.begin(&with_token("/pizza/1/order", "Bearer t")) else {
        panic!("decided")
    };
    let start = UnixTime::from_seconds(NOW);
    for (status, body, millis, expected) in [
        (Some(200), r#"{"active":true}"#, 5000, "active"),
        (Some(200), r#"{"active":false}"#, 5000, "inactive"),
        (Some(200), "", 5000, "malformed"),
        (Some(302), "", 5000, "misconfigured"),
        (Some(401), "", 5000, "client_auth_failed"),
        (Some(503), "", 5000, "outage"),
        (Some(504), "", 1, "timeout"),
        (None, "", 1989, "outage"),
        (None, "", 1990, "timeout"),
    ] {
        let now = start.plus(Duration::from_millis(millis));
        let response = IntrospectionResponse { status, body: Some(body.as_bytes()), ..Default::default() };
        let name = format!("call idp {expected}");
        let before = fixture.count(&name);
        let _ = fixture.gateway.end_call(exchange.question(), &response, start, now, fixture.ports());
        assert_eq!(fixture.count(&name), before + 1, "{status:?} {body} after {millis} ms: {expected}");
    }
}

#[test]
fn a_token_is_asked_about_at_the_identity_provider_that_its_shape_names() {
    let jwt = |iss: &str| {
        use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(json!({"iss": iss}).to_string()))
    };
    let mut configuration = configuration();
    configuration["identityProviders"][0]["tokens"] = json!([{"prefix": "ory_"}, {"issuer": "https://idp"}]);
    let fixture = Fixture::with(&configuration);
    for (token, expected) in [
        ("ory_abc", "allow"),
        ("abc", "invalid_token"),
        (jwt("https://idp").as_str(), "allow"),
        (jwt("https://other").as_str(), "invalid_token"),
        ("e30.e30.c2ln", "invalid_token"),
    ] {
        let authorization = format!("Bearer {token}");
        let headers =
            [(":method", "GET"), (":path", "/pizza/1/order"), (":authority", "x"), ("authorization", &authorization)];
        assert_eq!(reason(&fixture.decide(&headers)), expected, "{token}");
    }
}

/// Two identity providers: `idp` for tokens that begin with `a-`, `other` for all else; both know a client `unblocked`,
/// which is an application's at `idp` alone.
fn two_identity_providers() -> Fixture {
    let mut configuration = configuration();
    let mut other = configuration["identityProviders"][0].clone();
    configuration["identityProviders"][0]["tokens"] = json!([{"prefix": "a-"}]);
    other["name"] = json!("other");
    other["introspection"]["cluster"] = json!("other");
    configuration["identityProviders"].as_array_mut().unwrap().push(other);
    let first = &mut configuration["registry"]["apis"][0];
    first["identityProviders"] = json!(["idp"]);
    Fixture::with(&configuration)
}

pub(super) fn with_token<'a>(path: &'a str, authorization: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", "GET"), (":path", path), (":authority", "x"), ("authorization", authorization)]
}

#[test]
fn a_token_is_asked_about_at_one_identity_provider_alone() {
    let fixture = two_identity_providers();
    for (path, token, cluster) in
        [("/open/1/x", "Bearer a-t", "idp"), ("/open/1/x", "Bearer t", "other"), ("/pizza/1/x", "Bearer a-t", "idp")]
    {
        let Step::Introspect(exchange) = fixture.begin(&with_token(path, token)) else { panic!("{path} {token}") };
        let call = fixture.gateway.begin_call(&exchange, UnixTime::from_seconds(NOW)).unwrap();
        assert_eq!(call.cluster, cluster, "{path} {token}");
    }
    let refused = fixture.decide(&with_token("/pizza/1/x", "Bearer t"));
    assert_eq!(reason(&refused), "invalid_token", "an identity provider that the API does not name");
}

#[test]
fn a_client_id_is_an_application_s_at_its_own_identity_provider_alone() {
    let fixture = two_identity_providers();

    assert_eq!(reason(&fixture.decide(&with_token("/all/1/x", "Bearer a-t"))), "allow");
    assert_eq!(reason(&fixture.decide(&with_token("/all/1/x", "Bearer t"))), "no_subscription");
    assert_eq!((fixture.count("call idp active"), fixture.count("call other active")), (1, 1));
}

/// Answers are fresh for 300 s, and served for 60 s more during an outage.
fn stale_fixture() -> Fixture {
    let mut configuration = configuration();
    configuration["identityProviders"][0]["outage"] = json!({"mode": "stale", "for": "60s"});
    let mut fixture = Fixture::with(&configuration);
    fixture.answer["exp"] = json!(NOW + 340);
    fixture
}

/// The decision about a request whose call fails so.
fn decide_after(fixture: &Fixture, path: &str, status: u16) -> &'static str {
    let now = UnixTime::from_seconds(fixture.now);
    let Step::Introspect(exchange) = fixture.begin(&with_token(path, "Bearer t")) else { panic!("decided") };
    fixture.gateway.begin_call(&exchange, now).unwrap();
    let response =
        IntrospectionResponse { status: Some(status), retry_after: None, content_type: None, body: Some(b"") };
    let verdict = fixture.gateway.end_call(exchange.question(), &response, now, now, fixture.ports());
    reason(&fixture.gateway.resume(&exchange, &verdict, now, fixture.ports()))
}

#[test]
fn during_an_outage_a_known_token_passes_for_a_while_where_configured_so() {
    let mut fixture = stale_fixture();
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "allow");

    fixture.now = NOW + 339;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "allow_stale");
    assert_eq!(decide_after(&fixture, "/all/1/order", 503), "allow_stale", "each API decides for itself");
    assert_eq!(decide_after(&fixture, "/slashes/1/order", 503), "no_subscription");
    fixture.now = NOW + 340;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "idp_unavailable", "expired");

    let mut fixture = stale_fixture();
    fixture.answer["exp"] = json!(NOW + 1000);
    fixture.reason("GET", "/pizza/1/order");
    fixture.now = NOW + 359;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "allow_stale");
    fixture.now = NOW + 360;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "idp_unavailable", "too long ago");
}

#[test]
fn nothing_but_an_outage_lets_a_stale_answer_count() {
    for (status, expected) in
        [(401, "idp_client_auth_failed"), (302, "idp_misconfigured"), (200, "idp_answer_malformed")]
    {
        let mut fixture = stale_fixture();
        fixture.reason("GET", "/pizza/1/order");
        fixture.now = NOW + 301;
        assert_eq!(decide_after(&fixture, "/pizza/1/order", status), expected);
    }
}

#[test]
fn a_token_without_expiry_and_an_inactive_one_are_never_served_stale() {
    let mut fixture = stale_fixture();
    fixture.answer["exp"] = Value::Null;
    fixture.reason("GET", "/pizza/1/order");
    fixture.now = NOW + 301;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "idp_unavailable");

    let mut fixture = stale_fixture();
    fixture.reason("GET", "/pizza/1/order");
    fixture.now = NOW + 301;
    fixture.answer["active"] = json!(false);
    assert_eq!(fixture.reason("GET", "/pizza/1/order"), "invalid_token");
    fixture.now = NOW + 312;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "idp_unavailable");
}

#[test]
fn by_default_nothing_stale_is_served() {
    let mut fixture = Fixture::answering("exp", json!(NOW + 340));
    fixture.reason("GET", "/pizza/1/order");
    fixture.now = NOW + 301;
    assert_eq!(decide_after(&fixture, "/pizza/1/order", 503), "idp_unavailable");
}

mod cut_offs;
mod minted;
mod registry_copy;
mod report;
