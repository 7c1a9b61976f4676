//! The head of a request, one header a line (`name: value`), `Authorization` above all: nobody is asked about anything
//! but the one bearer token, nobody passes unasked, and no forged identity header stays.
#![no_main]

use gatehouse_fuzz::{NOW, SharedValues, Unmatched, begin, gateway, path, ports};
use key_validation::introspection::IntrospectionResponse;
use key_validation::{Decision, Exchange, Gateway, Step};
use libfuzzer_sys::fuzz_target;

type Headers<'a> = [(&'a [u8], &'a [u8])];

thread_local! {
    /// One for all inputs: what answers say lies in the shared data, and each input has its own.
    static GATEWAY: Gateway = gateway(Unmatched::Reject);
}

fuzz_target!(|head: &[u8]| {
    let headers: Vec<_> = head.split(|&octet| octet == b'\n').map(read_header).collect();
    let shared = SharedValues::default();
    GATEWAY.with(|gateway| {
        let begun = begin(gateway, &shared, &headers);
        for (name, _) in &headers {
            let is_kept = !begun.forged.iter().any(|forged| forged.as_bytes() == *name);
            assert!(!(is_kept && claims_identity(name)), "the header {} stays", name.escape_ascii());
        }
        match begun.step {
            Step::Decided(Decision::Forward(forward)) => {
                assert!(forward.set.is_none(), "a caller whom nobody was asked about");
                assert!(values(&headers, b":path").all(path::is_public), "forwarded without a decision");
            }
            Step::Decided(Decision::Reply(reply)) => assert!(reply.status >= 400 || reply.reason == "jwks"),
            Step::Introspect(exchange) => check_question(gateway, &exchange, &headers, &shared),
        }
    });
});

fn read_header(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.windows(2).position(|pair| pair == b": ");
    end.map_or((line, b""), |end| (&line[..end], &line[end + 2..]))
}

fn values<'a>(headers: &Headers<'a>, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |header| header.0 == name).map(|header| header.1)
}

fn claims_identity(name: &[u8]) -> bool {
    let name: Vec<u8> = name.iter().map(|&octet| if octet == b'_' { b'-' } else { octet }).collect();
    name.eq_ignore_ascii_case(b"x-jwt-assertion")
}

/// The token that is asked about must be all that the request has for credentials.
fn check_question(gateway: &Gateway, exchange: &Exchange, headers: &Headers<'_>, shared: &SharedValues) {
    let Ok(call) = gateway.begin_call(exchange, NOW) else { panic!("no call though none is under way") };
    // No outage, after which the next input would not be asked about.
    let inactive = IntrospectionResponse {
        status: Some(200),
        retry_after: None,
        content_type: None,
        body: Some(br#"{"active":false}"#),
    };
    let verdict = gateway.end_call(exchange.question(), &inactive, NOW, NOW, ports(shared));
    let decision = gateway.resume(exchange, &verdict, NOW, ports(shared));
    assert!(matches!(decision, Decision::Reply(_)), "forwarded though the token is inactive");

    let form: Vec<_> = form_urlencoded::parse(call.body.expose().as_bytes()).collect();
    let tokens: Vec<_> = form.iter().filter(|(name, _)| name == "token").collect();
    let [(_, token)] = tokens[..] else { panic!("not one token in the question") };
    let authorization: Vec<_> = values(headers, b"authorization").collect();
    let [credentials] = authorization[..] else { panic!("asked though there is not one `Authorization`") };
    let (scheme, rest) = credentials.trim_ascii().split_at("bearer".len());
    assert!(scheme.eq_ignore_ascii_case(b"bearer"), "asked about other credentials");
    assert!(rest.starts_with(b" ") || rest.starts_with(b"\t"), "asked about another scheme");
    assert_eq!(rest.trim_ascii(), token.as_bytes(), "asked about another token");
    assert!(!token.contains([',', ' ', '"']), "asked about more than a token");
}
