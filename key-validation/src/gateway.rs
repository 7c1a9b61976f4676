//! The gateway: one configuration, and the decision about each request under it (BEHAVIOUR.md section 1).

mod election;
mod flight_lease;
mod refresh_ahead;
mod registry_copy;
mod self_test;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::availability::Availability;
pub use flight_lease::{Turn, Waiting};
use refresh_ahead::Refreshes;
use registry_copy::Copied;
pub use self_test::SelfTest;

use crate::backend_jwt::{JwtMinter, MintKey, MintedJwts};
use crate::cache::{AnswerCache, AnswerKey, Lookup, SharedData};
use crate::config::raw::{AuthType, LifeCycleStatus};
use crate::config::{BackendJwtSettings, Configuration, IdentityProvider, PublishedField};
use crate::credentials::{bearer_token, has_bearer_credentials};
use crate::cut_offs::{self, Arrivals, CutOff, CutOffs, TokenDigest};
use crate::denial::Unavailable;
use crate::exchange::{Admitted, Begun, Decision, Exchange, Forward, Outcome, Publication, Question, Reply, Step};
use crate::handler::{Call, KeyValidationHandler, Permitted, Subscribed, ValidatedToken};
use crate::introspection::{ActiveAnswer, Answer, IntrospectionCall, IntrospectionResponse, read_response};
use crate::jws::SignError;
use crate::registry::{Api, ApiMatch, Client, Host, IdentityProviderIndex, Operation, OperationMatch, Registry};
use crate::target::{Ambiguities, Target, ambiguities};
use crate::{Denial, RequestHead, Secret, UnixTime};

/// What the decision needs of the proxy while it is made.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The proxy's shared data.
    pub shared: &'a dyn SharedData,
    /// Where events are counted.
    pub telemetry: &'a dyn Telemetry,
}

/// Counts what happens.
pub trait Telemetry {
    /// Notes one event.
    fn record(&self, event: Event<'_>);
}

/// Something worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// An answer was looked for in the shared data.
    CacheLookup {
        /// `hit`, `inactive` or `miss`.
        result: &'static str,
    },
    /// A call to an identity provider has ended.
    IntrospectionCall {
        /// The identity provider's name.
        identity_provider: &'a str,
        /// `active`, `inactive`, or the reason why there is no answer; an outage is a `timeout` where that is known.
        outcome: &'static str,
        /// From the question to the answer.
        duration: Duration,
    },
    /// A backend JWT was made.
    BackendJwtMinted,
}

/// A configuration at work in one worker.
pub struct Gateway {
    configuration: Configuration,
    registry: RefCell<Registry>,
    /// Whether there is a registry to decide by.
    is_ready: Cell<bool>,
    copied: Option<RefCell<Copied>>,
    handler: Box<dyn KeyValidationHandler>,
    minter: Option<JwtMinter>,
    minted: MintedJwts,
    answers: AnswerCache,
    refreshes: Refreshes,
    availability: Vec<Availability>,
    cut_offs: RefCell<CutOffs>,
}

/// What an identity provider said, or why it said nothing: what all exchanges of one flight are resumed with.
pub type Verdict = Result<Answer, Unavailable>;

impl Gateway {
    /// A gateway with a handler; `minter` makes it the minter of the configuration's backend JWTs.
    #[inline(never)]
    pub fn new(
        mut configuration: Configuration,
        handler: Box<dyn KeyValidationHandler>,
        minter: impl FnOnce(BackendJwtSettings) -> JwtMinter,
    ) -> Self {
        let availability = configuration.identity_providers.iter().map(Availability::new).collect();
        Self {
            availability,
            refreshes: Refreshes::default(),
            cut_offs: RefCell::default(),
            is_ready: Cell::new(configuration.registry.is_some()),
            registry: RefCell::new(configuration.registry.take().unwrap_or_default()),
            copied: configuration
                .key_manager
                .as_ref()
                .map(|settings| RefCell::new(Copied::new(settings, &configuration.identity_providers))),
            answers: AnswerCache::new(configuration.cache.shared_entries),
            minted: MintedJwts::new(configuration.cache.backend_jwt_bytes),
            minter: configuration.backend_jwt.take().map(minter),
            configuration,
            handler,
        }
    }

    /// Takes the configuration's cut-offs into force; `arrivals` are those of all configurations of this worker.
    pub fn take_cut_offs(&mut self, arrivals: &mut Arrivals, now: UnixTime) {
        let list = std::mem::take(&mut self.configuration.cut_offs);
        self.add_cut_offs(list, arrivals, now);
    }

    /// Takes further cut-offs into force.
    pub fn add_cut_offs(&self, list: Vec<CutOff>, arrivals: &mut Arrivals, now: UnixTime) {
        self.cut_offs.borrow_mut().replace(&[], list, arrivals, now);
    }

    /// The name of the identity provider that a question is for.
    pub fn identity_provider_name(&self, question: Question) -> &str {
        self.identity_provider(question.identity_provider).map_or("", |provider| provider.name.as_str())
    }

    /// The answer to a request that the host does not let us decide.
    pub fn host_failed(&self) -> Reply {
        Denial::HostFailed.reply(&self.configuration.challenge, false)
    }

    /// Takes a request as far as it gets without asking anybody.
    #[inline]
    pub fn begin(&self, head: &RequestHead<'_>, now: UnixTime, ports: Ports<'_>) -> Begun {
        let forged = self.identity_header().map(|name| head.spellings(name)).unwrap_or_default();
        let mut refresh = None;
        let step = self.admit(head, now, ports, &mut refresh).unwrap_or_else(|denial| {
            Step::Decided(Decision::Reply(denial.reply(&self.configuration.challenge, head.is_grpc())))
        });
        Begun { forged, step, refresh }
    }

    /// The call that answers an exchange's question.
    ///
    /// # Errors
    /// [`Unavailable`] when the identity provider is not to be asked at the moment, or cannot be. Each call that is begun must be
    /// ended by [`Self::end_call`].
    #[inline(never)]
    pub fn begin_call(&self, exchange: &Exchange, now: UnixTime) -> Result<IntrospectionCall, Unavailable> {
        let Question { identity_provider: index, key, .. } = exchange.question();
        let provider = self.identity_provider(index).ok_or(Unavailable::Misconfigured)?;
        let availability = self.availability(index).ok_or(Unavailable::Misconfigured)?;
        availability.begin_call(&key, now)?;
        let call = IntrospectionCall::new(&provider.introspection, &exchange.token, &exchange.trace, now);
        call.map_err(|SignError| {
            availability.end_call(&key, &Err(Unavailable::NotSigned), now);
            Unavailable::NotSigned
        })
    }

    /// Reads what came of a call that was begun at `asked_at`, and remembers it.
    #[inline(never)]
    pub fn end_call(
        &self,
        Question { identity_provider, key, .. }: Question,
        response: &IntrospectionResponse<'_>,
        asked_at: UnixTime,
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Verdict {
        let provider = self.identity_provider(identity_provider).ok_or(Unavailable::Misconfigured)?;
        let verdict = read_response(provider, response, asked_at, now);
        if let Some(availability) = self.availability(identity_provider) {
            availability.end_call(&key, &verdict, now);
        }
        count_call(provider, response, &verdict, now.since(asked_at), ports);
        match &verdict {
            Ok(Answer::Active(record)) => {
                if let Ok(answer) = ActiveAnswer::decode(record) {
                    self.answers.put_active(&key, record, asked_at, answer.fresh_until, now, ports.shared);
                }
            }
            Ok(Answer::Inactive) => {
                self.answers.put_inactive(&key, asked_at, provider.inactive_lifetime, now, ports.shared);
            }
            Err(_) => return verdict,
        }
        self.refreshes.end(&key);
        verdict
    }

    /// Ends an exchange.
    #[inline]
    pub fn resume(&self, exchange: &Exchange, verdict: &Verdict, now: UnixTime, ports: Ports<'_>) -> Decision {
        self.conclude(&exchange.admitted, verdict, now, ports)
    }

    #[inline]
    fn conclude(&self, admitted: &Admitted, verdict: &Verdict, now: UnixTime, ports: Ports<'_>) -> Decision {
        let decided = match verdict {
            Ok(answer) => self.decide(admitted, answer, Outcome::Allow, now, ports),
            Err(unavailable) => match self.stale_answer(admitted.question, *unavailable, now, ports) {
                Some(answer) => self.decide(admitted, &answer, Outcome::AllowStale, now, ports),
                None => Err((*unavailable).into()),
            },
        };
        decided.map_or_else(|denial| self.deny(&denial, &admitted.api, true, admitted.grpc), Decision::Forward)
    }

    /// Turns a request for an API away, or lets it go on without any identity, where the API only reports the denial.
    fn deny(&self, denial: &Denial, api: &Api, has_bearer: bool, grpc: bool) -> Decision {
        if api.only_reports(denial) {
            return Decision::Forward(self.without_identity(Outcome::Report(denial.reason()), Some(api), has_bearer));
        }
        Decision::Reply(denial.reply(&self.configuration.challenge, grpc))
    }

    #[inline]
    fn admit(
        &self,
        head: &RequestHead<'_>,
        now: UnixTime,
        ports: Ports<'_>,
        refresh: &mut Option<Box<Exchange>>,
    ) -> Result<Step, Denial> {
        let request = RequestLine::read(head)?;
        if let Some(reply) = self.jwks_reply(&request) {
            return Ok(Step::Decided(Decision::Reply(reply)));
        }
        if !self.is_ready.get() {
            return Err(Denial::NotReady);
        }
        let found = self.registry.borrow().find_api(&request.host, &request.target);
        let Some(found) = found else {
            return self.unmatched(&request);
        };
        let (operation, position) = find_operation(&request, &found)?;
        if operation.auth_type == AuthType::None {
            let forward = self.without_identity(Outcome::Public, Some(&found.api), has_bearer_credentials(head));
            return Ok(Step::Decided(Decision::Forward(forward)));
        }
        let credentials = bearer_token(head, self.configuration.token_bytes).and_then(|token| {
            let identity_provider = self.elect(&found.api, token).ok_or(Denial::InvalidToken)?;
            Ok((token, identity_provider))
        });
        let (token, identity_provider) = match credentials {
            Ok(credentials) => credentials,
            Err(denial) => {
                let has_bearer = has_bearer_credentials(head);
                return Ok(Step::Decided(self.deny(&denial, &found.api, has_bearer, head.is_grpc())));
            }
        };
        let provider = self.identity_provider(identity_provider).ok_or(Denial::InvalidToken)?;
        let admitted = Admitted {
            api: found.api,
            operation: position,
            question: Question {
                identity_provider,
                key: AnswerKey::new(&provider.fingerprint, token),
                token: (!self.cut_offs.borrow().is_empty()).then(|| token_digest(token)),
            },
            looked_at: now,
            grpc: head.is_grpc(),
        };
        match self.look_up(admitted.question, now, ports) {
            Lookup::Hit(answer) => {
                let verdict = Ok(answer);
                let decision = self.conclude(&admitted, &verdict, now, ports);
                if matches!(decision, Decision::Forward(_)) && self.begins_refresh(admitted.question, &verdict, now) {
                    *refresh = Some(Box::new(exchange(admitted, token, head)));
                }
                Ok(Step::Decided(decision))
            }
            Lookup::Miss => Ok(Step::Introspect(Box::new(exchange(admitted, token, head)))),
        }
    }

    fn unmatched(&self, request: &RequestLine<'_>) -> Result<Step, Denial> {
        if !request.target.ambiguities().within(Ambiguities::none()) {
            return Err(Denial::AmbiguousTarget);
        }
        if !self.configuration.forward_unmatched || self.registry.borrow().has_unplaced_apis() {
            return Err(Denial::NoApi);
        }
        Ok(Step::Decided(Decision::Forward(self.without_identity(Outcome::Public, None, false))))
    }

    /// Lets a request go on of which nothing is said about a caller; the API is known unless the request belongs to none.
    fn without_identity(&self, outcome: Outcome, api: Option<&Api>, remove_authorization: bool) -> Forward {
        let publication = self.publication(outcome, &|field| match (field, api) {
            (PublishedField::Api, Some(api)) => Some(api.id.clone()),
            _ => None,
        });
        Forward { remove_authorization, set: None, publication }
    }

    /// The answer that serves a question without asking.
    #[inline]
    fn remembered(&self, question: Question, now: UnixTime, shared: &dyn SharedData) -> Lookup {
        let lookup = self.answers.get(&question.key, now, shared);
        match &lookup {
            Lookup::Hit(Answer::Active(record)) if self.must_recheck(question, record, now) => Lookup::Miss,
            _ => lookup,
        }
    }

    /// Whether a cut-off has come since the question was sent to which an answer says "active": it must be asked again.
    #[inline]
    pub fn is_overtaken(&self, question: Question, verdict: &Verdict, now: UnixTime) -> bool {
        matches!(verdict, Ok(Answer::Active(record)) if self.must_recheck(question, record, now))
    }

    #[inline]
    fn must_recheck(&self, question: Question, record: &[u8], now: UnixTime) -> bool {
        if self.cut_offs.borrow().is_empty() {
            return false;
        }
        let answer = ActiveAnswer::decode(record);
        answer.is_ok_and(|answer| self.cut_off(question, &answer, now) == cut_offs::Verdict::Recheck)
    }

    #[inline]
    fn cut_off(&self, question: Question, answer: &ActiveAnswer<'_>, now: UnixTime) -> cut_offs::Verdict {
        if self.cut_offs.borrow().is_empty() {
            return cut_offs::Verdict::Unconcerned;
        }
        self.cut_off_in_force(question, answer, now)
    }

    #[inline(never)]
    fn cut_off_in_force(&self, question: Question, answer: &ActiveAnswer<'_>, now: UnixTime) -> cut_offs::Verdict {
        let Some(token) = &question.token else { return cut_offs::Verdict::Recheck };
        self.cut_offs.borrow().verdict(self.identity_provider_name(question), token, answer, now)
    }

    #[inline]
    fn look_up(&self, question: Question, now: UnixTime, ports: Ports<'_>) -> Lookup {
        let lookup = self.remembered(question, now, ports.shared);
        let result = match &lookup {
            Lookup::Hit(Answer::Active(_)) => "hit",
            Lookup::Hit(Answer::Inactive) => "inactive",
            Lookup::Miss => "miss",
        };
        ports.telemetry.record(Event::CacheLookup { result });
        lookup
    }

    /// What the identity provider said before it was away, where that may still count: never without an `exp` that lies ahead.
    fn stale_answer(
        &self,
        question: Question,
        unavailable: Unavailable,
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Option<Answer> {
        let Unavailable::Outage { .. } = unavailable else { return None };
        let stale_for = self.identity_provider(question.identity_provider)?.stale_for?;
        let answer = self.answers.get_stale(&question.key, stale_for, now, ports.shared)?;
        let Answer::Active(record) = &answer else { return None };
        let active = ActiveAnswer::decode(record).ok()?;
        if self.cut_off(question, &active, now) != cut_offs::Verdict::Unconcerned {
            return None;
        }
        let expires_at = active.expires_at;
        (expires_at != UnixTime::MAX && expires_at > now).then_some(answer)
    }

    /// The same for an answer that was remembered and for one that has just come.
    #[inline]
    fn decide(
        &self,
        admitted: &Admitted,
        answer: &Answer,
        outcome: Outcome,
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Result<Forward, Denial> {
        let Answer::Active(record) = answer else { return Err(Denial::InvalidToken) };
        let answer = ActiveAnswer::decode(record).map_err(|_| Denial::from(Unavailable::AnswerMalformed))?;
        let api = &*admitted.api;
        let Question { identity_provider, key: answer_key, .. } = admitted.question;
        match self.cut_off(admitted.question, &answer, now) {
            cut_offs::Verdict::Unconcerned => {}
            // It came between the answer and this decision; who asks again gets the identity provider's word.
            cut_offs::Verdict::Recheck => {
                return Err(Unavailable::Outage { retry_after: Duration::from_secs(1) }.into());
            }
            cut_offs::Verdict::Denied => return Err(Denial::InvalidToken),
        }
        let provider = self.identity_provider(identity_provider).ok_or(Denial::InvalidToken)?;
        let key = match answer.client_id {
            Some(id) if api.subscription_validation => {
                let client = Client { provider: identity_provider, id };
                self.registry.borrow().key(&client, ports.shared)
            }
            _ => None,
        };
        let call = Call {
            now,
            api,
            operation: api.operation(admitted.operation).ok_or(Denial::NoOperation)?,
            identity_provider: provider,
            key: key.as_ref(),
        };
        let token = self.handler.validate_token(&call, &answer)?;
        let (caller, reported) = self.permit(&call, token)?;
        let outcome = reported.map_or(outcome, Outcome::Report);
        let set = match &self.minter {
            // Such a token has no subscription, so it comes here only where that is reported: there is nobody to name.
            Some(_) if reported.is_some() && answer.subject.or(answer.client_id).is_none() => None,
            Some(minter) => {
                let jwt = self.consumer_token(&call, &caller, answer_key, minter, ports)?;
                Some((Rc::clone(minter.header()), jwt))
            }
            None => None,
        };
        let publication = self.publication(outcome, &|field| published(field, &call, &caller));
        let remove_authorization = !self.configuration.forward_authorization;
        Ok(Forward { remove_authorization, set, publication })
    }

    /// What the caller may; where the API only reports what it may not, also the reason why it may not.
    #[inline]
    fn permit<'a>(
        &self,
        call: &Call<'a>,
        token: ValidatedToken<'a>,
    ) -> Result<(Permitted<'a>, Option<&'static str>), Denial> {
        let mut reported = None;
        let mut report = |denial: &Denial| {
            let only_reports = call.api.only_reports(denial);
            reported = reported.or(only_reports.then(|| denial.reason()));
            only_reports
        };
        let subscribed = match self.handler.validate_subscription(call, token) {
            Ok(subscribed) => subscribed,
            Err(denial) if report(&denial) => Subscribed { token, subscriber: None },
            Err(denial) => return Err(denial),
        };
        let caller = match self.handler.validate_scopes(call, subscribed) {
            Ok(caller) => caller,
            Err(denial) if report(&denial) => Permitted::for_scopes_of(subscribed),
            Err(denial) => return Err(denial),
        };
        Ok((caller, reported))
    }

    #[inline]
    fn consumer_token(
        &self,
        call: &Call<'_>,
        caller: &Permitted<'_>,
        answer: AnswerKey,
        minter: &JwtMinter,
        ports: Ports<'_>,
    ) -> Result<Rc<str>, Denial> {
        let key = MintKey::new(answer, caller, call.api, &*minter.key(call.now)?);
        if let Some(jwt) = self.minted.get(&key, minter.settings().lifetime, call.now) {
            return Ok(jwt);
        }
        let fresh = self.handler.generate_consumer_token(call, caller, minter)?;
        ports.telemetry.record(Event::BackendJwtMinted);
        let jwt = Rc::clone(&fresh.jwt);
        self.minted.put(key, fresh);
        Ok(jwt)
    }

    fn publication(&self, outcome: Outcome, value: &dyn Fn(PublishedField) -> Option<String>) -> Publication {
        let mut fields = Vec::with_capacity(self.configuration.publish.len());
        // Whoever looks for what would have been denied needs both, whatever the configuration lists.
        if let Some(reason) = outcome.reported() {
            fields.push((PublishedField::Decision.as_str(), outcome.as_str().to_owned()));
            fields.push(("reason", reason.to_owned()));
        }
        for &field in &self.configuration.publish {
            let value = match field {
                PublishedField::Decision if outcome.reported().is_some() => None,
                PublishedField::Decision => Some(outcome.as_str().to_owned()),
                other => value(other),
            };
            fields.extend(value.map(|value| (field.as_str(), value)));
        }
        Publication { outcome, fields }
    }

    fn jwks_reply(&self, request: &RequestLine<'_>) -> Option<Reply> {
        let minter = self.minter.as_ref()?;
        let path = minter.settings().jwks_path.as_ref()?;
        if !matches!(request.method, "GET" | "HEAD") || !path.matches(request.target.segments()) {
            return None;
        }
        let headers = [("content-type", "application/jwk-set+json"), ("cache-control", "public, max-age=300")];
        Some(Reply {
            status: 200,
            headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(),
            body: minter.jwks(),
            grpc_status: None,
            reason: "jwks",
            publication: self.publication(Outcome::Public, &|_| None),
        })
    }

    #[inline]
    fn identity_header(&self) -> Option<&str> {
        self.minter.as_ref().map(|minter| minter.settings().header.as_str())
    }

    #[inline]
    fn identity_provider(&self, index: IdentityProviderIndex) -> Option<&IdentityProvider> {
        self.configuration.identity_providers.get(index.0)
    }

    fn availability(&self, index: IdentityProviderIndex) -> Option<&Availability> {
        self.availability.get(index.0)
    }

    #[inline]
    fn elect(&self, api: &Api, token: &str) -> Option<IdentityProviderIndex> {
        election::elect(&self.configuration.identity_providers, &api.identity_providers, token)
    }
}

#[inline]
fn find_operation<'a>(request: &RequestLine<'_>, found: &'a ApiMatch) -> Result<(&'a Operation, usize), Denial> {
    let api = &found.api;
    if found.is_contested {
        return Err(Denial::ApiBlocked);
    }
    match api.life_cycle_status {
        LifeCycleStatus::Published | LifeCycleStatus::Deprecated => {}
        LifeCycleStatus::Blocked => return Err(Denial::ApiBlocked),
        LifeCycleStatus::Created | LifeCycleStatus::Retired => return Err(Denial::NoApi),
    }
    let segments = request.target.segments().get(found.base_segments..).unwrap_or_default();
    if !ambiguities(segments).within(api.allowed_ambiguities) {
        return Err(Denial::AmbiguousTarget);
    }
    match api.find_operation(request.method, segments) {
        OperationMatch::Found(operation, position) => Ok((operation, position)),
        OperationMatch::OtherVerbs(allow) => Err(Denial::MethodNotAllowed { allow }),
        OperationMatch::None => Err(Denial::NoOperation),
    }
}

fn exchange(mut admitted: Admitted, token: &str, head: &RequestHead<'_>) -> Exchange {
    admitted.question.token = Some(token_digest(token));
    let (token, trace) = (Secret::new(token), crate::introspection::trace_headers(head));
    Exchange { admitted, token, trace }
}

#[inline(never)]
fn token_digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}

#[inline]
fn published(field: PublishedField, call: &Call<'_>, caller: &Permitted<'_>) -> Option<String> {
    let subscriber = caller.subscriber();
    let value = match field {
        PublishedField::Decision => None,
        PublishedField::Api => Some(call.api.id.as_str()),
        PublishedField::Application => subscriber.map(|subscriber| subscriber.application.id.as_str()),
        PublishedField::ClientId => caller.answer().client_id,
        PublishedField::IdentityProvider => Some(call.identity_provider.name.as_str()),
        PublishedField::Subject => caller.answer().subject,
        PublishedField::Tier => subscriber.map(|subscriber| subscriber.tier),
        PublishedField::KeyType => subscriber.map(|subscriber| subscriber.key_type.as_str()),
    };
    // The identity provider's texts may be a user's: no line of a log may end within one.
    value.map(|value| {
        let is_printable_ascii = value.bytes().all(|octet| (0x20..0x7f).contains(&octet));
        if is_printable_ascii { value.to_owned() } else { value.replace(char::is_control, "\u{fffd}") }
    })
}

fn count_call(
    provider: &IdentityProvider,
    response: &IntrospectionResponse<'_>,
    verdict: &Verdict,
    duration: Duration,
    ports: Ports<'_>,
) {
    let outcome = match verdict {
        Ok(Answer::Active(_)) => "active",
        Ok(Answer::Inactive) => "inactive",
        Err(Unavailable::Outage { .. }) if response.is_timeout(duration, provider.introspection.timeout) => "timeout",
        Err(unavailable) => unavailable.outcome(),
    };
    let identity_provider = &provider.name;
    ports.telemetry.record(Event::IntrospectionCall { identity_provider, outcome, duration });
}

/// Method, host and target of a request (row 2).
struct RequestLine<'a> {
    method: &'a str,
    host: Host<'a>,
    target: Target<'a>,
}

impl<'a> RequestLine<'a> {
    #[inline]
    fn read(head: &RequestHead<'a>) -> Result<Self, Denial> {
        let only = |name| head.only(name).ok_or(Denial::MalformedRequest);
        let method = std::str::from_utf8(only(":method")?).map_err(|_| Denial::MalformedRequest)?;
        let is_token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
        if method.is_empty() || !method.bytes().all(is_token) || method == "CONNECT" {
            return Err(Denial::MalformedRequest);
        }
        let host = Host::parse(only(":authority")?)?;
        let target = Target::parse(only(":path")?).map_err(|_| Denial::MalformedRequest)?;
        Ok(Self { method, host, target })
    }
}

#[cfg(test)]
mod tests;
