//! What a verifier makes of a list of revocations.

use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::observe::{Event, Observer};
use crate::revocation::{RevocationList, Standing, TokenIdentity};
use crate::step::{Pending, Step};
use crate::verified::{Recheck, Verified};

/// A list, and what to do when it cannot tell.
pub(super) struct Revocations {
    pub(super) list: Arc<dyn RevocationList>,
    pub(super) accepts_unjudged: bool,
    pub(super) observer: Arc<dyn Observer>,
}

impl Revocations {
    /// Asks about a token; `Some` where the answer must be waited for.
    pub(super) fn ask(&self, verified: &Verified) -> Result<Option<Pending<Standing>>, Error> {
        match self.list.look_up(&TokenIdentity::of(&verified.registered(), verified.now())) {
            Step::Pending(pending) => Ok(Some(pending)),
            Step::Ready(standing) => self.judge(standing).map(|()| None),
        }
    }

    pub(super) fn judge(&self, standing: Standing) -> Result<(), Error> {
        match standing {
            Standing::Good => Ok(()),
            Standing::Revoked => Err(ErrorKind::Revoked.into()),
            Standing::Unidentified(claim) => Err(Error::from(ErrorKind::MissingClaim).with_detail(claim)),
            Standing::LivesTooLong => Err(Error::from(ErrorKind::LifetimeTooLong).with_detail("revocations")),
            Standing::Unavailable if self.accepts_unjudged => {
                self.observer.observe(Event::RevocationOutageIgnored);
                Ok(())
            }
            Standing::Unavailable => Err(ErrorKind::RevocationUnavailable.into()),
        }
    }

    /// The same question about a token that was accepted before.
    pub(super) fn recheck(this: Arc<Self>) -> Arc<Recheck> {
        Arc::new(move |verified| {
            let (this, asked) = (Arc::clone(&this), this.ask(verified));
            Box::pin(async move {
                match asked? {
                    Some(pending) => this.judge(pending.await),
                    None => Ok(()),
                }
            })
        })
    }
}
