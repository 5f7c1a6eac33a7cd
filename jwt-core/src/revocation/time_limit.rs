use std::time::Duration;

use super::{RevocationList, Standing, TokenIdentity};
use crate::step::Step;

/// A list that cannot tell when it has not answered in time: for lists that ask elsewhere.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::TimeLimit;
/// use jwt_core::testing::ScriptedRevocations;
///
/// let list = TimeLimit::new(ScriptedRevocations::default(), Duration::from_millis(200));
/// ```
#[derive(Clone, Debug)]
pub struct TimeLimit<L> {
    list: L,
    limit: Duration,
}

impl<L> TimeLimit<L> {
    /// Gives `list` so much time for each token.
    #[must_use]
    pub const fn new(list: L, limit: Duration) -> Self {
        Self { list, limit }
    }
}

impl<L: RevocationList> RevocationList for TimeLimit<L> {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        let standing = match self.list.look_up(token) {
            Step::Pending(standing) => standing,
            ready => return ready,
        };
        let limit = self.limit;
        Step::pending(async move { tokio::time::timeout(limit, standing).await.unwrap_or(Standing::Unavailable) })
    }
}
