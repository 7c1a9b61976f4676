//! Every refusal and the one answer that belongs to it.

use std::time::Duration;

use crate::exchange::{Publication, Reply};

/// Why a request is refused. What each variant answers is told by its row in [`Denial::row`], and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No bearer token came along.
    MissingCredentials,
    /// There are credentials, but which token they mean cannot be told.
    MalformedCredentials,
    /// Method, authority or target that no server should accept.
    MalformedRequest,
    /// A target on whose meaning servers disagree, where the API does not allow it.
    AmbiguousTarget,
    /// No API has the host and base path.
    NoApi,
    /// The API has no operation with this target.
    NoOperation,
    /// The API has operations with this target, but for other verbs.
    MethodNotAllowed {
        /// The verbs it has, for `Allow`.
        allow: String,
    },
    /// The API's life cycle says BLOCKED.
    ApiBlocked,
    /// The identity provider does not know the token, or no identity provider is responsible for it.
    InvalidToken,
    /// The token has expired.
    TokenExpired,
    /// `nbf` or `iat` lies ahead by more than the clock skew.
    TokenNotYetValid,
    /// The answer names another issuer than the identity provider's.
    IssuerMismatch,
    /// The token is for another audience.
    AudienceMismatch,
    /// A refresh, identity or offline token was presented.
    WrongTokenKind,
    /// The token is bound to a key (`cnf`), and no proof of possession is verified here.
    SenderConstrained,
    /// An application's token on an operation for users, or the other way round.
    WrongAuthType,
    /// No client id, application or subscription to the API.
    NoSubscription,
    /// The subscription is blocked.
    SubscriptionBlocked,
    /// The subscription is on hold or was rejected.
    SubscriptionInactive,
    /// The token lacks the operation's scopes.
    InsufficientScope {
        /// The operation's scopes, space-delimited.
        needed: String,
    },
    /// The backend JWT could not be made.
    BackendJwtFailed,
    /// The proxy refused a call that the decision needs.
    HostFailed,
    /// The registry, or the key of backend JWTs, has not come from the key manager yet.
    NotReady,
    /// No usable answer from the identity provider.
    Unavailable(Unavailable),
}

/// Why there is no answer about a token; it says nothing about the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Unreachable, too slow, overloaded or failing.
    #[error("it is unreachable, too slow, overloaded or failing")]
    Outage {
        /// When to come back.
        retry_after: Duration,
    },
    /// The identity provider refuses our own credentials.
    #[error("it refuses the gateway's own credentials")]
    ClientAuthFailed {
        /// When to come back.
        retry_after: Duration,
    },
    /// It answered about this token in a way that cannot be believed.
    #[error("its answer cannot be believed")]
    AnswerMalformed,
    /// It answered something that no introspection endpoint should.
    #[error("its address does not answer as an introspection endpoint")]
    Misconfigured,
    /// Too many calls are under way in this worker.
    #[error("too many calls to it are under way")]
    Shed,
    /// The gateway could not sign what it authenticates itself by.
    #[error("the gateway's own client assertion cannot be signed")]
    NotSigned,
}

/// The challenge of `WWW-Authenticate` (RFC 6750 section 3).
#[derive(Clone, Copy)]
enum Challenge {
    None,
    /// No error code: the request lacked credentials.
    Bare,
    InvalidRequest,
    InvalidToken,
    InsufficientScope,
}

/// What every denial of one configuration has in common.
#[derive(Clone, Debug)]
pub struct ChallengeSettings {
    /// The protection space; holds no quote, backslash or control character.
    pub realm: String,
    /// RFC 9728 metadata URL, under the same restriction.
    pub resource_metadata: Option<String>,
}

/// One line of the table of answers (BEHAVIOUR.md section 2).
struct Row {
    /// Names the reason in access log and metrics.
    reason: &'static str,
    code: &'static str,
    message: &'static str,
    description: &'static str,
    status: u16,
    grpc_status: u8,
    challenge: Challenge,
}

mod code {
    pub(super) type Code = (&'static str, &'static str, u16);
    pub(super) const UNCLASSIFIED: Code = ("900900", "Unclassified Authentication Failure", 500);
    pub(super) const INVALID_CREDENTIALS: Code = ("900901", "Invalid Credentials", 401);
    pub(super) const MISSING_CREDENTIALS: Code = ("900902", "Missing Credentials", 401);
    pub(super) const WRONG_TOKEN_TYPE: Code = ("900905", "Incorrect Access Token Type is provided", 403);
    const NO_RESOURCE_MESSAGE: &str = "No matching resource found in the API for the given request";
    pub(super) const NO_RESOURCE: Code = ("900906", NO_RESOURCE_MESSAGE, 404);
    pub(super) const NO_VERB: Code = ("900906", NO_RESOURCE_MESSAGE, 405);
    pub(super) const BLOCKED: Code = ("900907", "The requested API is temporarily blocked", 403);
    pub(super) const FORBIDDEN: Code = ("900908", "Resource forbidden", 403);
    pub(super) const INACTIVE: Code = ("900909", "The subscription to the API is inactive", 403);
    pub(super) const NO_SCOPE: Code =
        ("900910", "The access token does not allow you to access the requested resource", 403);
    pub(super) const AUDIENCE: Code = ("900914", "Access Denied", 403);
    pub(super) const MALFORMED: Code = ("900920", "Malformed request", 400);
    pub(super) const UNAVAILABLE: Code = ("900921", "Identity provider unavailable", 503);
    pub(super) const NOT_READY: Code = ("900922", "Gateway not ready", 503);
    pub(super) const API_BLOCKED: Code = ("700700", "API blocked", 503);
}

const RETRY_SOON: Duration = Duration::from_secs(1);

/// What a denial is about; where only reports are wanted, it decides which requests go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// The request itself, or the gateway: never let through.
    Request,
    /// Who calls (BEHAVIOUR.md section 1, rows 8 to 12).
    Authentication,
    /// What the caller may (rows 13 and 14).
    Permission,
}

impl Denial {
    /// What the denial is about.
    pub(crate) fn concern(&self) -> Concern {
        match self {
            Self::MissingCredentials
            | Self::MalformedCredentials
            | Self::InvalidToken
            | Self::TokenExpired
            | Self::TokenNotYetValid
            | Self::IssuerMismatch
            | Self::AudienceMismatch
            | Self::WrongTokenKind
            | Self::SenderConstrained
            | Self::WrongAuthType
            | Self::Unavailable(_) => Concern::Authentication,
            Self::NoSubscription
            | Self::SubscriptionBlocked
            | Self::SubscriptionInactive
            | Self::InsufficientScope { .. } => Concern::Permission,
            Self::MalformedRequest
            | Self::AmbiguousTarget
            | Self::NoApi
            | Self::NoOperation
            | Self::MethodNotAllowed { .. }
            | Self::ApiBlocked
            | Self::BackendJwtFailed
            | Self::HostFailed
            | Self::NotReady => Concern::Request,
        }
    }

    fn row(&self) -> Row {
        use Challenge::{Bare, InsufficientScope, InvalidRequest, InvalidToken, None};
        let (reason, (code, message, status), challenge, description) = match self {
            Self::MissingCredentials => {
                ("missing_credentials", code::MISSING_CREDENTIALS, Bare, "A bearer token is required")
            }
            Self::MalformedCredentials => {
                ("malformed_credentials", code::MALFORMED, InvalidRequest, "The credentials are malformed")
            }
            Self::MalformedRequest => ("malformed_request", code::MALFORMED, None, "The request is malformed"),
            Self::AmbiguousTarget => ("ambiguous_target", code::MALFORMED, None, "The request target is ambiguous"),
            Self::NoApi => ("no_api", code::NO_RESOURCE, None, "No API is published at this address"),
            Self::NoOperation => ("no_operation", code::NO_RESOURCE, None, "The API has no such operation"),
            Self::MethodNotAllowed { .. } => {
                ("method_not_allowed", code::NO_VERB, None, "The operation has no such method")
            }
            Self::ApiBlocked => ("api_blocked", code::API_BLOCKED, None, "The API is blocked by its publisher"),
            Self::InvalidToken => {
                ("invalid_token", code::INVALID_CREDENTIALS, InvalidToken, "The access token is not active")
            }
            Self::TokenExpired => {
                ("token_expired", code::INVALID_CREDENTIALS, InvalidToken, "The access token has expired")
            }
            Self::TokenNotYetValid => {
                ("token_not_yet_valid", code::INVALID_CREDENTIALS, InvalidToken, "The access token is not valid yet")
            }
            Self::IssuerMismatch => {
                ("issuer_mismatch", code::INVALID_CREDENTIALS, InvalidToken, "The access token has another issuer")
            }
            Self::AudienceMismatch => {
                ("audience_mismatch", code::AUDIENCE, None, "The access token is for another audience")
            }
            Self::WrongTokenKind => {
                ("wrong_token_kind", code::INVALID_CREDENTIALS, InvalidToken, "The token is not an access token")
            }
            Self::SenderConstrained => {
                ("sender_constrained", code::INVALID_CREDENTIALS, InvalidToken, "The access token is bound to a key")
            }
            Self::WrongAuthType => (
                "wrong_auth_type",
                code::WRONG_TOKEN_TYPE,
                None,
                "The operation takes the other of application and user tokens",
            ),
            Self::NoSubscription => {
                ("no_subscription", code::FORBIDDEN, None, "The application has no subscription to the API")
            }
            Self::SubscriptionBlocked => {
                ("subscription_blocked", code::BLOCKED, None, "The subscription to the API is blocked")
            }
            Self::SubscriptionInactive => {
                ("subscription_inactive", code::INACTIVE, None, "The subscription to the API is not approved")
            }
            Self::InsufficientScope { .. } => {
                ("insufficient_scope", code::NO_SCOPE, InsufficientScope, "The access token lacks a scope")
            }
            Self::BackendJwtFailed => {
                ("backend_jwt_failed", code::UNCLASSIFIED, None, "The caller's identity could not be asserted")
            }
            Self::HostFailed => ("host_failed", code::UNCLASSIFIED, None, "The request could not be decided"),
            Self::NotReady => ("not_ready", code::NOT_READY, None, "The gateway is not ready yet; try again later"),
            Self::Unavailable(unavailable) => (
                unavailable.reason(),
                code::UNAVAILABLE,
                None,
                "The access token could not be checked; try again later",
            ),
        };
        Row { reason, code, message, description, status, grpc_status: grpc_status(status), challenge }
    }

    /// The reason's name in access log and metrics.
    pub fn reason(&self) -> &'static str {
        self.row().reason
    }

    /// The answer: JSON, or a short text with a gRPC status when the request is gRPC.
    pub fn reply(&self, settings: &ChallengeSettings, grpc: bool) -> Reply {
        let row = self.row();
        let mut headers = Vec::new();
        if let Some(challenge) = self.challenge(&row, settings) {
            headers.push(("www-authenticate", challenge));
        }
        if let Self::MethodNotAllowed { allow } = self {
            headers.push(("allow", allow.clone()));
        }
        match self {
            Self::Unavailable(unavailable) => headers.push(("retry-after", unavailable.retry_after_seconds())),
            Self::NotReady => headers.push(("retry-after", "1".to_owned())),
            _ => {}
        }
        let body = if grpc {
            row.description.to_owned()
        } else {
            headers.push(("content-type", "application/json".to_owned()));
            format!(r#"{{"code":"{}","message":"{}","description":"{}"}}"#, row.code, row.message, row.description)
        };
        Reply {
            status: row.status,
            headers,
            body,
            grpc_status: grpc.then_some(row.grpc_status),
            reason: row.reason,
            publication: Publication::denied(),
        }
    }

    fn challenge(&self, row: &Row, settings: &ChallengeSettings) -> Option<String> {
        use std::fmt::Write as _;
        let error = match row.challenge {
            Challenge::None => return None,
            Challenge::Bare => None,
            Challenge::InvalidRequest => Some("invalid_request"),
            Challenge::InvalidToken => Some("invalid_token"),
            Challenge::InsufficientScope => Some("insufficient_scope"),
        };
        let mut challenge = format!("Bearer realm=\"{}\"", settings.realm);
        // Writing to a `String` cannot fail.
        if let Some(error) = error {
            let _ = write!(challenge, ", error=\"{error}\"");
        }
        if let Self::InsufficientScope { needed } = self {
            let _ = write!(challenge, ", scope=\"{needed}\"");
        } else if error.is_some() {
            let _ = write!(challenge, ", error_description=\"{}\"", row.description);
        }
        if let Some(url) = &settings.resource_metadata {
            let _ = write!(challenge, ", resource_metadata=\"{url}\"");
        }
        Some(challenge)
    }
}

impl From<Unavailable> for Denial {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl Unavailable {
    fn reason(self) -> &'static str {
        match self {
            Self::Outage { .. } => "idp_unavailable",
            Self::ClientAuthFailed { .. } => "idp_client_auth_failed",
            Self::AnswerMalformed => "idp_answer_malformed",
            Self::Misconfigured => "idp_misconfigured",
            Self::Shed => "idp_shed",
            Self::NotSigned => "idp_call_not_signed",
        }
    }

    /// The name of such a call's outcome in metrics.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::Outage { .. } => "outage",
            Self::ClientAuthFailed { .. } => "client_auth_failed",
            Self::AnswerMalformed => "malformed",
            Self::Misconfigured => "misconfigured",
            Self::Shed => "shed",
            Self::NotSigned => "not_signed",
        }
    }

    /// Whole seconds, never 0: a client that is told 0 comes back at once.
    fn retry_after_seconds(self) -> String {
        let retry_after = match self {
            Self::Outage { retry_after } | Self::ClientAuthFailed { retry_after } => retry_after,
            Self::AnswerMalformed | Self::Misconfigured | Self::Shed | Self::NotSigned => RETRY_SOON,
        };
        let seconds = retry_after.as_millis().div_ceil(1000).max(1);
        seconds.to_string()
    }
}

/// The gRPC status of an HTTP status (BEHAVIOUR.md section 2).
fn grpc_status(status: u16) -> u8 {
    const INVALID_ARGUMENT: u8 = 3;
    const PERMISSION_DENIED: u8 = 7;
    const UNIMPLEMENTED: u8 = 12;
    const INTERNAL: u8 = 13;
    const UNAVAILABLE: u8 = 14;
    const UNAUTHENTICATED: u8 = 16;
    match status {
        400 => INVALID_ARGUMENT,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 | 405 => UNIMPLEMENTED,
        503 => UNAVAILABLE,
        _ => INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn settings() -> ChallengeSettings {
        ChallengeSettings { realm: "gatehouse".to_owned(), resource_metadata: None }
    }

    fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
        reply.headers.iter().find(|(candidate, _)| *candidate == name).map(|(_, value)| value.as_str())
    }

    fn outage() -> Denial {
        Unavailable::Outage { retry_after: Duration::from_millis(1200) }.into()
    }

    #[test]
    fn s2_each_denial_has_its_one_answer() {
        const INVALID: (&str, &str) = ("900901", "Invalid Credentials");
        const NO_RESOURCE: (&str, &str) = ("900906", "No matching resource found in the API for the given request");
        const MALFORMED: (&str, &str) = ("900920", "Malformed request");
        const AWAY: (&str, &str) = ("900921", "Identity provider unavailable");
        const UNCLASSIFIED: (&str, &str) = ("900900", "Unclassified Authentication Failure");
        const CHALLENGE: &[&str] = &["www-authenticate"];
        const RETRY: &[&str] = &["retry-after"];
        let retry_after = Duration::from_secs(1);
        let scope = Denial::InsufficientScope { needed: "a b".to_owned() };
        let no_scope = ("900910", "The access token does not allow you to access the requested resource");
        let verbs = Denial::MethodNotAllowed { allow: "GET, HEAD".to_owned() };
        for (denial, (code, message), status, grpc, reason, headers) in [
            (Denial::MissingCredentials, ("900902", "Missing Credentials"), 401, 16, "missing_credentials", CHALLENGE),
            (Denial::MalformedCredentials, MALFORMED, 400, 3, "malformed_credentials", CHALLENGE),
            (Denial::MalformedRequest, MALFORMED, 400, 3, "malformed_request", &[]),
            (Denial::AmbiguousTarget, MALFORMED, 400, 3, "ambiguous_target", &[]),
            (Denial::NoApi, NO_RESOURCE, 404, 12, "no_api", &[]),
            (Denial::NoOperation, NO_RESOURCE, 404, 12, "no_operation", &[]),
            (verbs, NO_RESOURCE, 405, 12, "method_not_allowed", &["allow"]),
            (Denial::ApiBlocked, ("700700", "API blocked"), 503, 14, "api_blocked", &[]),
            (Denial::InvalidToken, INVALID, 401, 16, "invalid_token", CHALLENGE),
            (Denial::TokenExpired, INVALID, 401, 16, "token_expired", CHALLENGE),
            (Denial::TokenNotYetValid, INVALID, 401, 16, "token_not_yet_valid", CHALLENGE),
            (Denial::IssuerMismatch, INVALID, 401, 16, "issuer_mismatch", CHALLENGE),
            (Denial::WrongTokenKind, INVALID, 401, 16, "wrong_token_kind", CHALLENGE),
            (Denial::SenderConstrained, INVALID, 401, 16, "sender_constrained", CHALLENGE),
            (Denial::AudienceMismatch, ("900914", "Access Denied"), 403, 7, "audience_mismatch", &[]),
            (
                Denial::WrongAuthType,
                ("900905", "Incorrect Access Token Type is provided"),
                403,
                7,
                "wrong_auth_type",
                &[],
            ),
            (Denial::NoSubscription, ("900908", "Resource forbidden"), 403, 7, "no_subscription", &[]),
            (
                Denial::SubscriptionBlocked,
                ("900907", "The requested API is temporarily blocked"),
                403,
                7,
                "subscription_blocked",
                &[],
            ),
            (
                Denial::SubscriptionInactive,
                ("900909", "The subscription to the API is inactive"),
                403,
                7,
                "subscription_inactive",
                &[],
            ),
            (scope, no_scope, 403, 7, "insufficient_scope", CHALLENGE),
            (Denial::BackendJwtFailed, UNCLASSIFIED, 500, 13, "backend_jwt_failed", &[]),
            (Denial::HostFailed, UNCLASSIFIED, 500, 13, "host_failed", &[]),
            (outage(), AWAY, 503, 14, "idp_unavailable", RETRY),
            (Unavailable::ClientAuthFailed { retry_after }.into(), AWAY, 503, 14, "idp_client_auth_failed", RETRY),
            (Unavailable::AnswerMalformed.into(), AWAY, 503, 14, "idp_answer_malformed", RETRY),
            (Unavailable::Misconfigured.into(), AWAY, 503, 14, "idp_misconfigured", RETRY),
            (Unavailable::Shed.into(), AWAY, 503, 14, "idp_shed", RETRY),
            (Unavailable::NotSigned.into(), AWAY, 503, 14, "idp_call_not_signed", RETRY),
        ] {
            let reply = denial.reply(&settings(), false);
            let body: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
            let description = body["description"].as_str().filter(|text| !text.is_empty()).unwrap();
            let expected = serde_json::json!({"code": code, "message": message, "description": description});

            assert_eq!((reply.status, reply.grpc_status, reply.reason), (status, None, reason), "{denial:?}");
            assert_eq!(body, expected, "{denial:?}");
            assert_eq!(header(&reply, "content-type"), Some("application/json"), "{denial:?}");
            let names = |reply: &Reply| reply.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>();
            assert_eq!(names(&reply), [headers, &["content-type"]].concat(), "{denial:?}");
            let in_grpc = denial.reply(&settings(), true);
            assert_eq!(
                (in_grpc.status, in_grpc.grpc_status, in_grpc.reason),
                (status, Some(grpc), reason),
                "{denial:?}"
            );
            assert_eq!((in_grpc.body.as_str(), names(&in_grpc).as_slice()), (description, headers), "{denial:?}");
        }
    }

    #[test]
    fn challenges_follow_rfc_6750() {
        let scope = Denial::InsufficientScope { needed: "order_pizza".to_owned() };
        for (denial, expected) in [
            (Denial::MissingCredentials, Some("Bearer realm=\"gatehouse\"")),
            (
                Denial::InvalidToken,
                Some(
                    "Bearer realm=\"gatehouse\", error=\"invalid_token\", \
                     error_description=\"The access token is not active\"",
                ),
            ),
            (scope, Some("Bearer realm=\"gatehouse\", error=\"insufficient_scope\", scope=\"order_pizza\"")),
            (
                Denial::MalformedCredentials,
                Some(
                    "Bearer realm=\"gatehouse\", error=\"invalid_request\", \
                     error_description=\"The credentials are malformed\"",
                ),
            ),
            (Denial::NoSubscription, None),
            (Denial::NoApi, None),
        ] {
            assert_eq!(header(&denial.reply(&settings(), false), "www-authenticate"), expected, "{denial:?}");
        }
    }

    #[test]
    fn names_the_resource_metadata_when_configured() {
        let settings = ChallengeSettings { resource_metadata: Some("https://a/m".to_owned()), ..settings() };

        let reply = Denial::MissingCredentials.reply(&settings, false);

        let expected = "Bearer realm=\"gatehouse\", resource_metadata=\"https://a/m\"";
        assert_eq!(header(&reply, "www-authenticate"), Some(expected));
    }

    #[test]
    fn unavailability_tells_when_to_come_back() {
        assert_eq!(header(&outage().reply(&settings(), false), "retry-after"), Some("2"));
        let shed = Denial::from(Unavailable::Shed).reply(&settings(), false);
        assert_eq!(header(&shed, "retry-after"), Some("1"));
    }
}
