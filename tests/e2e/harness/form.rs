//! Decoding of `application/x-www-form-urlencoded`, strictly: what the identity provider would read.

/// The fields in their order.
pub(crate) fn decode(body: &str) -> Vec<(String, String)> {
    body.split('&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let (name, value) = field.split_once('=').unwrap_or_else(|| panic!("no `=` in {field:?}"));
            (decode_text(name), decode_text(value))
        })
        .collect()
}

/// One name or value; fails the test on octets that the encoding does not let through as they are.
pub(crate) fn decode_text(text: &str) -> String {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits after %"));
                let digits = str::from_utf8(&digits).expect("ASCII after %");
                u8::from_str_radix(digits, 16).unwrap_or_else(|error| panic!("{error} after % in {text:?}"))
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'*' => octet,
            _ => panic!("{:?} is not encoded in {text:?}", char::from(octet)),
        });
    }
    String::from_utf8(octets).expect("a form in UTF-8")
}
