//! The plugin configuration: any octets are read or refused, no refusal shows a secret, and what is read works.
#![no_main]

use gatehouse_fuzz::{SharedValues, begin, request};
use key_validation::backend_jwt::JwtMinter;
use key_validation::handler::StandardHandler;
use key_validation::{Configuration, Gateway};
use libfuzzer_sys::fuzz_target;

/// No input is likely to contain it by itself.
const SECRET: &str = "Zq7-secret-Zq7";

fuzz_target!(|json: &[u8]| {
    let environment = |name: &str| match name {
        "KEY" => Some(include_str!("../../key-validation/tests/keys/ed25519.pem").to_owned()),
        _ => Some(SECRET.to_owned()),
    };
    match Configuration::parse(json, &environment) {
        Ok(configuration) => {
            assert!(!format!("{configuration:?}").contains(SECRET), "a configuration shows a secret");
            let minter = |settings| JwtMinter::new(settings, None, [0; 16]);
            let gateway = Gateway::new(configuration, Box::new(StandardHandler), minter);
            let _ = begin(&gateway, &SharedValues::default(), &request(b"/a/1/x", Some(b"Bearer t")));
        }
        Err(error) => assert!(!error.to_string().contains(SECRET), "a refusal shows a secret"),
    }
});
