//! APIs: where they are served, and which operation a request means.

use std::rc::Rc;

use super::operations::{Operation, OperationMatch, Operations};
use super::{Host, IdentityProviderIndex};
use crate::config::raw::{self, Enforcement, LifeCycleStatus, ScopeMatching};
use crate::config::{ConfigError, IdentityProvider, at};
use crate::denial::{Concern, Denial};
use crate::digest::digest_of;
use crate::target::{Ambiguities, Segment, Target};

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
    /// Whether denials for want of a subscription or scope are enforced.
    enforcement: Enforcement,
    /// Whether even those of authentication are not.
    report_authentication: bool,
    /// Ambiguities that count as plain text.
    pub allowed_ambiguities: Ambiguities,
    /// Of what a backend JWT can say of it.
    pub(crate) digest: u64,
    hosts: Vec<String>,
    base_paths: Vec<Vec<Box<[u8]>>>,
    operations: Operations,
}

/// An API that was found.
#[derive(Clone, Debug)]
pub struct ApiMatch {
    /// The API.
    pub api: Rc<Api>,
    /// Whether another one claims the same place, so that neither can be meant.
    pub is_contested: bool,
    /// How many segments of the target are its base path.
    pub base_segments: usize,
}

impl Api {
    pub(super) fn check(path: &str, raw: &raw::Api, providers: &[IdentityProvider]) -> Result<Self, ConfigError> {
        for (field, text) in [("name", &raw.name), ("version", &raw.version)] {
            if text.is_empty() {
                return Err(ConfigError::new(format_args!("{path}.{field}"), "must not be empty"));
            }
        }
        if raw.report_authentication && raw.enforcement == Enforcement::Enforce {
            return Err(ConfigError::new(
                format_args!("{path}.reportAuthentication"),
                "goes with the enforcement `report`",
            ));
        }
        let context = format!("/{}", raw.context.trim_start_matches('/').trim_end_matches('/'));
        let base = base_segments(&context).map_err(at(format!("{path}.context")))?;
        let version = base_segments(&format!("/{}", raw.version)).map_err(at(format!("{path}.version")))?;
        if base.is_empty() {
            return Err(ConfigError::new(format_args!("{path}.context"), "must name at least one segment"));
        }
        let versioned = base.iter().cloned().chain(version).collect();
        let mut base_paths = vec![versioned];
        if raw.is_default_version {
            base_paths.push(base);
        }
        let identity_providers = check_identity_providers(path, &raw.identity_providers, providers)?;
        let allowed_ambiguities = allowed_ambiguities(raw);
        let operations = Operations::check(path, &raw.operations, allowed_ambiguities)?;
        let id = raw.id.clone().unwrap_or_else(|| format!("{}-{}", raw.name, raw.version));
        let audience = if raw.audience.is_empty() { vec![context.clone()] } else { raw.audience.clone() };
        Ok(Self {
            digest: digest_of(&(&id, &raw.name, &raw.version, &context, &audience)),
            id,
            audience,
            name: raw.name.clone(),
            version: raw.version.clone(),
            context,
            life_cycle_status: raw.life_cycle_status,
            identity_providers,
            subscription_validation: raw.subscription_validation,
            scope_matching: raw.scope_matching,
            enforcement: raw.enforcement,
            report_authentication: raw.report_authentication,
            allowed_ambiguities,
            hosts: check_hosts(path, &raw.hosts)?,
            base_paths,
            operations,
        })
    }

    /// The operation for a verb and the part of the target below the base path.
    #[inline]
    pub fn find_operation(&self, method: &str, segments: &[Segment<'_>]) -> OperationMatch<'_> {
        self.operations.find(method, segments)
    }

    /// The operation at a position that [`Self::find_operation`] gave out.
    #[inline]
    pub fn operation(&self, position: usize) -> Option<&Operation> {
        self.operations.at(position)
    }

    /// The hosts that it names; empty when it is served on any.
    pub(super) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// The segments of each of its base paths.
    pub(super) fn base_paths(&self) -> &[Vec<Box<[u8]>>] {
        &self.base_paths
    }

    /// Whether a request with this denial goes on all the same, and is only reported.
    #[inline]
    pub(crate) fn only_reports(&self, denial: &Denial) -> bool {
        match denial.concern() {
            Concern::Permission => self.enforcement == Enforcement::Report,
            Concern::Authentication => self.enforcement == Enforcement::Report && self.report_authentication,
            Concern::Request => false,
        }
    }

    /// What is allowed but hardly meant to stay.
    pub(super) fn warn(&self, warn: &mut dyn FnMut(String)) {
        let reports = match (self.enforcement, self.report_authentication) {
            (Enforcement::Enforce, _) => None,
            (Enforcement::Report, false) => {
                Some("asks for a token, but only reports what subscription and scopes deny")
            }
            (Enforcement::Report, true) => {
                Some("turns nobody away: it only reports what token, subscription and scopes deny")
            }
        };
        if let Some(reports) = reports {
            warn(format!("API `{}` {reports}", self.id));
        }
        // A target that a laxer operation serves is a surprise for whoever thought it closed.
        self.operations.tell_shadows(&mut |shadow| warn(format!("API `{}`: {shadow}", self.id)));
    }
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
            ConfigError::new(format_args!("{path}[{index}]"), format!("there is no identity provider `{name}`"))
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
    let mut checked = Vec::with_capacity(hosts.len());
    for (index, host) in hosts.iter().enumerate() {
        let plain = Host::parse(host.as_bytes()).ok().filter(|_| !host.contains('*'));
        let parsed = plain.ok_or("is not a host name (there are no wildcards)");
        checked.push(parsed.map_err(at(format!("{path}.hosts[{index}]")))?.as_str().to_owned());
    }
    Ok(checked)
}
