//! The request to the introspection endpoint.

use std::time::Duration;

use form_urlencoded::Serializer;
use serde_json::Map;

use super::signed;
use crate::config::{ClientAssertion, ClientAuthentication, IntrospectionEndpoint};
use crate::jws::SignError;
use crate::{RequestHead, Secret, UnixTime};

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
    ///
    /// # Errors
    /// [`SignError`] when the gateway cannot authenticate itself.
    pub(crate) fn new(
        endpoint: &IntrospectionEndpoint,
        token: &Secret,
        trace: &[(&'static str, String)],
        now: UnixTime,
    ) -> Result<Self, SignError> {
        let accept = if endpoint.signed_response.is_some() { signed::MEDIA_TYPE } else { "application/json" };
        let mut headers = vec![
            (":method", "POST".to_owned()),
            (":path", endpoint.path.clone()),
            (":authority", endpoint.authority.clone()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", accept.to_owned()),
        ];
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token.expose()).extend_pairs(&endpoint.parameters);
        match &endpoint.client_authentication {
            ClientAuthentication::Header(credentials) => {
                headers.push(("authorization", credentials.expose().to_owned()));
            }
            ClientAuthentication::Post { client_id, client_secret } => {
                form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.expose());
            }
            ClientAuthentication::PrivateKeyJwt(assertion) => {
                form.append_pair("client_assertion_type", ASSERTION_TYPE);
                form.append_pair("client_assertion", &assertion.sign(now)?);
            }
            ClientAuthentication::None => {}
        }
        headers.extend_from_slice(trace);
        let (on, at_most) = endpoint.retries;
        headers.extend([("x-envoy-retry-on", on.to_owned()), ("x-envoy-max-retries", at_most.to_owned())]);
        let body = Secret::new(form.finish());
        Ok(Self { cluster: endpoint.cluster.clone(), timeout: endpoint.timeout, headers, body })
    }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long an assertion can be used, by whoever gets hold of it before the identity provider does.
const ASSERTION_LIFETIME: Duration = Duration::from_secs(60);

impl ClientAssertion {
    /// A client assertion for one call (RFC 7523 section 3).
    fn sign(&self, now: UnixTime) -> Result<String, SignError> {
        // Inserted, for a map that is collected brings a sorting algorithm along.
        let mut claims = Map::new();
        for (name, value) in [
            ("iss", self.client_id.as_str().into()),
            ("sub", self.client_id.as_str().into()),
            ("aud", self.audience.as_str().into()),
            ("iat", now.as_seconds().into()),
            ("exp", now.plus(ASSERTION_LIFETIME).as_seconds().into()),
        ] {
            claims.insert(name.to_owned(), value);
        }
        self.signer.sign(claims)
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

    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use serde_json::Value;

    use serde_json::json;

    use super::*;
    use crate::jws::{JwtSigner, SigningKey};
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn call(client_authentication: ClientAuthentication) -> Result<IntrospectionCall, SignError> {
        let endpoint = IntrospectionEndpoint {
            cluster: "idp".to_owned(),
            authority: "idp.example.com".to_owned(),
            path: "/introspect".to_owned(),
            timeout: Duration::from_secs(2),
            client_authentication,
            parameters: vec![("token_type_hint".to_owned(), "access_token".to_owned())],
            inactive_statuses: Vec::new(),
            inactive_errors: Vec::new(),
            self_test: false,
            signed_response: None,
            retries: IntrospectionEndpoint::RETRIES,
        };
        let trace = [("traceparent", "00-1".to_owned())];
        IntrospectionCall::new(&endpoint, &Secret::new("a+/="), &trace, UnixTime::from_seconds(1000))
    }

    fn header_of<'c>(call: &'c IntrospectionCall, name: &str) -> Option<&'c str> {
        call.headers.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn asks_by_a_form_with_the_token_encoded() {
        let call = call(ClientAuthentication::None).unwrap();

        assert_eq!(call.body.expose(), "token=a%2B%2F%3D&token_type_hint=access_token");
        assert_eq!(header_of(&call, ":method"), Some("POST"));
        assert_eq!(header_of(&call, "accept"), Some("application/json"));
        assert_eq!(header_of(&call, "traceparent"), Some("00-1"));
        assert_eq!(header_of(&call, "x-envoy-retry-on"), Some("connect-failure,refused-stream"));
        assert_eq!(header_of(&call, "x-envoy-max-retries"), Some("1"));
        assert_eq!(header_of(&call, "authorization"), None);
    }

    #[test]
    fn authenticates_as_configured() {
        let basic = call(ClientAuthentication::Header(Secret::new("Basic eA=="))).unwrap();
        let client_secret = Secret::new("s&s");
        let post = call(ClientAuthentication::Post { client_id: "g".to_owned(), client_secret }).unwrap();

        assert_eq!(header_of(&basic, "authorization"), Some("Basic eA=="));
        assert!(post.body.expose().ends_with("&client_id=g&client_secret=s%26s"));
        assert_eq!(header_of(&post, "authorization"), None);
    }

    fn by_key(key_id: Option<&str>, is_equipped: bool) -> ClientAuthentication {
        let pem = Secret::new(include_str!("../../tests/keys/p256.pem"));
        let mut signer = JwtSigner::new(SigningKey::from_pem(&pem).unwrap(), key_id.map(str::to_owned));
        if is_equipped {
            signer.equip(None, [1; 16]);
        }
        let (client_id, audience) = ("gateway".to_owned(), "https://idp".to_owned());
        ClientAuthentication::PrivateKeyJwt(Box::new(ClientAssertion { client_id, audience, signer }))
    }

    fn json_part(assertion: &str, index: usize) -> Value {
        let part = assertion.split('.').nth(index).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn a_client_assertion_says_who_asks_whom_and_until_when() {
        for (key_id, header) in [
            (None, json!({"alg": "ES256", "typ": "JWT"})),
            (Some("k1"), json!({"alg": "ES256", "typ": "JWT", "kid": "k1"})),
        ] {
            let call = call(by_key(key_id, true)).unwrap();

            let form: BTreeMap<_, _> = form_urlencoded::parse(call.body.expose().as_bytes()).into_owned().collect();
            assert_eq!(form["client_assertion_type"], "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
            assert!(!form.contains_key("client_secret") && header_of(&call, "authorization").is_none());
            let assertion = &form["client_assertion"];
            assert_eq!(json_part(assertion, 0), header);
            let mut claims = json_part(assertion, 1);
            assert!(claims["jti"].take().as_str().is_some_and(|id| id.len() == 32));
            let expected = json!({"iss": "gateway", "sub": "gateway", "aud": "https://idp", "iat": 1000, "exp": 1060, "jti": null});
            assert_eq!(claims, expected);
        }
    }

    #[test]
    fn no_call_goes_without_the_authentication_that_is_configured() {
        assert_eq!(call(by_key(None, false)).map(|_| ()), Err(SignError));
    }
}
