//! The table of refusals: what the client gets, and what the operator sees.

use serde_json::json;

use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::backend::BACKEND;

/// A refusal (BEHAVIOUR.md section 2).
#[derive(Debug)]
pub(crate) struct Denial {
    status: u16,
    code: &'static str,
    message: &'static str,
    /// In the response code details.
    reason: &'static str,
    challenge: Challenge,
}

#[derive(Clone, Copy, Debug)]
enum Challenge {
    Absent,
    /// Without an error code: the request lacked credentials.
    Bare,
    /// With this error code first.
    Error(&'static str),
}

const fn denial(
    (code, message, status): (&'static str, &'static str, u16),
    reason: &'static str,
    challenge: Challenge,
) -> Denial {
    Denial { status, code, message, reason, challenge }
}

type Code = (&'static str, &'static str, u16);
const INVALID: Code = ("900901", "Invalid Credentials", 401);
const MISSING: Code = ("900902", "Missing Credentials", 401);
const TOKEN_TYPE: Code = ("900905", "Incorrect Access Token Type is provided", 403);
const NO_RESOURCE: Code = ("900906", "No matching resource found in the API for the given request", 404);
const NO_VERB: Code = ("900906", "No matching resource found in the API for the given request", 405);
const BLOCKED: Code = ("900907", "The requested API is temporarily blocked", 403);
const FORBIDDEN: Code = ("900908", "Resource forbidden", 403);
const INACTIVE: Code = ("900909", "The subscription to the API is inactive", 403);
const NO_SCOPE: Code = ("900910", "The access token does not allow you to access the requested resource", 403);
const AUDIENCE: Code = ("900914", "Access Denied", 403);
const MALFORMED: Code = ("900920", "Malformed request", 400);
const UNAVAILABLE: Code = ("900921", "Identity provider unavailable", 503);
const UNCLASSIFIED: Code = ("900900", "Unclassified Authentication Failure", 500);
const BLOCKED_API: Code = ("700700", "API blocked", 503);

const INVALID_TOKEN_CHALLENGE: Challenge = Challenge::Error("invalid_token");

pub(crate) const MISSING_CREDENTIALS: Denial = denial(MISSING, "missing_credentials", Challenge::Bare);
pub(crate) const MALFORMED_CREDENTIALS: Denial =
    denial(MALFORMED, "malformed_credentials", Challenge::Error("invalid_request"));
pub(crate) const MALFORMED_REQUEST: Denial = denial(MALFORMED, "malformed_request", Challenge::Absent);
pub(crate) const AMBIGUOUS_TARGET: Denial = denial(MALFORMED, "ambiguous_target", Challenge::Absent);
pub(crate) const NO_API: Denial = denial(NO_RESOURCE, "no_api", Challenge::Absent);
pub(crate) const NO_OPERATION: Denial = denial(NO_RESOURCE, "no_operation", Challenge::Absent);
pub(crate) const METHOD_NOT_ALLOWED: Denial = denial(NO_VERB, "method_not_allowed", Challenge::Absent);
pub(crate) const API_BLOCKED: Denial = denial(BLOCKED_API, "api_blocked", Challenge::Absent);
pub(crate) const INVALID_TOKEN: Denial = denial(INVALID, "invalid_token", INVALID_TOKEN_CHALLENGE);
pub(crate) const TOKEN_NOT_YET_VALID: Denial = denial(INVALID, "token_not_yet_valid", INVALID_TOKEN_CHALLENGE);
pub(crate) const ISSUER_MISMATCH: Denial = denial(INVALID, "issuer_mismatch", INVALID_TOKEN_CHALLENGE);
pub(crate) const WRONG_TOKEN_KIND: Denial = denial(INVALID, "wrong_token_kind", INVALID_TOKEN_CHALLENGE);
pub(crate) const SENDER_CONSTRAINED: Denial = denial(INVALID, "sender_constrained", INVALID_TOKEN_CHALLENGE);
pub(crate) const AUDIENCE_MISMATCH: Denial = denial(AUDIENCE, "audience_mismatch", Challenge::Absent);
pub(crate) const WRONG_AUTH_TYPE: Denial = denial(TOKEN_TYPE, "wrong_auth_type", Challenge::Absent);
pub(crate) const NO_SUBSCRIPTION: Denial = denial(FORBIDDEN, "no_subscription", Challenge::Absent);
pub(crate) const SUBSCRIPTION_BLOCKED: Denial = denial(BLOCKED, "subscription_blocked", Challenge::Absent);
pub(crate) const SUBSCRIPTION_INACTIVE: Denial = denial(INACTIVE, "subscription_inactive", Challenge::Absent);
pub(crate) const INSUFFICIENT_SCOPE: Denial =
    denial(NO_SCOPE, "insufficient_scope", Challenge::Error("insufficient_scope"));
pub(crate) const IDP_UNAVAILABLE: Denial = denial(UNAVAILABLE, "idp_unavailable", Challenge::Absent);
pub(crate) const IDP_CLIENT_AUTH_FAILED: Denial = denial(UNAVAILABLE, "idp_client_auth_failed", Challenge::Absent);
pub(crate) const IDP_ANSWER_MALFORMED: Denial = denial(UNAVAILABLE, "idp_answer_malformed", Challenge::Absent);
pub(crate) const IDP_MISCONFIGURED: Denial = denial(UNAVAILABLE, "idp_misconfigured", Challenge::Absent);
pub(crate) const IDP_SHED: Denial = denial(UNAVAILABLE, "idp_shed", Challenge::Absent);
pub(crate) const BACKEND_JWT_FAILED: Denial = denial(UNCLASSIFIED, "backend_jwt_failed", Challenge::Absent);

impl<I> Site<I> {
    /// The answer is this refusal and nothing else, the log says so, and nothing reached the backend.
    pub(crate) async fn assert_denied(&self, name: &str, answer: &Answer, denial: &Denial) {
        denial.assert_answers(name, answer);
        let logged = self.gateway.logged(answer).await;
        assert_eq!(logged.details, Some(format!("gatehouse_{}", denial.reason)), "{name}");
        assert_eq!(logged.decision.as_deref(), Some("deny"), "{name}");
        assert_eq!(logged.code, denial.status, "{name}");
        assert_eq!(logged.assertion, None, "{name}: the request bears a backend JWT");
        assert!(!BACKEND.was_reached_by(&answer.case), "{name}: the request reached the backend");
    }
}

impl Denial {
    fn assert_answers(&self, name: &str, answer: &Answer) {
        let got = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, self.status, "{name}: {got}");
        let body = answer.json();
        let description = body["description"].as_str().unwrap_or_default();
        assert!(!description.is_empty(), "{name}: no description in {got}");
        let expected = json!({"code": self.code, "message": self.message, "description": description});
        assert_eq!(body, expected, "{name}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{name}");
        let retry_after = answer.header("retry-after");
        assert_eq!(retry_after.is_some(), self.code == UNAVAILABLE.0, "{name}: Retry-After is {retry_after:?}");
        assert_eq!(answer.header("allow").is_some(), self.status == 405, "{name}: {:?}", answer.header("allow"));
        self.assert_challenges(name, answer.header("www-authenticate"));
    }

    fn assert_challenges(&self, name: &str, challenge: Option<&str>) {
        const BARE: &str = r#"Bearer realm="gatehouse""#;
        match self.challenge {
            Challenge::Absent => assert_eq!(challenge, None, "{name}"),
            Challenge::Bare => assert_eq!(challenge, Some(BARE), "{name}"),
            Challenge::Error(error) => {
                let challenge = challenge.unwrap_or_else(|| panic!("{name}: no challenge"));
                let expected = format!(r#"{BARE}, error="{error}", "#);
                assert!(challenge.starts_with(&expected), "{name}: {challenge}");
            }
        }
    }
}
