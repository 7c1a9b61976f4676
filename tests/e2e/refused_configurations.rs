//! DESIGN.md section 4: a wrong configuration is refused, and the log names the field.

use serde_json::{Value, json};

use super::configuration::{self, SECRET, SECRET_VARIABLE};
use super::harness::gateway::Setup;

/// Starts Envoy with the configuration; what its log says of the refusal.
async fn refusal(name: &str, configuration: &str) -> String {
    Setup::with_text(name, configuration).environment(SECRET_VARIABLE, SECRET).refusal().await
}

#[tokio::test]
async fn a_wrong_field_is_named_by_its_path() {
    let cases: [(&str, &str, Value); 12] = [
        (
            "/identityProviders/0/introspection/timeout",
            "identityProviders[0].introspection.timeout",
            json!("2 seconds"),
        ),
        ("/identityProviders/0/introspection/extra", "identityProviders[0].introspection", json!(true)),
        ("/identityProviders/0/breaker", "identityProviders[0].breaker", json!(5)),
        ("/registry/apis/0/operations/1/authType", "registry.apis[0].operations[1].authType", json!("Nobody")),
        ("/registry/apis/0/operations/1/target", "registry.apis[0].operations[1].target", json!("/a/{b")),
        ("/registry/subscriptions/0/apiId", "registry.subscriptions[0].apiId", json!("Nothing-1.0.0")),
        (
            "/registry/applications/0/keys/0/identityProvider",
            "registry.applications[0].keys[0].identityProvider",
            json!("none"),
        ),
        ("/backendJwt/signingKey", "backendJwt.signingKey", json!({"value": "-----BEGIN PRIVATE KEY-----"})),
        (
            "/backendJwt/forwardClaims",
            "backendJwt.forwardClaims[1]",
            json!(["email", "http://wso2.org/claims/enduser"]),
        ),
        ("/backendJwt/forwardClaims", "backendJwt.forwardClaims[0]", json!(["sub"])),
        ("/backendJwt/forwardClaims", "backendJwt.forwardClaims[0]", json!(["http://wso2.org/claims/identity/role"])),
        ("/extra", "extra", json!(1)),
    ];
    for (number, (pointer, path, value)) in cases.into_iter().enumerate() {
        let mut configuration = configuration::shop();
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        configuration.pointer_mut(parent).expect("the field's parent")[field] = value;

        let log = refusal(&format!("refused-{number}"), &configuration.to_string()).await;

        assert!(log.contains(path), "{pointer}: the log does not name {path}:\n{log}");
        assert!(!log.contains(SECRET), "{pointer}: the log tells the secret:\n{log}");
        assert!(!log.contains("panicked"), "{pointer}: the filter panicked:\n{log}");
    }
}

#[tokio::test]
async fn what_is_no_configuration_is_refused() {
    for (name, configuration) in
        [("refused-empty", ""), ("refused-array", "[]"), ("refused-cut-off", r#"{"registry":"#)]
    {
        let log = refusal(name, configuration).await;

        assert!(!log.contains("panicked"), "{name}: the filter panicked:\n{log}");
    }
}

#[tokio::test]
async fn a_secret_whose_variable_is_not_set_is_refused_by_name() {
    let setup = Setup::new("refused-no-secret", &configuration::small());

    let log = setup.refusal().await;

    assert!(log.contains("identityProviders[0].introspection.clientAuthentication.clientSecret"), "{log}");
    assert!(log.contains(SECRET_VARIABLE), "{log}");
}
