//! How far a copy is, and what workers must read anew.

use serde::{Deserialize, Serialize};

use super::{Family, Revision};

/// Changed buckets that a standing tells; a worker that has missed more re-reads everything.
pub(super) const RECENT: usize = 64;

/// How far the copy is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    epoch: String,
    number: u64,
    /// Whether all of that revision is applied, and not half a snapshot.
    complete: bool,
    /// Whether it was complete ever: decisions can be made by it.
    ready: bool,
    /// Grows with every change of the copy that workers should notice.
    generation: u64,
    /// Buckets that changed, with the generation at which they did.
    recent: Vec<(u64, Family, u16)>,
    /// The first generation whose changes are all in `recent`.
    recent_from: u64,
}

/// What a worker that has read an earlier standing holds no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// These buckets.
    Buckets(Vec<(Family, u16)>),
    /// Everything.
    All,
}

impl Standing {
    /// The revision to ask with; none when a snapshot is needed.
    pub fn revision(&self) -> Option<Revision> {
        self.complete.then(|| Revision { epoch: self.epoch.clone(), number: self.number })
    }

    /// Whether decisions can be made by the copy.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// What has changed since an earlier standing.
    pub fn stale_since(&self, earlier: &Self) -> Stale {
        if earlier.generation.saturating_add(1) < self.recent_from || earlier.generation > self.generation {
            return Stale::All;
        }
        let changed = self.recent.iter().filter(|(generation, ..)| *generation > earlier.generation);
        Stale::Buckets(changed.map(|(_, family, bucket)| (*family, *bucket)).collect())
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
        let Revision { epoch, number } = revision.clone();
        Self { epoch, number, complete: true, ready: true, generation, recent, recent_from }
    }
}
