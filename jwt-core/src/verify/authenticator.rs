use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::challenge::Refusal;
use crate::error::{Class, Error, ErrorKind};
use crate::observe;
use crate::request::RequestView;
use crate::token::{Location, NoToken, Proof};
use crate::verified::{Anonymous, Verified};

use super::{PendingVerification, Verification, Verifier};

/// A verifier, and what to do with requests that it does not accept. Layers and middleware hold one.
///
/// As made from a [`Verifier`], every request needs a token.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    mode: Mode,
}

#[derive(Clone)]
enum Mode {
    Required,
    Optional,
    Lenient(Arc<dyn Fn(&Error) -> bool + Send + Sync>),
}

/// Who sent a request. One of the two goes into its extensions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// The bearer of a verified token.
    Verified(Verified),
    /// Someone without one, where that is allowed.
    Anonymous(Anonymous),
}

/// The permission to let a request through.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admission {
    /// Who sent the request.
    pub identity: Identity,
    /// A header to set on the response unless it is there already: name, in lower case, and value.
    pub response_header: Option<(&'static str, &'static str)>,
}

/// The outcome of authenticating a request, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Authentication {
    /// The outcome: everything that was needed was at hand.
    Ready(Result<Admission, Refusal>),
    /// Something must be waited for. The request is no longer needed for it.
    Pending(PendingAuthentication),
}

/// An authentication that waits for something. Dropping it disturbs nobody else.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct PendingAuthentication {
    pending: PendingVerification,
    authenticator: Authenticator,
    carrier: Carrier<'static>,
}

/// What the place in which a token was found has to do with the answer.
#[derive(Debug)]
struct Carrier<'r> {
    proof: Proof<'r>,
    removal: Option<Arc<str>>,
}

impl Future for PendingAuthentication {
    type Output = Result<Admission, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut self.pending).poll(context));
        Poll::Ready(self.authenticator.conclude(outcome, &self.carrier))
    }
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self { verifier, mode: Mode::Required }
    }
}

impl Authenticator {
    /// Lets requests without credentials pass, as anonymous. Credentials that are there must still be good.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.mode = Mode::Optional;
        self
    }

    /// Lets requests pass, as anonymous, for whose error `pass` returns `true`: without credentials, but also with bad
    /// ones.
    ///
    /// An expired session then looks like none at all, and a client never learns that its token is bad. Rather use
    /// [`optional`](Self::optional); where some errors must pass, name them one by one.
    #[must_use]
    pub fn dangerous_anonymous_when(mut self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.mode = Mode::Lenient(Arc::new(pass));
        self
    }

    /// Decides about a request.
    #[must_use]
    pub fn authenticate(&self, request: &dyn RequestView) -> Authentication {
        let token = match self.verifier.sources().find(request) {
            Ok(token) => token,
            Err(none) => return Authentication::Ready(self.without_token(&none)),
        };
        let carrier = Carrier { proof: token.proof, removal: token.removal };
        match self.verifier.start(&token.text, Some(token.location)) {
            Verification::Ready(outcome) => Authentication::Ready(self.conclude(outcome, &carrier)),
            Verification::Pending(pending) => {
                let carrier = Carrier { proof: carrier.proof.into_owned(), removal: carrier.removal };
                Authentication::Pending(PendingAuthentication { pending, authenticator: self.clone(), carrier })
            }
        }
    }

    fn without_token(&self, none: &NoToken) -> Result<Admission, Refusal> {
        let admission = self.admit(Err(none.kind.into()), none.removal.as_ref());
        // A guest where guests are welcome is no refusal, so nobody is told of one.
        if let Err(refusal) = &admission {
            self.verifier.surroundings().observe(&refusal.error);
        }
        admission
    }

    fn conclude(&self, outcome: Result<Verified, Error>, carrier: &Carrier<'_>) -> Result<Admission, Refusal> {
        let outcome = outcome.and_then(|verified| match carrier.proof.check(verified.payload()) {
            Ok(()) => Ok(verified),
            Err(kind) => {
                let error = Error::from(kind);
                self.verifier.surroundings().observe(&error);
                Err(error)
            }
        });
        self.admit(outcome, carrier.removal.as_ref())
    }

    fn admit(&self, outcome: Result<Verified, Error>, removal: Option<&Arc<str>>) -> Result<Admission, Refusal> {
        match outcome {
            Ok(verified) => {
                // RFC 6750 section 2.3: an answer to a token in the address must not be stored by shared caches.
                let in_query = verified.location() == Some(Location::Query);
                let response_header = in_query.then_some(("cache-control", "private"));
                Ok(Admission { identity: Identity::Verified(verified), response_header })
            }
            Err(error) if self.passes(&error) => {
                observe::anonymous(&*self.verifier.surroundings().observer);
                let anonymous = Anonymous::new(Arc::clone(self.verifier.surroundings()));
                Ok(Admission { identity: Identity::Anonymous(anonymous), response_header: None })
            }
            Err(error) => {
                let mut refusal = self.verifier.surroundings().challenger.refuse(error);
                // A browser would send a bad cookie again and again. An outage says nothing about it, and a token that is
                // sound but not enough stays.
                if let (Some(removal), Class::Refused | Class::Malformed) = (removal, refusal.error.class()) {
                    refusal.challenge.headers.push(("set-cookie", removal.to_string()));
                }
                Err(refusal)
            }
        }
    }

    fn passes(&self, error: &Error) -> bool {
        match &self.mode {
            Mode::Required => false,
            Mode::Optional => error.kind() == ErrorKind::NoCredentials,
            Mode::Lenient(pass) => pass(error),
        }
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "Required",
            Self::Optional => "Optional",
            Self::Lenient(_) => "Lenient",
        })
    }
}
