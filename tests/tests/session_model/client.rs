//! Clients, their requests, and the answers to these.

use std::future::Future;
use std::pin::Pin;

use jwt_core::ErrorKind;
use jwt_core::issue::TokenPair;
use jwt_tests::device::Browser;

use super::device::Device;

/// A client with its session, and perhaps a thief with a copy of its token.
pub(crate) struct Client {
    pub(crate) subject: &'static str,
    pub(crate) id: String,
    /// When the client got the answer to its login.
    pub(crate) logged_in_at: u64,
    pub(crate) token: String,
    pub(crate) earlier: Vec<String>,
    pub(crate) access: Vec<String>,
    /// How many access tokens there were when the subject was revoked. Until other processes know, they may issue more, which
    /// are good until they expire or the session is refreshed.
    pub(crate) revoked_after: Option<usize>,
    /// The device of a browser that binds its session.
    pub(crate) device: Option<Device>,
    pub(crate) thief: Option<String>,
    pub(crate) was_robbed: bool,
    /// The session was ended, so nothing of it may be alive in the end.
    pub(crate) ended: bool,
    /// A process ends the session once the store lists it. If the store has lost it by then, its access tokens live on.
    pub(crate) is_unlisted: bool,
    /// The session may be over, because its login was lost or something is ending it.
    pub(crate) may_be_over: bool,
    pub(crate) was_lost: bool,
    /// The client was told that the session is over.
    pub(crate) is_over: bool,
    pub(crate) requests: usize,
    /// The token of these requests.
    pub(crate) sent: String,
    pub(crate) refreshed_at: u64,
}

impl Client {
    /// A thief may have exchanged the session's tokens. Without the key, a copy of a bound one is worthless, and the session
    /// of its owner must not suffer.
    pub(crate) fn may_be_hijacked(&self) -> bool {
        self.was_robbed && self.device.as_ref().is_none_or(|device| !device.is_registered || device.was_exposed)
    }
}

/// Who sends a refresh token, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The client, or a page in its browser.
    Page,
    /// The browser, with a proof that registers the key of its device.
    Registration,
    /// The browser, with a proof of the key.
    Proof,
    /// A thief who has no key, or one of their own.
    Thief,
}

pub(crate) struct Task {
    pub(crate) process: usize,
    pub(crate) request: Request,
    pub(crate) future: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// With the time at which it began, and the browser's device.
    Login(&'static str, u64),
    Refresh {
        client: usize,
        by: By,
        /// Whether the token has a key, so that it's worthless without a proof.
        is_bound: bool,
    },
    Logout(usize),
    /// Ends the sessions of these clients, which are those of a subject, or all but one.
    EndAll {
        subject: &'static str,
        clients: Vec<usize>,
        began: u64,
    },
    Heal,
}

pub(crate) enum Outcome {
    Login(Result<Login, ErrorKind>),
    /// With the challenge for a device.
    Refresh(Result<Tokens, ErrorKind>, Option<String>),
    Ended(Result<(), ErrorKind>),
}

/// The tokens of an answer.
#[derive(Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// The answer to a login.
pub(crate) struct Login {
    pub(crate) session: String,
    pub(crate) tokens: Tokens,
    /// A browser that can register a key.
    pub(crate) browser: Option<Box<Browser>>,
}

impl From<TokenPair> for Tokens {
    fn from(pair: TokenPair) -> Self {
        Self { access: pair.access.token, refresh: pair.refresh.token }
    }
}
