//! What a verifier makes of a list of revocations.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::observe::{Event, Observer};
use crate::revocation::{PendingStanding, RevocationList, Standing, TokenIdentity};
use crate::verified::{Recheck, Verified};

/// A list, and what to do when it cannot tell.
pub(super) struct Revocations {
    pub(super) list: Arc<dyn RevocationList>,
    pub(super) accepts_unjudged: bool,
    pub(super) observer: Arc<dyn Observer>,
}

impl Revocations {
    /// Asks about a token; `Some` where the answer must be waited for.
    pub(super) fn ask(&self, verified: &Verified) -> Result<Option<PendingStanding>, Error> {
        match self.list.look_up(&TokenIdentity::of(&verified.registered(), verified.now())) {
            Standing::Pending(pending) => Ok(Some(pending)),
            standing => self.judge(&standing).map(|()| None),
        }
    }

    pub(super) fn judge(&self, standing: &Standing) -> Result<(), Error> {
        match standing {
            Standing::Good => Ok(()),
            Standing::Revoked => Err(ErrorKind::Revoked.into()),
            Standing::Unidentified(claim) => Err(Error::from(ErrorKind::MissingClaim).with_detail(*claim)),
            Standing::LivesTooLong => Err(Error::from(ErrorKind::LifetimeTooLong).with_detail("revocations")),
            // A list that waits again after it was waited for has not answered.
            Standing::Unavailable | Standing::Pending(_) if self.accepts_unjudged => {
                self.observer.observe(Event::RevocationOutageIgnored);
                Ok(())
            }
            Standing::Unavailable | Standing::Pending(_) => Err(ErrorKind::RevocationUnavailable.into()),
        }
    }

    /// The same question about a token that was accepted before.
    pub(super) fn recheck(this: Arc<Self>) -> Arc<Recheck> {
        Arc::new(move |verified| {
            let (this, asked) = (Arc::clone(&this), this.ask(verified));
            Box::pin(async move {
                match asked? {
                    Some(pending) => this.judge(&pending.await),
                    None => Ok(()),
                }
            })
        })
    }
}
