use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{BoxError, Error, ErrorKind};
use crate::issue::AccessToken;

use super::Session;

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

pub(super) type RenewalHook = Arc<dyn Fn(Session, AccessToken) -> Answer<Option<AccessToken>> + Send + Sync>;

type EndHook = Arc<dyn Fn(Ended) -> Answer<()> + Send + Sync>;

/// A session that ends before its time.
#[derive(Clone)]
#[non_exhaustive]
pub struct Ended {
    /// The issuer of its tokens: `iss`.
    pub issuer: String,
    /// Whose session it is: `sub`.
    pub subject: String,
    /// The session: `sid`.
    pub id: String,
}

impl fmt::Debug for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ended").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// What the application does besides.
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

    pub(super) fn add_end<R>(&mut self, end: impl Fn(Ended) -> R + Send + Sync + 'static)
    where
        R: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.end.push(Arc::new(move |ended| Box::pin(end(ended))));
    }

    pub(super) async fn ended(&self, ended: Ended) -> Result<(), Error> {
        for end in &self.end {
            end(ended.clone()).await.map_err(|error| {
                tracing::error!(%error, "the access tokens of a session could not be revoked");
                Error::from(ErrorKind::SessionsUnavailable)
            })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("renewal", &self.renewal.is_some()).field("end", &self.end.len()).finish()
    }
}
