//! APIs: where they are served, and which operation a request means.

use std::collections::HashMap;

use super::{ApiIndex, Host, IdentityProviderIndex};
use crate::ScopeToken;
use crate::config::raw::{self, AuthType, LifeCycleStatus, ScopeMatching, Verb};
use crate::config::{ConfigError, IdentityProvider, at};
use crate::target::{Ambiguities, Pattern, Segment, Target};

/// A published API, checked.
#[derive(Debug)]
pub struct Api {
    /// Unique id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Where it is served, as written, with its leading slash.
    pub context: String,
    /// Where it stands in its life cycle.
    pub life_cycle_status: LifeCycleStatus,
    /// The identity providers whose tokens it takes.
    pub identity_providers: Vec<IdentityProviderIndex>,
    /// Whether callers need a subscription.
    pub subscription_validation: bool,
    /// How many of an operation's scopes a token needs.
    pub scope_matching: ScopeMatching,
    /// `aud` of the backend JWT, never empty.
    pub audience: Vec<String>,
    /// Ambiguities that count as plain text.
    pub allowed_ambiguities: Ambiguities,
    hosts: Vec<String>,
    base_paths: Vec<Vec<Box<[u8]>>>,
    /// The most specific pattern first.
    operations: Vec<Operation>,
}

/// An operation of an API, checked.
#[derive(Debug)]
pub struct Operation {
    verb: Verb,
    /// As it was written.
    target: String,
    pattern: Pattern,
    /// Which tokens it takes.
    pub auth_type: AuthType,
    /// The scopes it needs.
    pub scopes: Vec<ScopeToken>,
}

/// An API that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiMatch {
    /// The API.
    pub index: ApiIndex,
    /// How many segments of the target are its base path.
    pub base_segments: usize,
}

/// Outcome of looking for an operation.
#[derive(Debug)]
pub enum OperationMatch<'a> {
    /// The most specific one with the verb, and its position.
    Found(&'a Operation, usize),
    /// The target matches, but not the verb; these are there, for `Allow`.
    OtherVerbs(String),
    /// The target matches none.
    None,
}

impl Api {
    pub(super) fn check(path: &str, raw: raw::Api, providers: &[IdentityProvider]) -> Result<Self, ConfigError> {
        for (field, text) in [("name", &raw.name), ("version", &raw.version)] {
            if text.is_empty() {
                return Err(ConfigError::new(format!("{path}.{field}"), "must not be empty"));
            }
        }
        let context = format!("/{}", raw.context.trim_start_matches('/').trim_end_matches('/'));
        let base = base_segments(&context).map_err(at(format!("{path}.context")))?;
        let version = base_segments(&format!("/{}", raw.version)).map_err(at(format!("{path}.version")))?;
        if base.is_empty() {
            return Err(ConfigError::new(format!("{path}.context"), "must name at least one segment"));
        }
        let versioned = base.iter().cloned().chain(version).collect();
        let mut base_paths = vec![versioned];
        if raw.is_default_version {
            base_paths.push(base);
        }
        let identity_providers = check_identity_providers(path, &raw.identity_providers, providers)?;
        let allowed_ambiguities = allowed_ambiguities(&raw);
        let operations = check_operations(path, raw.operations, allowed_ambiguities)?;
        Ok(Self {
            id: raw.id.unwrap_or_else(|| format!("{}-{}", raw.name, raw.version)),
            audience: if raw.audience.is_empty() { vec![context.clone()] } else { raw.audience },
            name: raw.name,
            version: raw.version,
            context,
            life_cycle_status: raw.life_cycle_status,
            identity_providers,
            subscription_validation: raw.subscription_validation,
            scope_matching: raw.scope_matching,
            allowed_ambiguities,
            hosts: check_hosts(path, &raw.hosts)?,
            base_paths,
            operations,
        })
    }

    /// The operation for a verb and the part of the target below the base path.
    pub fn find_operation(&self, method: &str, segments: &[Segment<'_>]) -> OperationMatch<'_> {
        let by_position = self.operations.iter().zip(0..);
        let matching: Vec<(&Operation, usize)> =
            by_position.filter(|(operation, _)| operation.pattern.matches(segments)).collect();
        // Sorted by precedence, so the first with the verb is the most specific.
        let with = |method: &str| matching.iter().find(|(operation, _)| operation.verb.as_str() == method);
        let found = with(method).or_else(|| if method == "HEAD" { with("GET") } else { None });
        if let Some((operation, position)) = found {
            return OperationMatch::Found(operation, *position);
        }
        if matching.is_empty() {
            return OperationMatch::None;
        }
        let has = |verb: Verb| matching.iter().any(|(operation, _)| operation.verb == verb);
        let verbs = Verb::ALL.into_iter().filter(|verb| has(*verb) || *verb == Verb::Head && has(Verb::Get));
        OperationMatch::OtherVerbs(verbs.map(Verb::as_str).collect::<Vec<_>>().join(", "))
    }

    /// The operation at a position that [`Self::find_operation`] gave out.
    pub fn operation(&self, position: usize) -> Option<&Operation> {
        self.operations.get(position)
    }

    /// Describes each operation whose target another, laxer one serves for a verb that is not given there: a surprise
    /// for whoever thought the target closed.
    pub(super) fn shadows(&self) -> impl Iterator<Item = String> {
        let shadowed = |operation: &Operation, laxer: &Operation| {
            laxer.pattern != operation.pattern
                && laxer.pattern.covers(&operation.pattern)
                && laxer.is_laxer_than(operation)
                && !self.has_verb(&operation.pattern, laxer.verb)
        };
        let pairs = self.operations.iter().flat_map(|one| self.operations.iter().map(move |other| (one, other)));
        pairs.filter(move |(operation, laxer)| shadowed(operation, laxer)).map(|(operation, laxer)| {
            let (verb, laxer_verb) = (operation.verb.as_str(), laxer.verb.as_str());
            format!(
                "API `{}`: {verb} {} is shadowed for {laxer_verb} by the laxer {laxer_verb} {}",
                self.id, operation.target, laxer.target
            )
        })
    }

    fn has_verb(&self, pattern: &Pattern, verb: Verb) -> bool {
        let same = self.operations.iter().filter(|operation| operation.pattern == *pattern);
        same.into_iter().any(|operation| operation.verb == verb || (operation.verb, verb) == (Verb::Get, Verb::Head))
    }

    /// Whether the API is served on this host, and by being named.
    fn serves(&self, host: &Host<'_>) -> Option<HostRank> {
        if self.hosts.is_empty() {
            return Some(HostRank::Any);
        }
        self.hosts.iter().any(|name| name == host.as_str()).then_some(HostRank::Named)
    }
}

impl Operation {
    fn is_laxer_than(&self, other: &Self) -> bool {
        let public = |operation: &Self| operation.auth_type == AuthType::None;
        (public(self) && !public(other)) || (self.scopes.is_empty() && !other.scopes.is_empty())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Any,
    Named,
}

impl Verb {
    /// All of them, sorted by name.
    pub(crate) const ALL: [Self; 7] =
        [Self::Delete, Self::Get, Self::Head, Self::Options, Self::Patch, Self::Post, Self::Put];

    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// Finds APIs by base path: a tree of segments.
#[derive(Debug, Default)]
pub(super) struct BasePaths {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<[u8]>, Node>,
    apis: Vec<ApiIndex>,
}

impl BasePaths {
    /// Indexes all APIs.
    ///
    /// # Errors
    /// [`ConfigError`] when a request could belong to two of them.
    pub(super) fn index(apis: &[Api]) -> Result<Self, ConfigError> {
        let mut index = Self::default();
        for (position, api) in apis.iter().enumerate() {
            for base_path in &api.base_paths {
                let mut node = &mut index.root;
                for segment in base_path {
                    node = node.children.entry(segment.clone()).or_default();
                }
                let other = node.apis.iter().filter_map(|other| apis.get(other.0)).find(|other| overlap(other, api));
                if let Some(other) = other {
                    return Err(ConfigError::new(
                        format!("registry.apis[{position}].context"),
                        format!("`{}` and `{}` have the same base path on the same host", other.id, api.id),
                    ));
                }
                node.apis.push(ApiIndex(position));
            }
        }
        Ok(index)
    }

    pub(super) fn find(&self, apis: &[Api], host: &Host<'_>, segments: &[Segment<'_>]) -> Option<ApiMatch> {
        let mut node = &self.root;
        let mut found = None;
        for (depth, segment) in (1..).zip(segments) {
            let Some(child) = node.children.get(segment.octets()) else { break };
            node = child;
            let served = node.apis.iter().filter_map(|index| Some((apis.get(index.0)?.serves(host)?, *index)));
            if let Some((_, index)) = served.max_by_key(|(rank, _)| *rank) {
                found = Some(ApiMatch { index, base_segments: depth });
            }
        }
        found
    }
}

/// Whether two APIs with one base path could both be meant: a named host wins over "any".
fn overlap(one: &Api, other: &Api) -> bool {
    (one.hosts.is_empty() && other.hosts.is_empty()) || one.hosts.iter().any(|host| other.hosts.contains(host))
}

fn base_segments(path: &str) -> Result<Vec<Box<[u8]>>, String> {
    if path.contains(['?', '{', '}', '*']) {
        return Err("must be a plain path without `?`, `{`, `}` and `*`".to_owned());
    }
    let target = Target::parse(path.as_bytes()).map_err(|error| error.to_string())?;
    if !target.ambiguities().within(Ambiguities::none()) {
        return Err("has an ambiguous segment (dots, `//`, `\\`, `%2F`, `;`)".to_owned());
    }
    Ok(target.segments().iter().map(|segment| segment.octets().into()).collect())
}

fn allowed_ambiguities(raw: &raw::Api) -> Ambiguities {
    let mut allowed = Ambiguities::none();
    if raw.encoded_slashes == raw::Ambiguity::Allow {
        allowed = allowed.with(Ambiguities::ENCODED_SLASH);
    }
    if raw.path_parameters == raw::Ambiguity::Allow {
        allowed = allowed.with(Ambiguities::PATH_PARAMETER);
    }
    allowed
}

/// The identity providers that an API names, or all of them; of any shape of tokens at most one may have the claim.
fn check_identity_providers(
    path: &str,
    names: &[String],
    providers: &[IdentityProvider],
) -> Result<Vec<IdentityProviderIndex>, ConfigError> {
    let path = format!("{path}.identityProviders");
    let mut allowed: Vec<usize> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let position = providers.iter().position(|provider| provider.name == *name);
        allowed.push(position.ok_or_else(|| {
            ConfigError::new(format!("{path}[{index}]"), format!("there is no identity provider `{name}`"))
        })?);
    }
    if names.is_empty() {
        allowed.extend(0..providers.len());
    }
    let candidates: Vec<&IdentityProvider> = allowed.iter().filter_map(|index| providers.get(*index)).collect();
    for (index, one) in candidates.iter().enumerate() {
        let earlier = candidates.iter().take(index);
        if let Some(other) = earlier.into_iter().find(|other| shares_a_shape(one, other)) {
            let reason = format!(
                "`{}` and `{}` both claim tokens of one shape: a token is never tried at one after the other",
                other.name, one.name
            );
            return Err(ConfigError::new(path, reason));
        }
    }
    Ok(allowed.into_iter().map(IdentityProviderIndex).collect())
}

fn shares_a_shape(one: &IdentityProvider, other: &IdentityProvider) -> bool {
    one.tokens.iter().any(|shape| other.tokens.contains(shape))
}

fn check_hosts(path: &str, hosts: &[String]) -> Result<Vec<String>, ConfigError> {
    let check = |(index, host): (usize, &String)| {
        let plain = Host::parse(host.as_bytes()).ok().filter(|_| !host.contains('*'));
        let parsed = plain.ok_or("is not a host name (there are no wildcards)");
        parsed.map(|host| host.as_str().to_owned()).map_err(at(format!("{path}.hosts[{index}]")))
    };
    hosts.iter().enumerate().map(check).collect()
}

fn check_operations(api: &str, raw: Vec<raw::Operation>, allowed: Ambiguities) -> Result<Vec<Operation>, ConfigError> {
    let mut operations: Vec<Operation> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let path = format!("{api}.operations[{index}]");
        let pattern = Pattern::parse(&raw.target, allowed).map_err(at(format!("{path}.target")))?;
        if operations.iter().any(|other| other.verb == raw.verb && other.pattern == pattern) {
            return Err(ConfigError::new(format!("{path}.target"), "matches the same as another operation"));
        }
        let scope = |(index, text): (usize, &String)| {
            ScopeToken::try_from(text.as_str()).map_err(at(format!("{path}.scopes[{index}]")))
        };
        let scopes = raw.scopes.iter().enumerate().map(scope).collect::<Result<_, _>>()?;
        // Kept in the order of precedence.
        let position = operations.partition_point(|other| other.pattern <= pattern);
        let operation = Operation { verb: raw.verb, target: raw.target, pattern, auth_type: raw.auth_type, scopes };
        operations.insert(position, operation);
    }
    Ok(operations)
}
