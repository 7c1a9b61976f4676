//! Pages of the feed (docs/feed.md), cut out of what the store has.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{BUCKETS, RecordChange, RecordKind};
use crate::domain::Revision;
use crate::store::{StoreError, Transaction};

/// A page ends once it is so long, in octets: a gateway reads it in one go, and its worker does nothing else meanwhile.
const PAGE_BYTES: usize = 64 * 1024;
/// How many records are looked at first.
const PAGE_RECORDS: u32 = 300;
/// The order of a snapshot.
const KINDS: [RecordKind; 3] = [RecordKind::Revocation, RecordKind::Api, RecordKind::Application];

/// Where the next page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Changes of a revision, after this one.
    Changes { revision: Revision, after: (u64, String, String) },
    /// A snapshot of a revision, from this bucket on, with the number of records that its first page has found.
    Snapshot { revision: Revision, kind: RecordKind, first: u16, records: Option<u64> },
}

impl Cursor {
    /// As it stands in `next`: only characters that stay as they are in a query.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Changes { revision, after: (number, kind, id) } => {
                format!("c~{}~{}~{number}~{kind}~{id}", revision.epoch, revision.number)
            }
            Self::Snapshot { revision, kind, first, records } => {
                let records = records.unwrap_or_default();
                format!("s~{}~{}~{}~{first}~{records}", revision.epoch, revision.number, kind.as_str())
            }
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('~').collect();
        let revision =
            |epoch: &str, number: &str| Some(Revision { epoch: epoch.to_owned(), number: number.parse().ok()? });
        match parts.as_slice() {
            ["c", epoch, target, number, kind, id] => Some(Self::Changes {
                revision: revision(epoch, target)?,
                after: (number.parse().ok()?, (*kind).to_owned(), (*id).to_owned()),
            }),
            ["s", epoch, number, kind, first, records] => Some(Self::Snapshot {
                revision: revision(epoch, number)?,
                kind: KINDS.into_iter().find(|one| one.as_str() == *kind)?,
                first: first.parse().ok().filter(|first| *first < BUCKETS)?,
                records: Some(records.parse().ok()?),
            }),
            _ => None,
        }
    }

    pub(super) fn revision(&self) -> &Revision {
        match self {
            Self::Changes { revision, .. } | Self::Snapshot { revision, .. } => revision,
        }
    }

    /// Whether all that comes after it is still there, once tombstones up to a number may be gone.
    pub(super) fn is_complete(&self, complete_since: u64) -> bool {
        match self {
            // It may stand amid the changes of its number.
            Self::Changes { after: (number, ..), .. } => *number > complete_since,
            Self::Snapshot { revision, .. } => revision.number >= complete_since,
        }
    }

    /// The beginning of a snapshot.
    pub(super) fn snapshot(revision: Revision) -> Self {
        Self::Snapshot { revision, kind: RecordKind::Revocation, first: 0, records: None }
    }
}

/// A page as it is sent.
#[derive(Serialize)]
struct Page {
    format: u8,
    revision: Revision,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Snapshot>,
    changes: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// What a page of a snapshot covers.
#[derive(Serialize)]
struct Snapshot {
    kind: RecordKind,
    first: u16,
    last: u16,
    records: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    empty: bool,
}

/// One change as it is sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    kind: RecordKind,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

/// The page at a cursor, as JSON.
pub(super) async fn read(transaction: &mut dyn Transaction, cursor: Cursor) -> Result<String, StoreError> {
    let page = match cursor {
        Cursor::Changes { revision, after } => changes(transaction, revision, after).await?,
        Cursor::Snapshot { revision, kind, first, records } => {
            snapshot(transaction, revision, kind, first, records).await?
        }
    };
    serde_json::to_string(&page).map_err(|error| StoreError::Unreadable(format!("a page ({error})")))
}

async fn changes(
    transaction: &mut dyn Transaction,
    revision: Revision,
    after: (u64, String, String),
) -> Result<Page, StoreError> {
    let found = transaction.list_changes((after.0, &after.1, &after.2), PAGE_RECORDS).await?;
    let is_full = found.len() == PAGE_RECORDS as usize;
    // What a later revision changed belongs to that one.
    let mut mine = found.into_iter().take_while(|change| change.number <= revision.number).peekable();
    let (mut changes, mut bytes, mut last) = (Vec::new(), 0, None);
    while let Some(change) = mine.next_if(|_| bytes < PAGE_BYTES) {
        let json = json(&change)?;
        bytes += json.get().len();
        changes.push(json);
        last = Some((change.number, change.kind.as_str().to_owned(), change.id));
    }
    let goes_on = mine.peek().is_some() || (is_full && changes.len() == PAGE_RECORDS as usize);
    let next = last.filter(|_| goes_on).map(|after| Cursor::Changes { revision: revision.clone(), after }.text());
    Ok(Page { format: 1, revision, snapshot: None, changes, next })
}

async fn snapshot(
    transaction: &mut dyn Transaction,
    revision: Revision,
    kind: RecordKind,
    first: u16,
    records: Option<u64>,
) -> Result<Page, StoreError> {
    let records = match records {
        Some(records) => records,
        None => transaction.count_records().await?,
    };
    let (changes, last) = whole_buckets(transaction, kind, first).await?;
    let next = next_of(kind, last).map(|(kind, first)| {
        Cursor::Snapshot { revision: revision.clone(), kind, first, records: Some(records) }.text()
    });
    // A database in which nothing was ever written may be the wrong one; one that was emptied is meant.
    let empty = records == 0 && revision.number > 0;
    let snapshot = Some(Snapshot { kind, first, last, records, empty });
    let changes = changes.into_iter().map(|(_, json)| json).collect();
    Ok(Page { format: 1, revision, snapshot, changes, next })
}

/// The records of as many whole buckets as make a page, each with its JSON, and the last of these buckets.
async fn whole_buckets(
    transaction: &mut dyn Transaction,
    kind: RecordKind,
    first: u16,
) -> Result<(Vec<(RecordChange, Box<RawValue>)>, u16), StoreError> {
    let mut limit = PAGE_RECORDS;
    loop {
        let mut records = transaction.list_records(kind, first, limit).await?;
        // The last bucket may go on where the list ends.
        let cut = (records.len() == limit as usize).then(|| records.last().map(|record| record.bucket)).flatten();
        if let Some(cut) = cut {
            records.retain(|record| record.bucket != cut);
            if records.is_empty() {
                limit = limit.saturating_mul(4);
                continue;
            }
        }
        let with_json = records.into_iter().map(|record| json(&record).map(|json| (record, json)));
        let mut records = with_json.collect::<Result<Vec<_>, _>>()?;
        let mut bytes = 0;
        let too_long = records.iter().find(|(_, json)| {
            let before = bytes;
            bytes += json.get().len();
            before > PAGE_BYTES
        });
        let end = too_long.map(|(record, _)| record.bucket).into_iter().chain(cut).min();
        // A single bucket may be more than a page, and is one all the same.
        let smallest = records.first().map_or(first, |(record, _)| record.bucket).saturating_add(1);
        let end = end.map_or(BUCKETS, |end| end.max(smallest));
        records.retain(|(record, _)| record.bucket < end);
        return Ok((records, end.saturating_sub(1)));
    }
}

fn next_of(kind: RecordKind, last: u16) -> Option<(RecordKind, u16)> {
    if last.saturating_add(1) < BUCKETS {
        return Some((kind, last.saturating_add(1)));
    }
    let mut later = KINDS.into_iter().skip_while(|one| *one != kind);
    later.nth(1).map(|kind| (kind, 0))
}

fn json(change: &RecordChange) -> Result<Box<RawValue>, StoreError> {
    let json = Change {
        kind: change.kind,
        id: &change.id,
        api_id: change.api_id.as_deref(),
        application_id: change.application_id.as_deref(),
        record: change.record.as_deref(),
        deleted: change.record.is_none(),
    };
    to_raw_value(&json).map_err(|error| StoreError::Unreadable(format!("a feed record ({error})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_as_they_were_written() {
        let revision = Revision { epoch: "2f1c-7d6e".to_owned(), number: 12 };
        for cursor in [
            Cursor::Changes { revision: revision.clone(), after: (3, "api".to_owned(), "a-1".to_owned()) },
            Cursor::Snapshot { revision, kind: RecordKind::Application, first: 16383, records: Some(1210) },
        ] {
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        for text in [
            "",
            "s",
            "s~e~1~api~0",
            "s~e~1~api~16384~1",
            "s~e~x~api~0~1",
            "s~e~1~other~0~1",
            "s~e~1~api~0~x",
            "c~e~1~2~api",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
