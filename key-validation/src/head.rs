//! The head of a request: header names and values as octets, in the order they came.

/// Borrowed view of a request's headers, pseudo headers included; names are lower-case, as HTTP/2 has them and
/// Envoy makes them. Values may hold any octets.
#[derive(Clone, Debug, Default)]
pub struct RequestHead<'a> {
    headers: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> RequestHead<'a> {
    /// A head of these names and values.
    #[inline]
    pub fn new(headers: Vec<(&'a [u8], &'a [u8])>) -> Self {
        Self { headers }
    }

    /// Every value under exactly this name.
    #[inline]
    pub fn values<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'a [u8]> + 'h {
        let same_name = move |header: &&(&[u8], &[u8])| header.0 == name.as_bytes();
        self.headers.iter().filter(same_name).map(|header| header.1)
    }

    /// The value under a name that must be there once.
    #[inline]
    pub fn only(&self, name: &str) -> Option<&'a [u8]> {
        let mut values = self.values(name);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The names that equal `name` when case and the difference of `-` and `_` are set aside, each spelling once:
    /// CGI-like backends cannot tell them apart.
    #[inline]
    pub fn spellings(&self, name: &str) -> Vec<String> {
        let mut spellings: Vec<String> = Vec::new();
        for (candidate, _) in &self.headers {
            if is_spelling(candidate, name.as_bytes()) {
                let candidate = String::from_utf8_lossy(candidate).into_owned();
                if !spellings.contains(&candidate) {
                    spellings.push(candidate);
                }
            }
        }
        spellings
    }

    /// Whether Envoy will answer this request as gRPC: `application/grpc`, alone or with a `+` suffix or parameters.
    #[inline]
    pub fn is_grpc(&self) -> bool {
        self.values("content-type").next().is_some_and(|value| {
            let rest = value.strip_prefix(b"application/grpc");
            rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
        })
    }
}

#[inline]
fn is_spelling(candidate: &[u8], name: &[u8]) -> bool {
    let canonical = |octet: &u8| match octet {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    };
    candidate.len() == name.len() && candidate.iter().map(canonical).eq(name.iter().map(canonical))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn head<'a>(headers: &[(&'a str, &'a str)]) -> RequestHead<'a> {
        RequestHead::new(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect())
    }

    #[test]
    fn finds_each_spelling_of_a_header_once() {
        let head = head(&[
            ("x-jwt-assertion", "1"),
            ("X_JWT-Assertion", "2"),
            ("x_jwt_assertion", "3"),
            ("x-jwt-assertion", "4"),
            ("x-jwt-assertions", "5"),
            ("xjwtassertion", "6"),
            ("y-jwt-assertion", "7"),
        ]);

        let spellings = head.spellings("x-jwt-assertion");

        assert_eq!(spellings, ["x-jwt-assertion", "X_JWT-Assertion", "x_jwt_assertion"]);
    }

    #[test]
    fn a_header_that_comes_twice_is_not_the_only_one() {
        let head = head(&[(":path", "/a"), (":method", "GET"), (":path", "/b")]);

        assert_eq!(head.only(":path"), None);
        assert_eq!(head.only(":method"), Some(b"GET".as_slice()));
        assert_eq!(head.only(":authority"), None);
    }

    #[test]
    fn tells_grpc_by_its_content_type() {
        for (value, grpc) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;x", true),
            ("application/grpc-web", false),
            ("application/json", false),
        ] {
            assert_eq!(head(&[("content-type", value)]).is_grpc(), grpc, "{value}");
        }
    }
}
