//! Revocation cut-offs (BEHAVIOUR.md section 5): whose tokens are refused, or asked about anew, whatever is remembered.
//!
//! A cut-off that says "recheck" goes by the order in which things reach this gateway, never by comparing its clock
//! with another's.

use std::collections::HashMap;

use crate::UnixTime;
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
pub struct Arrivals(HashMap<CutOff, UnixTime>);

/// The cut-offs in force, by whom they concern.
#[derive(Debug, Default)]
pub struct CutOffs {
    tokens: HashMap<TokenDigest, Vec<InForce>>,
    jtis: HashMap<String, Vec<InForce>>,
    clients: HashMap<String, Vec<InForce>>,
    subjects: HashMap<String, Vec<InForce>>,
    all: Vec<InForce>,
    any: bool,
}

#[derive(Debug)]
struct InForce {
    cut_off: CutOff,
    arrived_at: UnixTime,
}

impl CutOffs {
    /// The cut-offs of a list that comes, whole, at `now`.
    pub fn arrive(list: Vec<CutOff>, arrivals: &mut Arrivals, now: UnixTime) -> Self {
        arrivals.0.retain(|cut_off, _| now < cut_off.expires_at);
        let mut cut_offs = Self::default();
        for cut_off in list.into_iter().filter(|cut_off| now < cut_off.expires_at) {
            let arrived_at = *arrivals.0.entry(cut_off.clone()).or_insert(now);
            cut_offs.any = true;
            let place = match cut_off.concerns.clone() {
                Concerned::Token(digest) => cut_offs.tokens.entry(digest).or_default(),
                Concerned::Jti(jti) => cut_offs.jtis.entry(jti).or_default(),
                Concerned::Client(client) => cut_offs.clients.entry(client).or_default(),
                Concerned::Subject(subject) => cut_offs.subjects.entry(subject).or_default(),
                Concerned::All => &mut cut_offs.all,
            };
            place.push(InForce { cut_off, arrived_at });
        }
        cut_offs
    }

    /// Whether no cut-off is in force.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// What they say of an identity provider's answer about a token.
    #[inline]
    pub fn verdict(
        &self,
        identity_provider: &str,
        token: &TokenDigest,
        answer: &ActiveAnswer<'_>,
        now: UnixTime,
    ) -> Verdict {
        if !self.any {
            return Verdict::Unconcerned;
        }
        let in_force = self.about(token, answer).filter(|in_force| {
            let of = in_force.cut_off.identity_provider.as_deref();
            of.is_none_or(|of| of == identity_provider) && now < in_force.cut_off.expires_at
        });
        in_force.map(|in_force| in_force.verdict(answer)).max().unwrap_or(Verdict::Unconcerned)
    }

    /// Those that name the token, its client or its subject, and those that name all: the others are not looked at,
    /// however many there are.
    fn about(&self, token: &TokenDigest, answer: &ActiveAnswer<'_>) -> impl Iterator<Item = &InForce> {
        fn by_text<'m>(map: &'m HashMap<String, Vec<InForce>>, text: Option<&str>) -> Option<&'m Vec<InForce>> {
            text.and_then(|text| map.get(text))
        }
        [
            self.tokens.get(token),
            by_text(&self.jtis, answer.jti),
            by_text(&self.clients, answer.client_id),
            by_text(&self.subjects, answer.subject),
            Some(&self.all),
        ]
        .into_iter()
        .flatten()
        .flatten()
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
