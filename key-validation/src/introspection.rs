//! Introspection (RFC 7662): the question about a token, and what the identity provider's response means.

mod answer;
mod document;
mod request;
mod response;
mod signed;

pub(crate) use answer::RefreshWindow;
#[cfg(test)]
pub(crate) use answer::tests_support;
pub use answer::{ActiveAnswer, MalformedRecord, Texts};
pub use request::IntrospectionCall;
pub(crate) use request::trace_headers;
pub use response::{Answer, BODY_LIMIT, IntrospectionResponse, read_response};
