use std::sync::Arc;

use crate::error::{Error, ErrorKind};

/// A requirement that can't be checked as it is written. Every request that it is asked about fails.
///
/// Constructors stay free of `Result`, so the fault is logged when the requirement is made.
#[derive(Clone, Debug)]
pub(super) struct Fault(Arc<str>);

impl Fault {
    /// Logs a requirement and what to write instead.
    pub(super) fn new(detail: impl Into<Arc<str>>, advice: &dyn std::fmt::Display) -> Self {
        let detail = detail.into();
        let code = ErrorKind::Misconfigured.code();
        tracing::error!(code, requirement = %detail, %advice, "this requirement fails every request with 500");
        Self(detail)
    }

    /// Logs a list without entries: read as "all of them" it would accept every token.
    pub(super) fn of_empty_list(requirement: &'static str, is_empty: bool) -> Option<Self> {
        let advice = "the list is empty: add at least one entry, or require `()` to accept any verified token";
        is_empty.then(|| Self::new(requirement, &advice))
    }

    pub(super) fn error(&self) -> Error {
        Error::from(ErrorKind::Misconfigured).with_detail(Arc::clone(&self.0))
    }
}

/// Fails if there is a fault.
pub(super) fn check(fault: Option<&Fault>) -> Result<(), Error> {
    fault.map_or(Ok(()), |fault| Err(fault.error()))
}
