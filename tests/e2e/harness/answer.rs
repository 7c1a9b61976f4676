//! What came back through the gateway.

use serde::Deserialize;
use serde_json::Value;

/// Names one request of one test, in the access log and at the backend.
pub(crate) const CASE_HEADER: &str = "x-case";

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) case: String,
}

/// What the backend received.
#[derive(Debug, Deserialize)]
pub(crate) struct Echo {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads an HTTP/1.1 response; `None` if there is none.
    pub(crate) fn parse(response: &[u8], case: &str) -> Option<Self> {
        let end = response.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&response[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { status, headers, body: response[end + 4..].to_vec(), case: case.to_owned() })
    }

    /// The value of a header that may come at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        only(&self.headers, name)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// What the backend received; fails the test if the answer is not the backend's.
    #[track_caller]
    pub(crate) fn echo(&self) -> Echo {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not the backend's answer, {error}: {self:?}"))
    }
}

/// Whether an HTTP/1.1 response has come to its end, as far as it tells.
pub(crate) fn is_whole(response: &[u8], to_head: bool) -> bool {
    Answer::parse(response, "").is_some_and(|answer| {
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        to_head || length.is_some_and(|length: usize| answer.body.len() >= length)
    })
}

impl Echo {
    /// The value of a header that may come at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        only(&self.headers, name)
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(candidate, _)| candidate == name)
    }

    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }
}

fn only<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    let mut values = headers.iter().filter(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str());
    let value = values.next();
    assert_eq!(values.next(), None, "{name} comes more than once");
    value
}
