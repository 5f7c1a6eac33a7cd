use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::BoxError;
use crate::issue::AccessToken;

use super::Session;

type HookFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

pub(super) type RenewalHook = Arc<dyn Fn(Session, AccessToken) -> HookFuture<Option<AccessToken>> + Send + Sync>;

type EndHook = Arc<dyn Fn(EndedSession) -> HookFuture<()> + Send + Sync>;

/// A session that ended early: by a logout or a revocation, by a reused refresh token, or because the user began too many.
#[derive(Clone)]
#[non_exhaustive]
pub struct EndedSession {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// The claim `sub` of its tokens.
    pub subject: String,
    /// The session's identifier, the claim `sid` of its tokens.
    pub id: String,
}

impl fmt::Debug for EndedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndedSession").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The application's functions for renewals and ended sessions.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) renewal: Option<RenewalHook>,
    end: Vec<EndHook>,
}

impl Hooks {
    pub(super) fn set_renewal<R>(&mut self, renew: impl Fn(Session, AccessToken) -> R + Send + Sync + 'static)
    where
        R: Future<Output = Result<Option<AccessToken>, BoxError>> + Send + 'static,
    {
        self.renewal = Some(Arc::new(move |session, access| Box::pin(renew(session, access))));
    }

    pub(super) fn add_end<R>(&mut self, end: impl Fn(EndedSession) -> R + Send + Sync + 'static)
    where
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.end.push(Arc::new(move |ended| Box::pin(end(ended))));
    }

    pub(super) async fn run_end(&self, ended: EndedSession) -> Result<(), BoxError> {
        for end in &self.end {
            end(ended.clone()).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("renewal", &self.renewal.is_some()).field("end", &self.end.len()).finish()
    }
}
