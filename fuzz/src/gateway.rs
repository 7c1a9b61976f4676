//! A gateway with one API, and requests to it.

use key_validation::backend_jwt::JwtMinter;
use key_validation::handler::StandardHandler;
use key_validation::{Begun, Configuration, Event, Exchange, Gateway, Ports, RequestHead, Step, Telemetry, UnixTime};
use serde_json::json;

use crate::SharedValues;

/// When everything happens.
pub const NOW: UnixTime = UnixTime::from_seconds(10_000);

/// What the gateway does with requests that belong to no API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unmatched {
    /// It forwards them.
    Forward,
    /// It answers them.
    Reject,
}

/// A gateway that has decided nothing yet. All of them make the same backend JWTs in the same order, so that what two
/// of them decide can be compared whole.
///
/// Its API at `/a/1` and `/a` has the public operation `GET /public`; all else needs a subscribed client (`app`) and,
/// for `GET`, the scope `read`.
pub fn gateway(unmatched: Unmatched) -> Gateway {
    let introspection = json!({
        "cluster": "idp", "authority": "idp", "path": "/introspect", "clientAuthentication": {"method": "none"},
    });
    let configuration = json!({
        "identityProviders": [
            {
                "name": "idp",
                "issuer": "https://idp",
                "introspection": introspection,
                "claims": {"applicationToken": [{"claim": "username", "prefix": "service-account-"}]},
            },
            {
                "name": "other",
                "tokens": [{"issuer": "https://other"}, {"prefix": "other_"}],
                "introspection": introspection,
            },
        ],
        "backendJwt": {
            "issuer": "https://gateway",
            "signingKey": {"value": include_str!("../../key-validation/tests/keys/ed25519.pem")},
            "forwardClaims": ["email", "roles"],
        },
        "unmatched": match unmatched {
            Unmatched::Forward => "forward",
            Unmatched::Reject => "reject",
        },
        "registry": {
            "apis": [{
                "name": "a", "version": "1", "context": "/a", "isDefaultVersion": true,
                "operations": [
                    {"verb": "GET", "target": "/public", "authType": "None"},
                    {"verb": "GET", "target": "/*", "scopes": ["read"]},
                    {"verb": "POST", "target": "/{id}/x", "authType": "Application_User"},
                ],
            }],
            "applications": [{"id": "app", "keys": [{"identityProvider": "idp", "clientId": "app"}]}],
            "subscriptions": [{"apiId": "a-1", "applicationId": "app"}],
        },
    });
    let configuration = Configuration::parse(configuration.to_string().as_bytes(), &|_| None);
    let configuration = configuration.unwrap_or_else(|error| panic!("the configuration is wrong: {error}"));
    Gateway::new(configuration, Box::new(StandardHandler), |settings| JwtMinter::new(settings, None, [0; 16]))
}

/// The proxy's part: its shared data, and nobody who counts.
pub fn ports(shared: &SharedValues) -> Ports<'_> {
    struct Ignore;

    impl Telemetry for Ignore {
        fn record(&self, _: Event<'_>) {}
    }

    Ports { shared, telemetry: &Ignore }
}

/// The head of a request by `GET`.
pub fn request<'a>(path: &'a [u8], authorization: Option<&'a [u8]>) -> Vec<(&'a [u8], &'a [u8])> {
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET"), (b":path", path), (b":authority", b"localhost")];
    headers.extend(authorization.map(|value| (b"authorization".as_slice(), value)));
    headers
}

/// Takes a request as far as it gets without asking anybody.
pub fn begin(gateway: &Gateway, shared: &SharedValues, headers: &[(&[u8], &[u8])]) -> Begun {
    gateway.begin(&RequestHead::new(headers.to_vec()), NOW, ports(shared))
}

/// A request for `GET /a/1/x` whose token must be asked about.
pub fn exchange(gateway: &Gateway, shared: &SharedValues) -> Exchange {
    match begin(gateway, shared, &request(b"/a/1/x", Some(b"Bearer t"))).step {
        Step::Introspect(exchange) => *exchange,
        Step::Decided(decision) => panic!("decided before anybody was asked: {decision:?}"),
    }
}
