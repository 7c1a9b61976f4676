//! The request to the introspection endpoint.

use std::time::Duration;

use form_urlencoded::Serializer;

use crate::config::{ClientAuthentication, IntrospectionEndpoint};
use crate::{RequestHead, Secret};

/// Headers of the caller's request that go along, so that a trace shows the call.
const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "x-request-id"];

/// An HTTP call for the proxy to make.
#[derive(Debug)]
pub struct IntrospectionCall {
    /// Envoy cluster.
    pub cluster: String,
    /// Longest wait.
    pub timeout: Duration,
    /// Names and values, pseudo headers included.
    pub headers: Vec<(&'static str, String)>,
    /// Form-encoded body; holds the token.
    pub body: Secret,
}

impl IntrospectionCall {
    /// The question about `token`, with the trace headers of the request that asks.
    pub(crate) fn new(endpoint: &IntrospectionEndpoint, token: &Secret, trace: &[(&'static str, String)]) -> Self {
        let mut headers = vec![
            (":method", "POST".to_owned()),
            (":path", endpoint.path.clone()),
            (":authority", endpoint.authority.clone()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token.expose()).extend_pairs(&endpoint.parameters);
        match &endpoint.client_authentication {
            ClientAuthentication::Basic(credentials) => {
                headers.push(("authorization", credentials.expose().to_owned()));
            }
            ClientAuthentication::Post { client_id, client_secret } => {
                form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.expose());
            }
            ClientAuthentication::None => {}
        }
        headers.extend_from_slice(trace);
        Self { cluster: endpoint.cluster.clone(), timeout: endpoint.timeout, headers, body: Secret::new(form.finish()) }
    }
}

/// The trace headers of a request, as far as they are text.
pub(crate) fn trace_headers(head: &RequestHead<'_>) -> Vec<(&'static str, String)> {
    let values =
        |name| head.values(name).filter_map(move |value| Some((name, std::str::from_utf8(value).ok()?.to_owned())));
    TRACE_HEADERS.into_iter().flat_map(values).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn call(client_authentication: ClientAuthentication) -> IntrospectionCall {
        let endpoint = IntrospectionEndpoint {
            cluster: "idp".to_owned(),
            authority: "idp.example.com".to_owned(),
            path: "/introspect".to_owned(),
            timeout: Duration::from_secs(2),
            client_authentication,
            parameters: BTreeMap::from([("token_type_hint".to_owned(), "access_token".to_owned())]),
            inactive_statuses: Vec::new(),
            inactive_errors: Vec::new(),
        };
        IntrospectionCall::new(&endpoint, &Secret::new("a+/="), &[("traceparent", "00-1".to_owned())])
    }

    fn header<'c>(call: &'c IntrospectionCall, name: &str) -> Option<&'c str> {
        call.headers.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn asks_by_a_form_with_the_token_encoded() {
        let call = call(ClientAuthentication::None);

        assert_eq!(call.body.expose(), "token=a%2B%2F%3D&token_type_hint=access_token");
        assert_eq!(header(&call, ":method"), Some("POST"));
        assert_eq!(header(&call, "accept"), Some("application/json"));
        assert_eq!(header(&call, "traceparent"), Some("00-1"));
        assert_eq!(header(&call, "authorization"), None);
    }

    #[test]
    fn authenticates_as_configured() {
        let basic = call(ClientAuthentication::Basic(Secret::new("Basic eA==")));
        let client_secret = Secret::new("s&s");
        let post = call(ClientAuthentication::Post { client_id: "g".to_owned(), client_secret });

        assert_eq!(header(&basic, "authorization"), Some("Basic eA=="));
        assert!(post.body.expose().ends_with("&client_id=g&client_secret=s%26s"));
        assert_eq!(header(&post, "authorization"), None);
    }
}
