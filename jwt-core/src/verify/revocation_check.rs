use std::sync::Arc;

use crate::claims::Identity;
use crate::error::{Error, ErrorKind};
use crate::observe::{Event, OptionalObserver};
use crate::revocation::{RevocationList, Standing, TokenIdentity};
use crate::step::{Pending, Step};
use crate::verified::{Recheck, Verified};

/// Asks a revocation list about tokens and maps its answers to errors.
pub(super) struct RevocationCheck {
    pub(super) list: Arc<dyn RevocationList>,
    pub(super) accepts_during_outage: bool,
    pub(super) observer: OptionalObserver,
}

impl RevocationCheck {
    /// Asks about a token. Returns the future to wait for if the answer isn't available now.
    pub(super) fn start(&self, verified: &Verified) -> Result<Option<Pending<Standing>>, Error> {
        let claims;
        let identity = match verified.identity() {
            Some(identity) => identity,
            None => {
                claims = verified.registered();
                // A session that cannot be read could not be revoked.
                if claims.unreadable_session {
                    return Err(Error::from(ErrorKind::MalformedClaims).with_unmet("sid"));
                }
                Identity::of(&claims)
            }
        };
        match self.list.look_up(&TokenIdentity::new(identity, verified.now())) {
            Step::Pending(pending) => Ok(Some(pending)),
            Step::Ready(standing) => self.accept(standing).map(|()| None),
        }
    }

    /// Returns an error unless the list's answer lets the token pass.
    pub(super) fn accept(&self, standing: Standing) -> Result<(), Error> {
        match standing {
            Standing::Good => Ok(()),
            Standing::Revoked => Err(ErrorKind::Revoked.into()),
            Standing::Unidentified(claim) => Err(Error::from(ErrorKind::MissingClaim).with_unmet(claim)),
            Standing::LivesTooLong => Err(Error::from(ErrorKind::LifetimeTooLong).with_unmet("revocations")),
            Standing::Unavailable if self.accepts_during_outage => {
                self.observer.observe(Event::RevocationOutageIgnored);
                Ok(())
            }
            Standing::Unavailable => Err(ErrorKind::RevocationUnavailable.into()),
        }
    }

    /// Returns a function that asks again about a token that was accepted before.
    pub(super) fn recheck(this: Arc<Self>) -> Arc<Recheck> {
        Arc::new(move |verified| {
            let (this, started) = (Arc::clone(&this), this.start(verified));
            Box::pin(async move {
                match started? {
                    Some(pending) => this.accept(pending.await),
                    None => Ok(()),
                }
            })
        })
    }
}
