//! Pages of the feed (docs/feed.md), cut out of what the store has.

use serde_json::{Map, Value, json};

use super::{BUCKETS, RecordChange, RecordKind};
use crate::domain::Revision;
use crate::store::{StoreError, Transaction};

/// A page ends once it is so long, in octets.
const PAGE_BYTES: usize = 256 * 1024;
/// How many records are looked at first.
const PAGE_RECORDS: u32 = 1000;
/// The order of a snapshot.
const KINDS: [RecordKind; 3] = [RecordKind::Revocation, RecordKind::Api, RecordKind::Application];

/// Where the next page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Changes of a revision, after this one.
    Changes { revision: Revision, after: (u64, String, String) },
    /// A snapshot of a revision, from this bucket on.
    Snapshot { revision: Revision, kind: RecordKind, first: u16 },
}

impl Cursor {
    /// As it stands in `next`: only characters that stay as they are in a query.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Changes { revision, after: (number, kind, id) } => {
                format!("c~{}~{}~{number}~{kind}~{id}", revision.epoch, revision.number)
            }
            Self::Snapshot { revision, kind, first } => {
                format!("s~{}~{}~{}~{first}", revision.epoch, revision.number, kind.as_str())
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
            ["s", epoch, number, kind, first] => Some(Self::Snapshot {
                revision: revision(epoch, number)?,
                kind: KINDS.into_iter().find(|one| one.as_str() == *kind)?,
                first: first.parse().ok().filter(|first| *first < BUCKETS)?,
            }),
            _ => None,
        }
    }

    pub(super) fn revision(&self) -> &Revision {
        match self {
            Self::Changes { revision, .. } | Self::Snapshot { revision, .. } => revision,
        }
    }

    /// The beginning of a snapshot.
    pub(super) fn snapshot(revision: Revision) -> Self {
        Self::Snapshot { revision, kind: RecordKind::Revocation, first: 0 }
    }
}

/// The page at a cursor.
pub(super) async fn read(transaction: &mut dyn Transaction, cursor: Cursor) -> Result<Value, StoreError> {
    match cursor {
        Cursor::Changes { revision, after } => changes(transaction, revision, after).await,
        Cursor::Snapshot { revision, kind, first } => snapshot(transaction, revision, kind, first).await,
    }
}

async fn changes(
    transaction: &mut dyn Transaction,
    revision: Revision,
    after: (u64, String, String),
) -> Result<Value, StoreError> {
    let found = transaction.list_changes((after.0, &after.1, &after.2), PAGE_RECORDS).await?;
    let is_full = found.len() == PAGE_RECORDS as usize;
    // What a later revision changed belongs to that one.
    let mut mine = found.into_iter().take_while(|change| change.number <= revision.number).peekable();
    let (mut page, mut bytes, mut last) = (Vec::new(), 0, None);
    while let Some(change) = mine.next_if(|_| bytes < PAGE_BYTES) {
        let json = change_json(&change);
        bytes += json.to_string().len();
        page.push(json);
        last = Some((change.number, change.kind.as_str().to_owned(), change.id));
    }
    let goes_on = mine.peek().is_some() || (is_full && page.len() == PAGE_RECORDS as usize);
    let next = last.filter(|_| goes_on).map(|after| Cursor::Changes { revision: revision.clone(), after }.text());
    Ok(json!({"format": 1, "revision": revision, "changes": page, "next": next}))
}

async fn snapshot(
    transaction: &mut dyn Transaction,
    revision: Revision,
    kind: RecordKind,
    first: u16,
) -> Result<Value, StoreError> {
    let (records, last) = whole_buckets(transaction, kind, first).await?;
    let counts = transaction.count_records().await?;
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let has_content = counts.iter().any(|(kind, _)| matches!(kind, RecordKind::Api | RecordKind::Application));
    let mut snapshot = json!({"kind": kind, "first": first, "last": last, "records": total});
    // A database in which nothing was ever written may be the wrong one; one that was emptied is meant.
    if !has_content && revision.number > 0 {
        snapshot["empty"] = Value::Bool(true);
    }
    let next =
        next_of(kind, last).map(|(kind, first)| Cursor::Snapshot { revision: revision.clone(), kind, first }.text());
    let changes: Vec<Value> = records.iter().map(change_json).collect();
    Ok(json!({"format": 1, "revision": revision, "snapshot": snapshot, "changes": changes, "next": next}))
}

/// The records of as many whole buckets as make a page, and the last of these buckets.
async fn whole_buckets(
    transaction: &mut dyn Transaction,
    kind: RecordKind,
    first: u16,
) -> Result<(Vec<RecordChange>, u16), StoreError> {
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
        let mut bytes = 0;
        let too_long = records.iter().find(|record| {
            let before = bytes;
            bytes += change_json(record).to_string().len();
            before > PAGE_BYTES
        });
        let end = too_long.map(|record| record.bucket).into_iter().chain(cut).min();
        // A single bucket may be more than a page, and is one all the same.
        let smallest = records.first().map_or(first, |record| record.bucket).saturating_add(1);
        let end = end.map_or(BUCKETS, |end| end.max(smallest));
        records.retain(|record| record.bucket < end);
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

fn change_json(change: &RecordChange) -> Value {
    let mut members = Map::new();
    members.insert("kind".to_owned(), change.kind.as_str().into());
    members.insert("id".to_owned(), change.id.as_str().into());
    for (name, id) in [("apiId", &change.api_id), ("applicationId", &change.application_id)] {
        members.extend(id.as_ref().map(|id| (name.to_owned(), id.as_str().into())));
    }
    match &change.record {
        Some(record) => members.insert("record".to_owned(), record.clone()),
        None => members.insert("deleted".to_owned(), Value::Bool(true)),
    };
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_as_they_were_written() {
        let revision = Revision { epoch: "2f1c-7d6e".to_owned(), number: 12 };
        for cursor in [
            Cursor::Changes { revision: revision.clone(), after: (3, "api".to_owned(), "a-1".to_owned()) },
            Cursor::snapshot(revision.clone()),
            Cursor::Snapshot { revision, kind: RecordKind::Application, first: 16383 },
        ] {
            assert_eq!(Cursor::parse(&cursor.text()), Some(cursor));
        }
        for text in ["", "s", "s~e~1~api~16384", "s~e~x~api~0", "s~e~1~other~0", "c~e~1~2~api"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
