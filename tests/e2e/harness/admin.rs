//! Envoy's administration interface.

use std::net::SocketAddr;

use serde_json::Value;

/// The body of a successful answer.
pub(crate) async fn get(admin: SocketAddr, path: &str) -> Option<String> {
    let response = reqwest::get(format!("http://{admin}{path}")).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    response.text().await.ok()
}

/// Where the one listener listens, which has asked for any free port.
pub(crate) async fn listener_address(admin: SocketAddr) -> SocketAddr {
    let listeners = get(admin, "/listeners?format=json").await.expect("Envoy's listeners");
    let listeners: Value = serde_json::from_str(&listeners).expect("the listeners as JSON");
    let address = &listeners["listener_statuses"][0]["local_address"]["socket_address"];
    let ip = address["address"].as_str().expect("the listener's address");
    format!("{ip}:{}", address["port_value"]).parse().expect("an IP address and a port")
}
