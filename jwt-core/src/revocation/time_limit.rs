use std::time::Duration;

use super::{PendingStanding, RevocationList, Standing, TokenIdentity};

/// A list that cannot tell when it has not answered in time: for lists that ask elsewhere.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::revocation::{ScriptedRevocations, TimeLimit};
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
    fn look_up(&self, token: &TokenIdentity<'_>) -> Standing {
        let standing = match self.list.look_up(token) {
            Standing::Pending(standing) => standing,
            standing => return standing,
        };
        let limit = self.limit;
        Standing::Pending(PendingStanding::new(async move {
            tokio::time::timeout(limit, standing).await.unwrap_or(Standing::Unavailable)
        }))
    }
}
