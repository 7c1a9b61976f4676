//! `minimal.json` and `full.json`.

use std::collections::BTreeSet;

use super::edit::without;
use super::reading::{read, refusal};
use super::{place, plugin_schema};

/// A secret in a file that people copy would be one in their repository; and a key comes from one place.
const ONLY_IN_DOCUMENTATION: [&str; 5] = [
    "backendJwt.signingKey.keyManager",
    "backendJwt.signingKey.value",
    "identityProviders[].introspection.clientAuthentication.clientSecret.value",
    "identityProviders[].introspection.clientAuthentication.signingKey.value",
    "keyManager.credential.value",
];

#[test]
fn the_filter_and_the_schema_accept_the_examples() {
    let schema = plugin_schema::validator();
    for name in ["minimal.json", "full.json"] {
        let example = place::json(&place::filter_config(name));

        assert_eq!(refusal(&example), None, "{name}");
        assert_eq!(plugin_schema::violations(&schema, &example), [""; 0], "{name}");
    }
}

#[test]
fn the_full_example_uses_every_field() {
    let used = plugin_schema::paths(&place::json(&place::filter_config("full.json")));

    let known: BTreeSet<String> = plugin_schema::fields().into_keys().collect();
    let unused: Vec<&String> = known.difference(&used).collect();
    assert_eq!(unused, ONLY_IN_DOCUMENTATION);
}

#[test]
fn nothing_can_be_left_out_of_the_minimal_example() {
    let minimal = place::json(&place::filter_config("minimal.json"));
    for pointer in [
        "/identityProviders",
        "/identityProviders/0/name",
        "/identityProviders/0/introspection",
        "/identityProviders/0/introspection/cluster",
        "/identityProviders/0/introspection/authority",
        "/identityProviders/0/introspection/path",
        "/identityProviders/0/introspection/clientAuthentication",
        "/identityProviders/0/introspection/clientAuthentication/method",
        "/identityProviders/0/introspection/clientAuthentication/clientId",
        "/identityProviders/0/introspection/clientAuthentication/clientSecret",
        "/registry",
        "/registry/apis",
        "/registry/apis/0/name",
        "/registry/apis/0/version",
        "/registry/apis/0/context",
        "/registry/apis/0/operations",
        "/registry/applications",
    ] {
        assert!(read(&without(&minimal, pointer)).is_err(), "{pointer}");
    }
}
