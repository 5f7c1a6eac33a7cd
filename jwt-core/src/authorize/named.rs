use std::sync::Arc;

use crate::error::Error;
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;

/// A requirement with a name; made by [`named`].
#[derive(Clone, Debug)]
pub struct Named<R> {
    name: Arc<str>,
    requirement: R,
}

/// Gives a requirement a name: the [detail](Error::detail) of its refusals, in logs and for outer layers. The answer to
/// the client stays what it is.
///
/// ```
/// use jwt_core::authorize::{all, named, roles, scopes};
///
/// let requirement = named("audit", all((scopes(["reports:read"]), roles("/roles", ["auditor"]))));
/// ```
#[must_use]
pub fn named<R: Requirement>(name: impl Into<Arc<str>>, requirement: R) -> Named<R> {
    Named { name: name.into(), requirement }
}

impl<R: Requirement> Requirement for Named<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        self.requirement.check(verified).map_err(|error| error.with_detail(Arc::clone(&self.name)))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        match self.requirement.decide(verified) {
            Step::Ready(outcome) => Step::Ready(outcome.map_err(|error| error.with_detail(Arc::clone(&self.name)))),
            Step::Pending(pending) => {
                let name = Arc::clone(&self.name);
                Step::pending(async move { pending.await.map_err(|error| error.with_detail(name)) })
            }
        }
    }
}
