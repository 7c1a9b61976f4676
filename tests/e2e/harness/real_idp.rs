//! A real identity provider: the demo's, which is npm `oidc-provider`.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use super::process::Supervised;
use super::{place, wait};

pub(crate) struct RealIdp {
    _process: Supervised,
    pub(crate) issuer: String,
    pub(crate) address: SocketAddr,
}

/// A client at the identity provider.
pub(crate) struct Client<'c> {
    pub(crate) id: &'c str,
    pub(crate) secret: &'c str,
}

impl RealIdp {
    /// Starts it with clients, users and scopes in the form that `envoy-demo/idp.mjs` takes.
    pub(crate) async fn start(name: &str, configuration: &Value) -> Self {
        let directory = place::scratch(name);
        let configuration_path = directory.join("idp.json");
        std::fs::write(&configuration_path, configuration.to_string()).expect("write the configuration");
        let mut command = Command::new("node");
        command
            .arg(place::repository_root().join("envoy-demo/idp.mjs"))
            .arg("--config")
            .arg(configuration_path)
            .args(["--port", "0"]);
        let mut process = Supervised::start(&command, directory.join("idp.log"));
        let issuer = wait::until("the identity provider", async || {
            if let Some(status) = process.exit_status() {
                panic!("the identity provider ended with {status}:\n{}", process.log_tail());
            }
            process.log().lines().find_map(|line| line.strip_prefix("ready ").map(|issuer| issuer.trim().to_owned()))
        })
        .await;
        let address = issuer.trim_start_matches("http://").trim_end_matches('/').parse().expect("host and port");
        Self { _process: process, issuer, address }
    }

    /// The answer of the token endpoint to a client.
    pub(crate) async fn token(&self, client: &Client<'_>, fields: &[(&str, &str)]) -> Value {
        let response = self.post("/token", client, fields).await;
        let status = response.status();
        let body = response.text().await.expect("the token endpoint's body");
        assert!(status.is_success(), "{status}: {body}");
        serde_json::from_str(&body).expect("the token endpoint's JSON")
    }

    /// An access token of a client itself.
    pub(crate) async fn application_token(&self, client: &Client<'_>, scope: &str) -> String {
        let answer = self.token(client, &[("grant_type", "client_credentials"), ("scope", scope)]).await;
        answer["access_token"].as_str().expect("an access token").to_owned()
    }

    pub(crate) async fn revoke(&self, client: &Client<'_>, token: &str) {
        let response = self.post("/token/revocation", client, &[("token", token)]).await;
        assert!(response.status().is_success(), "revocation: {}", response.status());
    }

    /// The keys that it signs with.
    pub(crate) async fn key_set(&self) -> Value {
        let answer = reqwest::get(format!("{}/jwks", self.issuer)).await.expect("an answer of the identity provider");
        serde_json::from_str(&answer.text().await.expect("the key set's body")).expect("the key set's JSON")
    }

    async fn post(&self, path: &str, client: &Client<'_>, fields: &[(&str, &str)]) -> reqwest::Response {
        let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect();
        reqwest::Client::new()
            .post(format!("http://{}{path}", self.address))
            .basic_auth(client.id, Some(client.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.join("&"))
            .send()
            .await
            .expect("an answer of the identity provider")
    }
}
