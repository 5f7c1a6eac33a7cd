use std::borrow::Cow;
use std::fmt;

use super::field::FormField;
use crate::json::{self, Unique, Value};

const CLAIM: &str = "csrf";

/// What a request has shown so far, and what the token still has to say to it.
pub(crate) struct Proof<'r> {
    pub(super) needed: bool,
    /// Whether a page of the application's own is known to have sent it.
    pub(super) own: bool,
    pub(super) require_token: bool,
    pub(super) sent: Option<Cow<'r, [u8]>>,
    /// The field of the request's form that can hold the value instead of the header.
    pub(super) form_field: Option<String>,
}

/// What a verified token says to the proof of its request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The request may use the token.
    Met,
    /// It may not.
    Unmet,
    /// It may if this field is in its body.
    InForm(FormField),
}

impl Proof<'_> {
    pub(in crate::http) const NOT_NEEDED: Self =
        Self { needed: false, own: true, require_token: false, sent: None, form_field: None };

    pub(crate) fn into_owned(self) -> Proof<'static> {
        Proof { sent: self.sent.map(|sent| Cow::Owned(sent.into_owned())), ..self }
    }

    /// Judges by the claim `csrf` in the payload of a verified token.
    ///
    /// The value stands in the signed token, so that who can set cookies, as a page of a sibling domain can, cannot make
    /// a pair of cookie and header.
    pub(crate) fn check(self, payload: &str) -> Outcome {
        if !self.needed {
            return Outcome::Met;
        }
        let mut claim = None;
        let read = json::object(payload, Unique::Outermost, |name, value| {
            if name == CLAIM {
                claim = Some(value);
            }
        });
        let is_met = match claim.map(Value::as_text) {
            _ if read.is_err() => false,
            None => self.own && !self.require_token,
            Some(None) => false,
            Some(Some(claim)) if claim.is_empty() => false,
            Some(Some(claim)) => match (&self.sent, self.form_field) {
                (None, Some(name)) => return Outcome::InForm(FormField::new(name, claim.into_owned())),
                (sent, _) => same(sent.as_deref().unwrap_or_default(), claim.as_bytes()),
            },
        };
        if is_met { Outcome::Met } else { Outcome::Unmet }
    }
}

impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").field("needed", &self.needed).field("own", &self.own).finish_non_exhaustive()
    }
}

/// Compares in a time that depends on the lengths alone.
pub(super) fn same(sent: &[u8], claim: &[u8]) -> bool {
    let difference = sent.iter().zip(claim).fold(0, |found, (one, other)| std::hint::black_box(found | (one ^ other)));
    sent.len() == claim.len() && difference == 0
}
