//! Settings that are missing or wrong, before anything is sent.

use key_manager::connector::http::HttpClient;
use key_manager::connector::{ConnectorSettings, ConnectorTypes, Properties};
use serde_json::{Value, json};

fn fault(connector_type: &str, issuer: Option<&str>, properties: Value) -> String {
    let Value::Object(properties) = properties else { panic!("properties are an object") };
    let settings = ConnectorSettings {
        issuer: issuer.map(str::to_owned),
        properties: Properties::new(properties),
        ..ConnectorSettings::default()
    };
    let types = ConnectorTypes::built_in(&HttpClient::new().unwrap());
    types.connect(connector_type, &settings).err().expect("a fault").to_string()
}

#[test]
fn the_fault_names_the_setting() {
    const ISSUER: Option<&str> = Some("https://idp.example.com");
    let own = json!({"clientId": "gateway", "clientSecret": "s"});
    for (connector_type, issuer, properties, expected) in [
        ("oidc", None, own.clone(), "issuer is missing, and not all endpoints are set"),
        ("oidc", Some("http://169.254.169.254"), own.clone(), "issuer must not be a link-local address"),
        ("oidc", ISSUER, json!({}), "additionalProperties.clientId is missing"),
        ("oidc", ISSUER, json!({"clientId": "gateway"}), "additionalProperties.clientSecret is missing"),
        ("oidc", ISSUER, json!({"clientId": 1, "clientSecret": "s"}), "additionalProperties.clientId must be a string"),
        ("glewlwyd", ISSUER, own.clone(), "additionalProperties.administrationUrl is missing"),
        ("hydra", ISSUER, own, "type is `hydra`, expected one of glewlwyd, oidc"),
    ] {
        assert_eq!(fault(connector_type, issuer, properties), expected);
    }
}

#[test]
fn settings_show_no_secret() {
    let members = json!({"clientSecret": "hush"}).as_object().unwrap().clone();
    let shown = format!("{:?}", Properties::new(members));
    assert_eq!(shown, r#"{"clientSecret"}"#);
}
