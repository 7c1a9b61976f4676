//! The standard filter, but for a trap: it is told of a token with a certain subject and dies, as a filter with a fault
//! would. For tests alone; the filter that is shipped has no such switch.
#![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

use key_validation::Denial;
use key_validation::handler::{Call, KeyValidationHandler, ValidatedToken, steps};
use key_validation::introspection::ActiveAnswer;

/// Whoever this is about kills the filter.
const DEADLY_SUBJECT: &str = "trap-the-filter";

struct TrappingHandler;

impl KeyValidationHandler for TrappingHandler {
    fn validate_token<'a>(&self, call: &Call<'a>, answer: &'a ActiveAnswer<'a>) -> Result<ValidatedToken<'a>, Denial> {
        if answer.subject == Some(DEADLY_SUBJECT) {
            // A trap, as a panic is in the module.
            std::process::abort();
        }
        steps::validate_token(call, answer)
    }
}

gatehouse::filter!(TrappingHandler);
