//! Tries the introspection endpoints that are to be tried at start, and tells in the log what came of it.

use std::cell::RefCell;
use std::time::Duration;

use key_validation::introspection::{Answer, IntrospectionResponse};
use key_validation::jws::SignError;
use key_validation::lease::LeaseHolder;
use key_validation::{Gateway, Ports, SelfTest};
use log::{info, warn};

use crate::calls::{NO_RESPONSE, dispatch, failure};
use crate::host;

/// How long after the start endpoints are tried: until then their addresses may not be known.
pub(crate) const BEFORE_SELF_TESTS: Duration = Duration::from_secs(1);

/// A worker's tests under way, by the host's token for the call.
#[derive(Default)]
pub(crate) struct SelfTests(RefCell<Vec<(u32, SelfTest)>>);

impl SelfTests {
    /// Makes the calls that no other worker makes. To be called from the root context.
    pub(crate) fn make(&self, gateway: &Gateway, holder: LeaseHolder, ports: Ports<'_>) {
        for (test, call) in gateway.self_tests(holder, host::now(), ports) {
            match call.map(|call| dispatch(&call)) {
                Ok(Ok(token)) => self.0.borrow_mut().push((token, test)),
                Ok(Err(_)) => finish(test, Ok(&NO_RESPONSE), gateway, ports),
                Err(error) => finish(test, Err(error), gateway, ports),
            }
        }
    }

    /// Takes up the response to a call, if it is a test's.
    pub(crate) fn receive(
        &self,
        token: u32,
        response: &IntrospectionResponse<'_>,
        gateway: &Gateway,
        ports: Ports<'_>,
    ) -> bool {
        let position = self.0.borrow().iter().position(|(under_way, _)| *under_way == token);
        let Some(position) = position else { return false };
        let (_, test) = self.0.borrow_mut().swap_remove(position);
        finish(test, Ok(response), gateway, ports);
        true
    }
}

fn finish(
    test: SelfTest,
    response: Result<&IntrospectionResponse<'_>, SignError>,
    gateway: &Gateway,
    ports: Ports<'_>,
) {
    let ended = gateway.end_self_test(test, response, host::now(), ports);
    let Some((provider, verdict)) = ended else { return };
    match verdict {
        Ok(Answer::Inactive) => {
            info!("self-test: identity provider `{provider}` answers, and takes the gateway's credentials");
        }
        Ok(Answer::Active(_)) => {
            warn!("self-test: identity provider `{provider}` calls a made-up token active: do not believe it");
        }
        Err(unavailable) => {
            warn!("self-test: {}", failure(provider, unavailable, response.unwrap_or(&NO_RESPONSE)));
        }
    }
}
