//! HTTP/2 with prior knowledge, as gRPC clients speak it.

use std::net::SocketAddr;

use reqwest::Method;

use super::answer::{Answer, CASE_HEADER};
use super::call::fresh_case;

/// One connection; requests on it are concurrent.
#[derive(Clone)]
pub(crate) struct Connection {
    client: reqwest::Client,
    address: SocketAddr,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("an HTTP/2 client");
        Self { client, address }
    }

    /// Sends a request without a body.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let case = fresh_case();
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("http://{}{path}", self.address);
        let mut request = self.client.request(method, url).header(CASE_HEADER, &case);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer over HTTP/2");
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = response.bytes().await.expect("the answer's body").to_vec();
        Answer { status, headers, body, case }
    }
}

/// Sends a request without a body on a connection of its own.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    Connection::new(address).send(method, path, headers).await
}

/// A gRPC call; of an answer without a message everything is in its headers (trailers-only).
pub(crate) async fn grpc(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("content-type", "application/grpc"), ("te", "trailers")], headers].concat();
    send(address, "POST", path, &headers).await
}
