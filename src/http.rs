//! The context of one request.

use std::cell::Cell;
use std::rc::Rc;

use key_validation::Question;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host;
use crate::worker::Worker;

/// A request; it keeps the configuration with which it began.
pub(crate) struct Http {
    context_id: u32,
    worker: Option<Rc<Worker>>,
    /// Whether the request was let through; one that was denied never is, even if its answer could not be sent.
    may_go_on: Rc<Cell<bool>>,
    /// What it waits for.
    question: Option<Question>,
}

impl Http {
    pub(crate) fn new(context_id: u32, worker: Option<Rc<Worker>>) -> Self {
        Self { context_id, worker, may_go_on: Rc::default(), question: None }
    }

    /// With hosts that call this before the answer is there, going on would carry the request past the decision.
    fn once_let_through(&self) -> Action {
        if self.may_go_on.get() { Action::Continue } else { Action::Pause }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let Some(worker) = &self.worker else {
            // Without a configuration nothing can be decided.
            let _ = host::send_local_response(503, "gatehouse_not_ready", &[], "", None);
            return Action::Pause;
        };
        let (action, question) = worker.begin(self.context_id, &self.may_go_on);
        self.question = question;
        action
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.once_let_through()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.once_let_through()
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let (Some(worker), Some(question)) = (&self.worker, &self.question) {
            worker.leave(question, self.context_id);
        }
    }
}
