//! A key manager with one identity provider, oidc-provider, and one application.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::oidc_provider::{OidcProvider, properties};
use super::served::{Answer, DEVPORTAL, Served};

pub(crate) struct Shop {
    pub(crate) served: Served,
    pub(crate) idp: OidcProvider,
    /// Path of the application.
    pub(crate) application: String,
}

impl Shop {
    pub(crate) async fn start(name: &str) -> Self {
        Self::start_with(name, &[]).await
    }

    /// With further configuration.
    pub(crate) async fn start_with(name: &str, variables: &[(&str, &str)]) -> Self {
        let (served, idp) = (Served::start_with(variables).await, OidcProvider::start(name).await);
        let settings = json!({
            "name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties(),
        });
        served.key_manager(settings).await;
        let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
        Self { served, idp, application }
    }

    pub(crate) async fn generate(&self, key_type: &str) -> Answer {
        generate(&self.served, &self.application, key_type).await
    }

    /// A key, and its path.
    pub(crate) async fn generated(&self) -> (Value, String) {
        let generated = self.generate("PRODUCTION").await;
        assert_eq!(generated.status, StatusCode::OK, "{}", generated.body);
        let path = format!("{}/oauth-keys/{}", self.application, generated.body["keyMappingId"].as_str().unwrap());
        (generated.body, path)
    }
}

pub(crate) async fn generate(served: &Served, application: &str, key_type: &str) -> Answer {
    let body = json!({"keyType": key_type, "grantTypesToBeSupported": ["client_credentials"]});
    served.post(&format!("{application}/generate-keys"), body).await
}

pub(crate) fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}"))
}
