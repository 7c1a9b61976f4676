//! The active answer as it is kept: a compact record, read in place.
//!
//! A fresh answer is read from its record too, so that a hit and a miss are decided from the same bytes.

use std::time::Duration;

use crate::UnixTime;

/// What an identity provider said of an active token, as far as anything here uses it.
///
/// Times are absolute. Nothing in it depends on an operation or a subscription: decisions are made afresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveAnswer<'a> {
    /// When the question was sent.
    pub asked_at: UnixTime,
    /// From when on the identity provider must be asked again.
    pub fresh_until: UnixTime,
    /// `exp`; [`UnixTime::MAX`] when there is none.
    pub expires_at: UnixTime,
    /// `nbf`; 0 when there is none.
    pub not_before: UnixTime,
    /// `iat`; 0 when there is none.
    pub issued_at: UnixTime,
    /// Whether it is an access token and no refresh, identity or offline token.
    pub is_access_token: bool,
    /// Whether it is bound to a key (`cnf`).
    pub is_sender_constrained: bool,
    /// Whether it bears a marker of an application's token.
    pub is_marked_application: bool,
    /// The client that it was issued to.
    pub client_id: Option<&'a str>,
    /// The subject.
    pub subject: Option<&'a str>,
    /// The user's name.
    pub username: Option<&'a str>,
    /// `jti`.
    pub jti: Option<&'a str>,
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `aud`.
    pub audience: Texts<'a>,
    /// The scopes.
    pub scope: Texts<'a>,
    /// The members for the backend JWT: a JSON object.
    pub forward_claims: &'a str,
}

/// A list of texts inside a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a>(&'a [u8]);

/// Octets that are no record of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a record of an answer")]
pub struct MalformedRecord;

/// How long before its end an answer is asked for anew, at most.
const LONGEST_LEAD: Duration = Duration::from_secs(10);

const ACCESS_TOKEN: u8 = 1;
const SENDER_CONSTRAINED: u8 = 1 << 1;
const MARKED_APPLICATION: u8 = 1 << 2;

impl<'a> ActiveAnswer<'a> {
    /// Reads a record in place.
    ///
    /// # Errors
    /// [`MalformedRecord`] for anything that is not one whole record.
    #[inline]
    pub fn decode(record: &'a [u8]) -> Result<Self, MalformedRecord> {
        let mut reader = Reader(record);
        let mut time = || reader.u64().map(UnixTime::from_millis);
        let (asked_at, fresh_until, expires_at) = (time()?, time()?, time()?);
        let (not_before, issued_at) = (time()?, time()?);
        let flags = reader.octet()?;
        let answer = Self {
            asked_at,
            fresh_until,
            expires_at,
            not_before,
            issued_at,
            is_access_token: flags & ACCESS_TOKEN != 0,
            is_sender_constrained: flags & SENDER_CONSTRAINED != 0,
            is_marked_application: flags & MARKED_APPLICATION != 0,
            client_id: reader.optional_text()?,
            subject: reader.optional_text()?,
            username: reader.optional_text()?,
            jti: reader.optional_text()?,
            issuer: reader.optional_text()?,
            audience: Texts::checked(reader.bytes()?)?,
            scope: Texts::checked(reader.bytes()?)?,
            forward_claims: reader.text()?,
        };
        if reader.0.is_empty() { Ok(answer) } else { Err(MalformedRecord) }
    }
}

/// When it is time to ask for an answer anew, so that no request has to wait once it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshWindow {
    pub(crate) begins_at: UnixTime,
    /// With the answer's freshness.
    pub(crate) ends_at: UnixTime,
}

impl RefreshWindow {
    /// The last eighth of the freshness of a record, ten seconds at most; none where its token ends no later than that.
    /// Looks at nothing but the times.
    #[inline]
    pub(crate) fn of(record: &[u8]) -> Option<Self> {
        let mut reader = Reader(record);
        let mut time = || reader.u64().map(UnixTime::from_millis).ok();
        let (asked_at, fresh_until, expires_at) = (time()?, time()?, time()?);
        let freshness = fresh_until.since(asked_at);
        let lead = freshness.checked_div(8).unwrap_or_default().min(LONGEST_LEAD);
        let begins_at = asked_at.plus(freshness.saturating_sub(lead));
        (fresh_until < expires_at).then_some(Self { begins_at, ends_at: fresh_until })
    }
}

/// What goes into a record; the counterpart of [`ActiveAnswer`] for writing.
pub(super) struct Draft<'a> {
    pub(super) times: [UnixTime; 5],
    pub(super) is_access_token: bool,
    pub(super) is_sender_constrained: bool,
    pub(super) is_marked_application: bool,
    pub(super) client_id: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) username: Option<&'a str>,
    pub(super) jti: Option<&'a str>,
    pub(super) issuer: Option<&'a str>,
    pub(super) audience: Vec<&'a str>,
    pub(super) scope: Vec<&'a str>,
    pub(super) forward_claims: String,
}

impl Draft<'_> {
    /// Writes the record.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(256);
        for time in self.times {
            record.extend_from_slice(&time.as_millis().to_le_bytes());
        }
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        record.push(
            flag(self.is_access_token, ACCESS_TOKEN)
                | flag(self.is_sender_constrained, SENDER_CONSTRAINED)
                | flag(self.is_marked_application, MARKED_APPLICATION),
        );
        for text in [self.client_id, self.subject, self.username, self.jti, self.issuer] {
            record.push(u8::from(text.is_some()));
            push_bytes(&mut record, text.unwrap_or_default().as_bytes());
        }
        for list in [&self.audience, &self.scope] {
            let mut texts = Vec::new();
            for text in list {
                push_bytes(&mut texts, text.as_bytes());
            }
            push_bytes(&mut record, &texts);
        }
        push_bytes(&mut record, self.forward_claims.as_bytes());
        record
    }
}

impl<'a> Texts<'a> {
    #[inline]
    fn checked(bytes: &'a [u8]) -> Result<Self, MalformedRecord> {
        let mut reader = Reader(bytes);
        while !reader.0.is_empty() {
            reader.text()?;
        }
        Ok(Self(bytes))
    }

    /// The texts in their order.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let mut reader = Reader(self.0);
        std::iter::from_fn(move || reader.text().ok())
    }

    /// Whether one of them is exactly this.
    #[inline]
    pub fn contains(self, text: &str) -> bool {
        self.iter().any(|candidate| candidate == text)
    }
}

fn push_bytes(record: &mut Vec<u8>, bytes: &[u8]) {
    // Answers are at most 64 KiB long, so each part's length fits.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(bytes);
}

/// Takes a record apart from the left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], MalformedRecord> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(MalformedRecord)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    fn octet(&mut self) -> Result<u8, MalformedRecord> {
        self.take(1)?.first().copied().ok_or(MalformedRecord)
    }

    #[inline]
    fn u64(&mut self) -> Result<u64, MalformedRecord> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(MalformedRecord)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*taken))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], MalformedRecord> {
        let (length, rest) = self.0.split_first_chunk().ok_or(MalformedRecord)?;
        self.0 = rest;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| MalformedRecord)?;
        self.take(length)
    }

    #[inline]
    fn text(&mut self) -> Result<&'a str, MalformedRecord> {
        std::str::from_utf8(self.bytes()?).map_err(|_| MalformedRecord)
    }

    /// A text, if the octet before it says that there is one: an empty text is not the same as none.
    #[inline]
    fn optional_text(&mut self) -> Result<Option<&'a str>, MalformedRecord> {
        let is_there = self.octet()? != 0;
        let text = self.text()?;
        Ok(is_there.then_some(text))
    }
}

/// A record for tests of what is decided by one.
#[cfg(test)]
pub(crate) mod tests_support {
    use super::{Draft, UnixTime};

    /// Of a token that was asked about and issued at these times; each text names its member.
    pub(crate) fn record(asked_at: UnixTime, issued_at: UnixTime) -> Vec<u8> {
        let draft = Draft {
            times: [asked_at, UnixTime::MAX, UnixTime::MAX, UnixTime::from_millis(0), issued_at],
            is_access_token: true,
            is_sender_constrained: false,
            is_marked_application: false,
            client_id: Some("the-client"),
            subject: Some("the-subject"),
            username: None,
            jti: Some("the-jti"),
            issuer: None,
            audience: Vec::new(),
            scope: Vec::new(),
            forward_claims: "{}".to_owned(),
        };
        draft.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn draft() -> Draft<'static> {
        Draft {
            times: [1, 2, 3, 4, 5].map(UnixTime::from_millis),
            is_access_token: true,
            is_sender_constrained: false,
            is_marked_application: true,
            client_id: Some("shop"),
            subject: None,
            username: Some("Älice"),
            jti: Some("j"),
            issuer: Some(""),
            audience: vec!["a", ""],
            scope: vec!["x", "y"],
            forward_claims: "{}".to_owned(),
        }
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = draft().encode();

        let answer = ActiveAnswer::decode(&record).unwrap();

        assert_eq!(answer.asked_at, UnixTime::from_millis(1));
        assert_eq!(answer.issued_at, UnixTime::from_millis(5));
        assert!(answer.is_access_token && answer.is_marked_application && !answer.is_sender_constrained);
        assert_eq!((answer.client_id, answer.subject), (Some("shop"), None));
        assert_eq!(answer.jti, Some("j"));
        assert_eq!((answer.username, answer.issuer), (Some("Älice"), Some("")));
        assert_eq!(answer.audience.iter().collect::<Vec<_>>(), ["a", ""]);
        assert!(answer.scope.contains("y") && !answer.scope.contains("xy"));
        assert_eq!(answer.forward_claims, "{}");
    }

    #[test]
    fn a_record_that_is_cut_or_longer_is_none() {
        let record = draft().encode();
        for length in 0..record.len() {
            assert_eq!(ActiveAnswer::decode(&record[..length]), Err(MalformedRecord), "{length}");
        }
        let longer = [record.as_slice(), b"x"].concat();
        assert_eq!(ActiveAnswer::decode(&longer), Err(MalformedRecord));
    }
}
