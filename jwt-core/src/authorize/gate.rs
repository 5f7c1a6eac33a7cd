use crate::gate::{Admission, Answer, Gate, RequestState};
use crate::http::challenge::Rejection;
use crate::http::request::RequestView;
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;

impl Verified {
    /// Checks the token against a requirement, and adds the response to the error if it isn't met.
    pub fn require(&self, requirement: &dyn Requirement) -> Step<Result<(), Rejection>> {
        match requirement.decide(self) {
            Step::Ready(outcome) => Step::Ready(outcome.map_err(|error| self.refuse(error))),
            Step::Pending(pending) => {
                let verified = self.clone();
                Step::pending(async move { pending.await.map_err(|error| verified.refuse(error)) })
            }
        }
    }
}

/// Every requirement is a gate: it admits requests whose token meets it, unchanged.
impl<R: Requirement> Gate for R {
    fn enter(&self, _request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let verified = match state.require_token() {
            Ok(verified) => verified,
            Err(refusal) => return Step::Ready(Err(refusal.into())),
        };
        match verified.require(self) {
            Step::Ready(outcome) => Step::Ready(outcome.map(|()| Admission::unchanged()).map_err(Answer::from)),
            pending => pending.map(|outcome| outcome.map(|()| Admission::unchanged()).map_err(Answer::from)),
        }
    }
}
