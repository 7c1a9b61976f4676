//! The operations of an API, and which of them a request means.

use crate::ScopeToken;
use crate::config::raw::{self, AuthType, Verb};
use crate::config::{ConfigError, at};
use crate::target::{Ambiguities, Part, Pattern, Segment};

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

/// All operations of an API, in the order of precedence: those whose patterns begin alike lie side by side, so that
/// each segment of a target halves its way to the ones that match.
#[derive(Debug)]
pub(super) struct Operations(Vec<Operation>);

impl Operations {
    /// Checks the operations of the API at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first that is wrong, or that is there twice.
    pub(super) fn check(path: &str, raw: &[raw::Operation], allowed: Ambiguities) -> Result<Self, ConfigError> {
        let mut operations: Vec<Operation> = Vec::with_capacity(raw.len());
        for (index, raw) in raw.iter().enumerate() {
            let path = format!("{path}.operations[{index}]");
            let operation = Operation::check(&path, raw, allowed)?;
            match operations.binary_search_by(|other| other.rank().cmp(&operation.rank())) {
                Ok(_) => {
                    return Err(ConfigError::new(
                        format_args!("{path}.target"),
                        "matches the same as another operation",
                    ));
                }
                Err(position) => operations.insert(position, operation),
            }
        }
        Ok(Self(operations))
    }

    /// The most specific operation that has the verb and matches the segments: literals before `{x}` before `/*`,
    /// segment by segment from the left. `HEAD` is served by `HEAD`, wherever it matches, else by `GET`.
    #[inline]
    pub(super) fn find(&self, method: &str, segments: &[Segment<'_>]) -> OperationMatch<'_> {
        let mut matches = Matches::default();
        matches.collect(Candidates { operations: &self.0, position: 0, depth: 0 }, segments);
        let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == method);
        let fallback = if verb == Some(Verb::Head) { matches.first(Verb::Get) } else { None };
        let position = verb.and_then(|verb| matches.first(verb)).or(fallback);
        if let Some((position, operation)) = position.and_then(|at| Some((at, self.at(at)?))) {
            return OperationMatch::Found(operation, position);
        }
        let serves =
            |verb: &Verb| matches.first(*verb).is_some() || *verb == Verb::Head && matches.first(Verb::Get).is_some();
        let verbs: Vec<&str> = Verb::ALL.into_iter().filter(serves).map(Verb::as_str).collect();
        if verbs.is_empty() { OperationMatch::None } else { OperationMatch::OtherVerbs(verbs.join(", ")) }
    }

    #[inline]
    pub(super) fn at(&self, position: usize) -> Option<&Operation> {
        self.0.get(position)
    }

    /// Describes each operation whose target another, laxer one serves for a verb that is not given there.
    pub(super) fn tell_shadows(&self, tell: &mut dyn FnMut(String)) {
        let shadowed = |operation: &Operation, laxer: &Operation| {
            laxer.pattern != operation.pattern
                && laxer.pattern.covers(&operation.pattern)
                && laxer.is_laxer_than(operation)
                && !self.has_verb(&operation.pattern, laxer.verb)
        };
        for operation in &self.0 {
            for laxer in self.0.iter().filter(|laxer| shadowed(operation, laxer)) {
                let (verb, laxer_verb) = (operation.verb.as_str(), laxer.verb.as_str());
                let (target, laxer) = (&operation.target, &laxer.target);
                tell(format!("{verb} {target} is shadowed for {laxer_verb} by the laxer {laxer_verb} {laxer}"));
            }
        }
    }

    fn has_verb(&self, pattern: &Pattern, verb: Verb) -> bool {
        let same = self.0.iter().filter(|operation| operation.pattern == *pattern);
        same.into_iter().any(|operation| operation.verb == verb || (operation.verb, verb) == (Verb::Get, Verb::Head))
    }
}

impl Operation {
    fn check(path: &str, raw: &raw::Operation, allowed: Ambiguities) -> Result<Self, ConfigError> {
        let pattern = Pattern::parse(&raw.target, allowed).map_err(at(format!("{path}.target")))?;
        let mut scopes = Vec::with_capacity(raw.scopes.len());
        for (index, text) in raw.scopes.iter().enumerate() {
            scopes.push(ScopeToken::try_from(text.as_str()).map_err(at(format!("{path}.scopes[{index}]")))?);
        }
        Ok(Self { verb: raw.verb, target: raw.target.clone(), pattern, auth_type: raw.auth_type, scopes })
    }

    fn rank(&self) -> (&Pattern, Verb) {
        (&self.pattern, self.verb)
    }

    /// Whether it was written with this verb and target.
    #[cfg(all(test, not(target_family = "wasm")))]
    pub(crate) fn is(&self, verb: &str, target: &str) -> bool {
        self.verb.as_str() == verb && self.target == target
    }

    fn is_laxer_than(&self, other: &Self) -> bool {
        let public = |operation: &Self| operation.auth_type == AuthType::None;
        (public(self) && !public(other)) || (self.scopes.is_empty() && !other.scopes.is_empty())
    }
}

impl Verb {
    /// All of them, sorted by name.
    pub(crate) const ALL: [Self; 7] =
        [Self::Delete, Self::Get, Self::Head, Self::Options, Self::Patch, Self::Post, Self::Put];

    /// The method's name.
    #[inline]
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

/// Neighbours whose patterns are the same down to a depth.
#[derive(Clone, Copy)]
struct Candidates<'a> {
    operations: &'a [Operation],
    /// Of the first of them.
    position: usize,
    depth: usize,
}

impl Candidates<'_> {
    /// Those from the first that is not `before` up to the first that is `after`.
    #[inline]
    fn between(self, before: impl Fn(Option<&Part>) -> bool, up_to: impl Fn(Option<&Part>) -> bool) -> Self {
        let depth = self.depth;
        let start = self.operations.partition_point(|operation| before(operation.pattern.part(depth)));
        let operations = self.operations.get(start..).unwrap_or_default();
        let end = operations.partition_point(|operation| up_to(operation.pattern.part(depth)));
        let operations = operations.get(..end).unwrap_or_default();
        Self { operations, position: self.position.saturating_add(start), ..self }
    }

    #[inline]
    fn that_end_here(self) -> Self {
        self.between(|_| false, |part| part.is_none())
    }

    #[inline]
    fn with_literal(self, octets: &[u8]) -> Self {
        let literal = |part: Option<&Part>| match part {
            None => Some(std::cmp::Ordering::Less),
            Some(Part::Literal(literal)) => Some((**literal).cmp(octets)),
            Some(Part::Parameter | Part::Rest) => None,
        };
        let less = |part: Option<&Part>| literal(part) == Some(std::cmp::Ordering::Less);
        self.between(less, |part| literal(part) == Some(std::cmp::Ordering::Equal))
    }

    #[inline]
    fn with_parameter(self) -> Self {
        self.between(|part| part < Some(&Part::Parameter), |part| part == Some(&Part::Parameter))
    }

    #[inline]
    fn with_rest(self) -> Self {
        self.between(|part| part < Some(&Part::Rest), |part| part == Some(&Part::Rest))
    }

    #[inline]
    fn deeper(self) -> Self {
        Self { depth: self.depth.saturating_add(1), ..self }
    }
}

/// The most specific match for each verb.
#[derive(Default)]
struct Matches([Option<usize>; Verb::ALL.len()]);

impl Matches {
    /// Notes what matches the segments, the most specific first.
    #[inline]
    fn collect(&mut self, candidates: Candidates<'_>, segments: &[Segment<'_>]) {
        if candidates.operations.is_empty() {
            return;
        }
        match segments.split_first() {
            None => self.note(candidates.that_end_here()),
            Some((segment, below)) => {
                self.collect(candidates.with_literal(segment.octets()).deeper(), below);
                if !segment.octets().is_empty() {
                    self.collect(candidates.with_parameter().deeper(), below);
                }
            }
        }
        self.note(candidates.with_rest());
    }

    #[inline]
    fn note(&mut self, matching: Candidates<'_>) {
        for (position, operation) in (matching.position..).zip(matching.operations) {
            if let Some(first) = self.0.get_mut(operation.verb as usize) {
                first.get_or_insert(position);
            }
        }
    }

    #[inline]
    fn first(&self, verb: Verb) -> Option<usize> {
        self.0.get(verb as usize).copied().flatten()
    }
}
