use std::borrow::Cow;
use std::fmt;

use super::field::{FormField, constant_time_eq};
use crate::json::{self, Unique, Value};

const CLAIM: &str = "csrf";

/// The part of the check that needs the token: its claim `csrf`, which is compared with the request's value.
pub(crate) struct CsrfCheck<'r> {
    /// Whether the request is known to come from a page of the application.
    pub(super) trusted_origin: bool,
    pub(super) require_claim: bool,
    /// The value of the header, if it was sent exactly once.
    pub(super) sent: Option<Cow<'r, [u8]>>,
    /// The name of the form field that may hold the value instead of the header.
    pub(super) form_field: Option<String>,
}

/// The result of a [`CsrfCheck`].
#[derive(Debug)]
pub(crate) enum CsrfOutcome {
    /// The request may use the token.
    Passed,
    /// The request may not use the token.
    Failed,
    /// The request may use the token if its body has this field.
    CheckForm(FormField),
}

impl CsrfCheck<'_> {
    pub(crate) fn into_owned(self) -> CsrfCheck<'static> {
        CsrfCheck { sent: self.sent.map(|sent| Cow::Owned(sent.into_owned())), ..self }
    }

    /// Compares the request with the claim `csrf` in the payload of a verified token.
    ///
    /// The value is in the signed token. A page of a sibling domain can set cookies, but it cannot sign a token that matches
    /// a header of its choice.
    pub(crate) fn finish(self, payload: &str) -> CsrfOutcome {
        let mut claim = None;
        let read = json::object(payload, Unique::Outermost, |name, value| {
            if name == CLAIM {
                claim = Some(value);
            }
        });
        let passed = match claim.map(Value::as_text) {
            _ if read.is_err() => false,
            None => self.trusted_origin && !self.require_claim,
            Some(None) => false,
            Some(Some(claim)) if claim.is_empty() => false,
            Some(Some(claim)) => match (&self.sent, self.form_field) {
                (None, Some(name)) => return CsrfOutcome::CheckForm(FormField::new(name, claim.into_owned())),
                (sent, _) => constant_time_eq(sent.as_deref().unwrap_or_default(), claim.as_bytes()),
            },
        };
        if passed { CsrfOutcome::Passed } else { CsrfOutcome::Failed }
    }
}

impl fmt::Debug for CsrfCheck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfCheck").field("trusted_origin", &self.trusted_origin).finish_non_exhaustive()
    }
}
