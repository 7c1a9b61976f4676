//! npm oidc-provider, as the demo starts it, with registration.

use std::process::Command;
use std::sync::Arc;

use key_manager::connector::KeyManager;
use serde_json::{Value, json};

use super::process::Supervised;
use super::{connect, repository_root, scratch, until};

pub(crate) struct OidcProvider {
    process: Supervised,
    pub(crate) issuer: String,
    pub(crate) connector: Arc<dyn KeyManager>,
}

impl OidcProvider {
    pub(crate) async fn start(name: &str) -> Self {
        let directory = scratch(name);
        let configuration = json!({
            "clients": [
                {"client_id": "gateway", "client_secret": "gateway-secret", "grants": []},
                {"client_id": "shop", "client_secret": "shop-secret", "grants": ["client_credentials"]},
                {"client_id": "portal", "client_secret": "portal-secret", "grants": ["client_credentials", "password"]},
            ],
            "users": [
                {"username": "alice", "password": "alice-password", "sub": "u-alice"},
                {"username": "bob", "password": "bob-password", "sub": "u-bob"},
            ],
            "scopes": [
                "order", "cancel", "apim:subscribe", "apim:app_manage", "apim:api_create", "apim:api_view", "apim:admin",
            ],
            "introspectors": ["gateway"],
            "accessTokenLifetime": 600, "initialAccessToken": "initial",
        });
        let path = directory.join("idp.json");
        std::fs::write(&path, configuration.to_string()).expect("write the configuration");
        let mut command = Command::new("node");
        command.arg(repository_root().join("envoy-demo/idp.mjs")).arg("--config").arg(path).args(["--port", "0"]);
        let mut process = Supervised::start(&command, directory.join("idp.log"));
        let ready = |log: &str| log.lines().find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
        let issuer = until(&mut process, async |log| ready(log)).await;
        let connector = connect("oidc", &issuer, properties());
        Self { process, issuer, connector }
    }
}

impl OidcProvider {
    /// A token of a user at the portal.
    pub(crate) async fn user_token(&self, user: &str, scope: &str) -> String {
        let form = [
            ("grant_type", "password"),
            ("username", user),
            ("password", &format!("{user}-password")),
            ("scope", scope),
        ];
        self.token("portal", "portal-secret", &form).await
    }

    /// What the token endpoint gives a client.
    pub(crate) async fn token(&self, id: &str, secret: &str, form: &[(&str, &str)]) -> String {
        let request = reqwest::Client::new().post(format!("{}/token", self.issuer)).basic_auth(id, Some(secret));
        let answer: Value = request.form(form).send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// The ids of the clients that are registered, the oldest first.
    pub(crate) fn clients(&self) -> Vec<String> {
        let log = self.process.log();
        let named = |word: &'static str| log.lines().filter_map(move |line| line.strip_prefix(word).map(str::to_owned));
        let deleted: Vec<String> = named("deleted ").collect();
        named("registered ").filter(|id| !deleted.contains(id)).collect()
    }
}

/// The connector's settings there.
pub(crate) fn properties() -> serde_json::Value {
    json!({"clientId": "gateway", "clientSecret": "gateway-secret", "initialAccessToken": "initial"})
}
