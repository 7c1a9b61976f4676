//! Introspection calls as the host makes them.

use key_validation::Unavailable;
use key_validation::introspection::{IntrospectionCall, IntrospectionResponse};

use crate::host::{self, HostError};

/// What is known of a call that failed before anything came back.
pub(crate) const NO_RESPONSE: IntrospectionResponse<'static> =
    IntrospectionResponse { status: None, retry_after: None, content_type: None, body: None };

/// Makes a call of this context.
pub(crate) fn dispatch(call: &IntrospectionCall) -> Result<u32, HostError> {
    host::dispatch(&call.cluster, &call.headers, call.body.expose(), call.timeout)
}

/// In words for the operator.
pub(crate) fn failure(provider: &str, unavailable: Unavailable, response: &IntrospectionResponse<'_>) -> String {
    let status = response.status.map_or("none".to_owned(), |status| status.to_string());
    format!("identity provider `{provider}`: {unavailable} (status {status})")
}
