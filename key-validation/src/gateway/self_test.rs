//! Trying an introspection endpoint at start: one call of the process, about a token that nobody has.
//!
//! It tells the operator whether the endpoint answers and takes the gateway's credentials, and nothing depends on it:
//! neither the breaker nor what is remembered.

use std::time::Duration;

use super::flight_lease::lease;
use super::{Gateway, Ports, Question, Verdict, count_call};
use crate::cache::AnswerKey;
use crate::introspection::{IntrospectionCall, IntrospectionResponse, read_response};
use crate::jws::SignError;
use crate::lease::{LeaseHolder, Taken};
use crate::registry::IdentityProviderIndex;
use crate::{Secret, Unavailable, UnixTime};

/// Workers that start within this are of one start.
const ONE_START: Duration = Duration::from_secs(60);

/// A call that tries an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct SelfTest {
    identity_provider: IdentityProviderIndex,
    asked_at: UnixTime,
}

impl Gateway {
    /// Whether the configuration wants any endpoint to be tried.
    pub fn wants_self_tests(&self) -> bool {
        self.configuration.identity_providers.iter().any(|provider| provider.introspection.self_test)
    }

    /// The calls that try the endpoints which are to be tried and which no other worker tries. Each must be ended by
    /// [`Self::end_self_test`].
    #[inline(never)]
    pub fn self_tests(
        &self,
        holder: LeaseHolder,
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Vec<(SelfTest, Result<IntrospectionCall, SignError>)> {
        let providers = (0..).map(IdentityProviderIndex).zip(&self.configuration.identity_providers);
        let wanted = providers.filter(|(_, provider)| provider.introspection.self_test);
        let own = wanted.filter(|(identity_provider, provider)| {
            // No request has an empty token.
            let key = AnswerKey::new(&provider.fingerprint, "");
            let lease = lease(Question { identity_provider: *identity_provider, key, token: None });
            matches!(lease.take(holder, now.plus(ONE_START), now, ports.shared), Taken::Granted { .. })
        });
        // The octets of a holder are random, and no identity provider has ever issued them.
        let token = Secret::new(format!("{:032x}", u128::from_le_bytes(holder.0)));
        own.map(|(identity_provider, provider)| {
            let call = IntrospectionCall::new(&provider.introspection, &token, &[], now);
            (SelfTest { identity_provider, asked_at: now }, call)
        })
        .collect()
    }

    /// What came of a test, which is counted as an introspection call: the identity provider's name, and its verdict.
    #[inline(never)]
    pub fn end_self_test(
        &self,
        test: SelfTest,
        response: Result<&IntrospectionResponse<'_>, SignError>,
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Option<(&str, Verdict)> {
        let provider = self.identity_provider(test.identity_provider)?;
        let verdict = response
            .map_err(|SignError| Unavailable::NotSigned)
            .and_then(|response| read_response(provider, response, test.asked_at, now));
        let response = response.copied().unwrap_or_default();
        count_call(provider, &response, &verdict, now.since(test.asked_at), ports);
        Some((&provider.name, verdict))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Fixture, configuration, with_token};
    use super::*;
    use crate::exchange::Step;
    use crate::introspection::Answer;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ONE: LeaseHolder = LeaseHolder([1; 16]);
    const OTHER: LeaseHolder = LeaseHolder([2; 16]);

    fn fixture(self_test: bool) -> Fixture {
        let mut configuration = configuration();
        configuration["identityProviders"][0]["introspection"]["selfTest"] = json!(self_test);
        // One outage would open it.
        configuration["identityProviders"][0]["breaker"] = json!({"failures": 1});
        Fixture::with(&configuration)
    }

    fn tests(fixture: &Fixture, holder: LeaseHolder) -> Vec<(SelfTest, IntrospectionCall)> {
        let now = UnixTime::from_seconds(fixture.now);
        let tests = fixture.gateway.self_tests(holder, now, fixture.ports());
        tests.into_iter().map(|(test, call)| (test, call.unwrap())).collect()
    }

    fn ended(fixture: &Fixture, status: Option<u16>, body: &str) -> Verdict {
        let (test, _) = tests(fixture, ONE).remove(0);
        let response = IntrospectionResponse { status, body: Some(body.as_bytes()), ..Default::default() };
        let now = UnixTime::from_seconds(fixture.now);
        let (name, verdict) = fixture.gateway.end_self_test(test, Ok(&response), now, fixture.ports()).unwrap();
        assert_eq!(name, "idp");
        verdict
    }

    #[test]
    fn s5_self_tests_are_made_once_in_a_process_and_only_if_wanted() {
        let unwanted = fixture(false);
        assert!(!unwanted.gateway.wants_self_tests() && tests(&unwanted, ONE).is_empty());

        let mut fixture = fixture(true);
        assert!(fixture.gateway.wants_self_tests());
        let calls = tests(&fixture, ONE);
        assert_eq!(calls.len(), 1);
        assert!(calls[0].1.body.expose().starts_with("token=01010101010101010101010101010101&"));
        assert!(tests(&fixture, OTHER).is_empty(), "another worker of the same start");
        fixture.now += 60;
        assert_eq!(tests(&fixture, OTHER).len(), 1, "a start of another day");
    }

    #[test]
    fn s5_self_tests_are_counted_and_hold_nothing_off() {
        let refused = Unavailable::ClientAuthFailed { retry_after: Duration::from_secs(1) };
        let outage = Unavailable::Outage { retry_after: Duration::from_secs(1) };
        for (status, body, expected, counted) in [
            (Some(200), r#"{"active":false}"#, Ok(Answer::Inactive), "call idp inactive"),
            (Some(401), "", Err(refused), "call idp client_auth_failed"),
            (Some(404), "", Err(Unavailable::Misconfigured), "call idp misconfigured"),
            (Some(200), "<html>", Err(Unavailable::AnswerMalformed), "call idp malformed"),
            (None, "", Err(outage), "call idp outage"),
        ] {
            let fixture = fixture(true);

            assert_eq!(ended(&fixture, status, body), expected);

            assert_eq!(fixture.count(counted), 1, "{counted}");
            let Step::Introspect(exchange) = fixture.begin(&with_token("/pizza/1/order", "Bearer t")) else {
                panic!("decided")
            };
            assert!(fixture.gateway.begin_call(&exchange, UnixTime::from_seconds(fixture.now)).is_ok(), "{counted}");
        }
    }

    #[test]
    fn s5_self_tests_tell_an_endpoint_that_calls_everything_active() {
        assert!(matches!(ended(&fixture(true), Some(200), r#"{"active":true}"#), Ok(Answer::Active(_))));
    }
}
