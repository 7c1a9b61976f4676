//! The plugin configurations under test.

use serde_json::{Value, json};

use super::harness::backend_jwt::P256;
use super::registry;

/// The name of the identity provider, and of its cluster.
pub(crate) const IDP: &str = "corporate";

/// What the identity provider calls itself, where it does.
pub(crate) const IDP_ISSUER: &str = "https://idp.example.com";

/// The gateway's own secret at the identity provider comes from this variable.
pub(crate) const SECRET_VARIABLE: &str = "CORPORATE_IDP_SECRET";

/// A secret that shows whether it is encoded before it goes into Basic.
pub(crate) const SECRET: &str = "s3cr:et +%&=/\u{e9}";

/// `backendJwt.header`, the default.
pub(crate) const BACKEND_JWT_HEADER: &str = "x-jwt-assertion";
pub(crate) const BACKEND_JWT_ISSUER: &str = "https://gateway.example.com";
pub(crate) const KEY_ID: &str = "2026-11";
pub(crate) const JWKS_PATH: &str = "/.well-known/gatehouse/jwks.json";

/// The defaults of everything that has one, all published, and the whole registry.
pub(crate) fn shop() -> Value {
    json!({
        "identityProviders": [identity_provider()],
        "backendJwt": {
            "issuer": BACKEND_JWT_ISSUER,
            "signingKey": {"value": *P256},
            "keyId": KEY_ID,
        },
        "publish": [
            "decision", "api", "application", "client_id", "identity_provider", "subject", "tier", "key_type",
        ],
        "registry": registry::whole(),
    })
}

/// One public and one protected operation, and one application that may call both.
pub(crate) fn small() -> Value {
    json!({"identityProviders": [identity_provider()], "registry": registry::small()})
}

/// [`small`] with these members besides.
pub(crate) fn small_with<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut configuration = small();
    for (name, value) in members {
        configuration[name] = value;
    }
    configuration
}

/// [`small`] with these members of the identity provider besides.
pub(crate) fn small_with_idp<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut idp = identity_provider();
    for (name, value) in members {
        idp[name] = value;
    }
    small_with([("identityProviders", json!([idp]))])
}

/// [`small`] with these members of the identity provider's introspection besides.
pub(crate) fn small_with_introspection<const N: usize>(members: [(&str, Value); N]) -> Value {
    let mut introspection = identity_provider()["introspection"].clone();
    for (name, value) in members {
        introspection[name] = value;
    }
    small_with_idp([("introspection", introspection)])
}

pub(crate) fn identity_provider() -> Value {
    json!({
        "name": IDP,
        // Out of the way of tests that bring outages about for other reasons.
        "breaker": {"failures": 1_000_000},
        "introspection": {
            "cluster": IDP,
            "authority": "idp.example.com",
            "path": "/oauth2/introspect",
            "clientAuthentication": {
                "method": "client_secret_basic",
                "clientId": "gateway:edge 1",
                "clientSecret": {"env": SECRET_VARIABLE},
            },
        },
    })
}
