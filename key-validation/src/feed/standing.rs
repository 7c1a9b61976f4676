//! How far a copy is, and what workers must read anew.

use std::fmt::Write as _;
use std::str::Split;

use super::{Family, Revision};

/// Changed buckets that a standing tells; a worker that has missed more re-reads everything.
pub(super) const RECENT: usize = 64;

/// How far the copy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    epoch: String,
    number: u64,
    /// Whether all of that revision is applied, and not half a snapshot.
    complete: bool,
    /// Grows with every change of the copy that workers should notice; 0 before the first.
    generation: u64,
    /// Buckets that changed, with the generation at which they did.
    recent: Vec<(u64, Family, u16)>,
    /// The first generation whose changes are all in `recent`.
    recent_from: u64,
}

/// What a worker holds no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// A bucket.
    Bucket(Family, u16),
    /// All applications.
    Applications,
}

impl Standing {
    /// The revision to ask with; none when a snapshot is needed.
    pub fn revision(&self) -> Option<Revision> {
        self.complete.then(|| Revision { epoch: self.epoch.clone(), number: self.number })
    }

    /// The last revision that was reached, whole; 0 before the first.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether decisions can be made by the copy: it was complete at some time.
    pub fn is_ready(&self) -> bool {
        self.generation > 0
    }

    /// Counts the changes that workers should notice.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The buckets that have changed since an earlier standing; none when all may have.
    pub fn stale_since(&self, earlier: &Self) -> Option<impl Iterator<Item = (Family, u16)>> {
        let since = earlier.generation;
        let is_told = since > 0 && since.saturating_add(1) >= self.recent_from && since <= self.generation;
        let changed = self.recent.iter().filter(move |(generation, ..)| *generation > since);
        is_told.then(|| changed.map(|(_, family, bucket)| (*family, *bucket)))
    }

    /// The standing while a snapshot is half applied.
    pub(super) fn incomplete(self) -> Self {
        Self { complete: false, ..self }
    }

    /// Whether its epoch is this one's, and its number higher.
    pub(super) fn is_ahead_of(&self, revision: &Revision) -> bool {
        self.epoch == revision.epoch && revision.number < self.number
    }

    /// The standing once a revision is applied, by which these buckets have changed; all of them when none.
    pub(super) fn after(&self, revision: &Revision, touched: Option<Vec<(Family, u16)>>) -> Self {
        let Revision { epoch, number } = revision.clone();
        Self { epoch, number, complete: true, ..self.changed(touched) }
    }

    /// The standing once these buckets have changed, all of them when none, however far it is.
    pub(super) fn changed(&self, touched: Option<Vec<(Family, u16)>>) -> Self {
        let generation = self.generation.saturating_add(1);
        let (mut recent, mut recent_from) = (self.recent.clone(), self.recent_from);
        match touched {
            Some(touched) if touched.len() <= RECENT => {
                recent.extend(touched.into_iter().map(|(family, bucket)| (generation, family, bucket)));
                while recent.len() > RECENT {
                    // All of a generation go together, or the list would be incomplete for it.
                    let Some(oldest) = recent.first().map(|(generation, ..)| *generation) else { break };
                    recent.retain(|(generation, ..)| *generation != oldest);
                    recent_from = oldest.saturating_add(1);
                }
            }
            _ => {
                recent.clear();
                recent_from = generation.saturating_add(1);
            }
        }
        Self { generation, recent, recent_from, ..self.clone() }
    }

    /// As it lies in the shared data: a line of words for itself, and one for each bucket of `recent`.
    pub(super) fn encode(&self) -> String {
        let Self { epoch, number, complete, generation, recent, recent_from } = self;
        let mut text = format!("{epoch} {number} {} {generation} {recent_from}", u64::from(*complete));
        for (generation, family, bucket) in recent {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n{generation} {} {bucket}", *family as u8);
        }
        text
    }

    /// `None` for anything that this version did not write.
    pub(super) fn decode(octets: &[u8]) -> Option<Self> {
        fn number(words: &mut Split<'_, char>) -> Option<u64> {
            words.next()?.parse().ok()
        }
        let mut lines = std::str::from_utf8(octets).ok()?.split('\n');
        let words = &mut lines.next()?.split(' ');
        let mut standing = Self {
            epoch: words.next()?.to_owned(),
            number: number(words)?,
            complete: number(words)? == 1,
            generation: number(words)?,
            recent_from: number(words)?,
            recent: Vec::new(),
        };
        for line in lines {
            let words = &mut line.split(' ');
            let (generation, family, bucket) = (number(words)?, number(words)?, number(words)?);
            let family = Family::ALL.into_iter().find(|known| *known as u64 == family)?;
            standing.recent.push((generation, family, u16::try_from(bucket).ok()?));
        }
        Some(standing)
    }
}
