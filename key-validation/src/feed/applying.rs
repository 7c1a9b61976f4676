//! A page on its way into the copy, bucket by bucket.

use super::standing::RECENT;
use super::{Change, Coverage, Family, Page, Refused, RegistryCopy, Revision, Standing};
use crate::cache::SharedData;

/// What the pages before have left to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    revision: Revision,
    /// What the next page of a snapshot begins with; none for changes.
    expected: Option<(Family, u16)>,
    touched: Vec<(Family, u16)>,
    /// Of a snapshot: how many buckets workers were told that have changed.
    told: usize,
    /// Of a snapshot: the number up to which changes made meanwhile are applied.
    known: u64,
}

impl Progress {
    pub(super) fn begun_by(page: &Page, standing: &Standing) -> Result<Self, Refused> {
        if standing.is_ahead_of(&page.revision) {
            return Err(Refused::OlderRevision);
        }
        let continues = standing.revision().is_some_and(|applied| applied.epoch == page.revision.epoch);
        match page.snapshot {
            None if !continues => return Err(Refused::OutOfSequence),
            Some(coverage) if (coverage.family, coverage.first) != (Family::Revocation, 0) => {
                return Err(Refused::OutOfSequence);
            }
            Some(coverage) if coverage.records == 0 && !coverage.empty => return Err(Refused::UnexplainedEmptying),
            _ => {}
        }
        Ok(Self::at(page))
    }

    fn at(page: &Page) -> Self {
        let (revision, known) = (page.revision.clone(), page.revision.number);
        let expected = page.snapshot.map(|coverage| (coverage.family, coverage.first));
        Self { revision, expected, touched: Vec::new(), told: 0, known }
    }

    /// The progress of changes that were made while this snapshot is taken.
    pub(super) fn interrupted_by(&self, page: &Page) -> Result<Self, Refused> {
        let goes_on = page.revision.epoch == self.revision.epoch && page.revision.number >= self.known;
        if goes_on && page.snapshot.is_none() { Ok(Self::at(page)) } else { Err(Refused::OutOfSequence) }
    }

    /// The revision after which changes are to be asked for while this snapshot is taken; none when it is none.
    pub(super) fn known(&self) -> Option<Revision> {
        self.expected.map(|_| Revision { number: self.known, ..self.revision.clone() })
    }

    /// Has workers read anew what a page of a snapshot has changed, while that is little: what was blocked while the gateway
    /// was away shall be so before the end. When it is much, it is told with all else at the end.
    fn tell(&mut self, copy: &RegistryCopy, shared: &dyn SharedData) -> Result<(), Refused> {
        let touched = std::mem::take(&mut self.touched);
        self.told = self.told.saturating_add(touched.len());
        let (standing, version) = copy.load_standing(shared);
        if touched.is_empty() || self.told > RECENT || !standing.is_ready() {
            return Ok(());
        }
        copy.store_standing(&standing.changed(Some(touched)), version, shared)
    }

    /// Notes that changes up to a revision are applied.
    pub(super) fn note(&mut self, revision: &Revision) {
        self.known = revision.number;
    }

    pub(super) fn continued_by(self, page: &Page) -> Result<Self, Refused> {
        let begins_with = page.snapshot.map(|coverage| (coverage.family, coverage.first));
        let continues = page.revision == self.revision && begins_with == self.expected;
        if continues { Ok(self) } else { Err(Refused::OutOfSequence) }
    }
}

/// A page that is being applied, bucket by bucket, so that no callback need take long.
#[derive(Debug)]
pub struct Applying {
    revision: Revision,
    snapshot: Option<Coverage>,
    next: Option<String>,
    following: Option<(Family, u16)>,
    changes: std::iter::Peekable<std::vec::IntoIter<Change>>,
    /// The bucket of a snapshot that is next.
    next_bucket: u16,
    progress: Progress,
    /// Whether it comes in the midst of a snapshot.
    interrupts: bool,
}

/// What comes of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Its revision is reached.
    Reached(Revision),
    /// There is another page.
    Continues {
        /// Where.
        cursor: String,
        /// What it begins with.
        progress: Progress,
    },
}

impl Applying {
    pub(super) fn new(page: Page, following: Option<(Family, u16)>, progress: Progress, interrupts: bool) -> Self {
        let next_bucket = page.snapshot.map_or(0, |coverage| coverage.first);
        let Page { revision, snapshot, changes, next, .. } = page;
        let changes = changes.into_iter().peekable();
        Self { revision, snapshot, next, following, changes, next_bucket, progress, interrupts }
    }

    /// Applies a bucket, and shows `judge` each change; `false` once there is nothing left.
    ///
    /// # Errors
    /// [`Refused::NotSet`]; the page is then begun anew.
    pub fn step(
        &mut self,
        copy: &RegistryCopy,
        judge: &mut dyn FnMut(&Change),
        shared: &dyn SharedData,
    ) -> Result<bool, Refused> {
        match self.snapshot {
            None => self.change_next(copy, judge, shared),
            Some(coverage) => self.replace_next(coverage, copy, judge, shared),
        }
    }

    fn change_next(
        &mut self,
        copy: &RegistryCopy,
        judge: &mut dyn FnMut(&Change),
        shared: &dyn SharedData,
    ) -> Result<bool, Refused> {
        let Some(change) = self.changes.next() else { return Ok(false) };
        judge(&change);
        let place = (change.place.family(), change.bucket);
        // Also what is as it was may not be told yet, when the worker that has made it so has gone.
        copy.change_bucket(place, std::iter::once(change), false, shared)?;
        if !self.progress.touched.contains(&place) && self.progress.touched.len() <= RECENT {
            self.progress.touched.push(place);
        }
        Ok(true)
    }

    fn replace_next(
        &mut self,
        coverage: Coverage,
        copy: &RegistryCopy,
        judge: &mut dyn FnMut(&Change),
        shared: &dyn SharedData,
    ) -> Result<bool, Refused> {
        let number = self.next_bucket;
        if number > coverage.last {
            return Ok(false);
        }
        let mut changes = Vec::new();
        while let Some(change) = self.changes.next_if(|change| change.bucket == number) {
            judge(&change);
            changes.push(change);
        }
        if copy.change_bucket((coverage.family, number), changes.into_iter(), true, shared)? {
            self.progress.touched.push((coverage.family, number));
        }
        self.next_bucket = number.saturating_add(1);
        Ok(true)
    }

    /// Ends a page whose steps are all taken; the last one's revision is then the copy's, unless a snapshot goes on.
    ///
    /// # Errors
    /// [`Refused`]; the copy's revision is as it was.
    pub fn finish(self, copy: &RegistryCopy, shared: &dyn SharedData) -> Result<Applied, Refused> {
        let mut progress = self.progress;
        if let Some(cursor) = self.next {
            progress.expected = self.following;
            if self.snapshot.is_some() {
                progress.tell(copy, shared)?;
            }
            return Ok(Applied::Continues { cursor, progress });
        }
        let (standing, version) = copy.load_standing(shared);
        if standing.is_ahead_of(&self.revision) {
            // Another worker was quicker, and older records may lie over what it has written.
            copy.distrust(shared);
            return Err(Refused::OlderRevision);
        }
        if self.interrupts {
            if !progress.touched.is_empty() {
                copy.store_standing(&standing.changed(Some(progress.touched)), version, shared)?;
            }
            return Ok(Applied::Reached(self.revision));
        }
        let unchanged = standing.revision().as_ref() == Some(&self.revision) && progress.touched.is_empty();
        if !unchanged || self.snapshot.is_some() {
            let touched = self.snapshot.is_none().then_some(progress.touched);
            copy.store_standing(&standing.after(&self.revision, touched), version, shared)?;
        }
        Ok(Applied::Reached(self.revision))
    }
}
