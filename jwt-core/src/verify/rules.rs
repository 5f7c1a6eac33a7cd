//! Rules of the application, run on tokens that have passed everything else.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::verified::Verified;

/// What keeps a rule from deciding. It is logged, and the request is answered 503.
pub type RuleError = Box<dyn std::error::Error + Send + Sync>;

type Decision = Pin<Box<dyn Future<Output = Result<bool, RuleError>> + Send>>;

#[derive(Clone)]
pub(crate) struct Rule {
    name: Arc<str>,
    check: Check,
}

#[derive(Clone)]
enum Check {
    Now(Arc<dyn Fn(&Verified) -> bool + Send + Sync>),
    Later(Arc<dyn Fn(Verified) -> Decision + Send + Sync>),
}

impl Rule {
    pub(crate) fn now(name: Arc<str>, check: impl Fn(&Verified) -> bool + Send + Sync + 'static) -> Self {
        Self { name, check: Check::Now(Arc::new(check)) }
    }

    pub(crate) fn later<R>(name: Arc<str>, check: impl Fn(Verified) -> R + Send + Sync + 'static) -> Self
    where
        R: Future<Output = Result<bool, RuleError>> + Send + 'static,
    {
        Self { name, check: Check::Later(Arc::new(move |verified| Box::pin(check(verified)))) }
    }

    pub(crate) const fn waits(&self) -> bool {
        matches!(self.check, Check::Later(_))
    }

    /// Judges at once; a rule that waits lets pass here.
    pub(crate) fn check_now(&self, verified: &Verified) -> Result<(), Error> {
        match &self.check {
            Check::Now(check) if !check(verified) => Err(self.error(ErrorKind::RuleRefused)),
            _ => Ok(()),
        }
    }

    /// Judges with waiting; a rule that judges at once lets pass here.
    pub(crate) async fn check_later(&self, verified: &Verified) -> Result<(), Error> {
        let Check::Later(check) = &self.check else { return Ok(()) };
        match check(verified.clone()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.error(ErrorKind::RuleRefused)),
            Err(error) => {
                tracing::warn!(rule = %self.name, %error, "rule could not decide");
                Err(self.error(ErrorKind::RuleUnavailable))
            }
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::from(kind).with_detail(Arc::clone(&self.name))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name).finish()
    }
}
