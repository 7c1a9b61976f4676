//! Revocation cut-offs (BEHAVIOUR.md section 5): whose tokens are refused, or asked about anew, whatever is remembered.
//!
//! A cut-off that says "recheck" goes by the order in which things reach this gateway, never by comparing its clock
//! with another's.

use crate::UnixTime;
use crate::digest::{digest_of, mixed};
use crate::hash_table::HashTable;
use crate::introspection::ActiveAnswer;

/// SHA-256 of a token.
pub type TokenDigest = [u8; 32];

/// A revocation as it was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CutOff {
    /// Whose tokens it concerns.
    pub concerns: Concerned,
    /// The identity provider whose tokens it concerns; any when none.
    pub identity_provider: Option<String>,
    /// What it does.
    pub action: Action,
    /// `deny` by client, subject or all concerns tokens issued at or before this; any when none.
    pub not_before: Option<UnixTime>,
    /// From when on it does nothing.
    pub expires_at: UnixTime,
}

/// Whose tokens a cut-off concerns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Concerned {
    /// One token.
    Token(TokenDigest),
    /// The token with this `jti`.
    Jti(String),
    /// Those issued to a client.
    Client(String),
    /// Those of a subject.
    Subject(String),
    /// All.
    All,
}

/// What a cut-off does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Tokens are refused.
    Deny,
    /// Answers to questions that were sent before it came are not used.
    Recheck,
}

/// What the cut-offs say of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No cut-off concerns it.
    Unconcerned,
    /// The identity provider must be asked again.
    Recheck,
    /// The token is refused.
    Denied,
}

/// When cut-offs first came to this worker. It outlives configurations: what comes again has not come anew.
#[derive(Debug, Default)]
pub struct Arrivals(HashTable<u64, Arrival>);

#[derive(Clone, Copy, Debug)]
struct Arrival {
    arrived_at: UnixTime,
    expires_at: UnixTime,
}

/// The cut-offs in force, by a digest of whom they concern.
#[derive(Debug, Default)]
pub struct CutOffs(HashTable<u64, Vec<InForce>>);

#[derive(Debug)]
struct InForce {
    cut_off: CutOff,
    arrived_at: UnixTime,
}

/// What of a token a cut-off may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Named<'a> {
    Token(&'a TokenDigest),
    Jti(&'a str),
    Client(&'a str),
    Subject(&'a str),
    All,
}

impl Concerned {
    fn named(&self) -> Named<'_> {
        match self {
            Self::Token(digest) => Named::Token(digest),
            Self::Jti(jti) => Named::Jti(jti),
            Self::Client(client) => Named::Client(client),
            Self::Subject(subject) => Named::Subject(subject),
            Self::All => Named::All,
        }
    }
}

impl CutOffs {
    /// Puts cut-offs that come at `now` in the place of others.
    pub fn replace(&mut self, old: &[CutOff], new: Vec<CutOff>, arrivals: &mut Arrivals, now: UnixTime) {
        for cut_off in old {
            self.remove(cut_off);
        }
        arrivals.0.retain(|arrival| now < arrival.expires_at);
        for cut_off in new.into_iter().filter(|cut_off| now < cut_off.expires_at) {
            let (digest, expires_at) = (digest_of(&cut_off), cut_off.expires_at);
            let known = arrivals.0.get(&digest).map(|arrival| arrival.arrived_at);
            let arrived_at = known.unwrap_or(now);
            if known.is_none() {
                arrivals.0.insert(digest, Arrival { arrived_at, expires_at });
            }
            let place = mixed(&cut_off.concerns.named());
            let in_force = InForce { cut_off, arrived_at };
            match self.0.get_mut(&place) {
                Some(others) => others.push(in_force),
                None => drop(self.0.insert(place, vec![in_force])),
            }
        }
    }

    fn remove(&mut self, cut_off: &CutOff) {
        let place = mixed(&cut_off.concerns.named());
        let Some(others) = self.0.get_mut(&place) else { return };
        if let Some(position) = others.iter().position(|in_force| in_force.cut_off == *cut_off) {
            others.swap_remove(position);
        }
        if others.is_empty() {
            self.0.remove(&place);
        }
    }

    /// Whether no cut-off is in force.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they say of an identity provider's answer about a token.
    pub fn verdict(
        &self,
        identity_provider: &str,
        token: &TokenDigest,
        answer: &ActiveAnswer<'_>,
        now: UnixTime,
    ) -> Verdict {
        let in_force = self.about(token, answer).filter(|in_force| {
            let of = in_force.cut_off.identity_provider.as_deref();
            of.is_none_or(|of| of == identity_provider) && now < in_force.cut_off.expires_at
        });
        in_force.map(|in_force| in_force.verdict(answer)).max().unwrap_or(Verdict::Unconcerned)
    }

    /// Those that name the token, its client or its subject, and those that name all: the others are not looked at,
    /// however many there are.
    fn about<'a>(&'a self, token: &'a TokenDigest, answer: &ActiveAnswer<'a>) -> impl Iterator<Item = &'a InForce> {
        let names = [
            Some(Named::Token(token)),
            answer.jti.map(Named::Jti),
            answer.client_id.map(Named::Client),
            answer.subject.map(Named::Subject),
            Some(Named::All),
        ];
        let of_name = move |name: Named<'a>| {
            let all = self.0.get(&mixed(&name)).map(Vec::as_slice).unwrap_or_default();
            all.iter().filter(move |in_force| in_force.cut_off.concerns.named() == name)
        };
        names.into_iter().flatten().flat_map(of_name)
    }
}

impl InForce {
    #[inline]
    fn verdict(&self, answer: &ActiveAnswer<'_>) -> Verdict {
        let by_issue = match self.cut_off.concerns {
            Concerned::Token(_) | Concerned::Jti(_) => false,
            Concerned::Client(_) | Concerned::Subject(_) | Concerned::All => true,
        };
        match self.cut_off.action {
            Action::Deny if !by_issue => Verdict::Denied,
            // Who does not say when it was issued may have been issued later: the identity provider knows.
            Action::Deny if answer.issued_at == UnixTime::from_millis(0) => self.recheck(answer),
            Action::Deny if self.cut_off.not_before.is_none_or(|not_before| answer.issued_at <= not_before) => {
                Verdict::Denied
            }
            Action::Deny => Verdict::Unconcerned,
            Action::Recheck => self.recheck(answer),
        }
    }

    fn recheck(&self, answer: &ActiveAnswer<'_>) -> Verdict {
        // A question sent in the very millisecond may have been sent before.
        if answer.asked_at <= self.arrived_at { Verdict::Recheck } else { Verdict::Unconcerned }
    }
}

#[cfg(test)]
mod tests;
