//! Which tokens must be bound to their sender, and to what. RFC 7800, RFC 8705 section 3, RFC 9449 section 6.

use crate::claims::{Confirmation, RegisteredClaims};
use crate::error::{Detail, Error, ErrorKind};

/// Whether an issuer's tokens may be bound in one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SenderMode {
    /// Bound tokens are refused.
    #[default]
    Off,
    /// Bound tokens need their sender's proof, and tokens that are not bound are bearer tokens.
    Allowed,
    /// Only bound tokens are accepted.
    Required,
}

/// How an issuer's tokens are bound to their sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SenderRules {
    /// To a key that the sender proves with each request: `jkt`.
    pub(crate) dpop: SenderMode,
    /// To the sender's certificate: `x5t#S256`.
    pub(crate) mutual_tls: SenderMode,
    /// Whether tokens must be bound in one of the ways that are allowed.
    pub(crate) required: bool,
    /// Whether the verifier's user checks by itself what tokens are bound to, as login sessions do.
    pub(crate) elsewhere: bool,
}

impl SenderRules {
    /// Whether every token is bound to a key.
    pub(crate) fn needs_dpop(&self) -> bool {
        self.dpop == SenderMode::Required
            || (self.required && self.dpop != SenderMode::Off && self.mutual_tls == SenderMode::Off)
    }

    /// Whether every token is bound to a certificate.
    pub(crate) fn needs_mutual_tls(&self) -> bool {
        self.mutual_tls == SenderMode::Required
            || (self.required && self.mutual_tls != SenderMode::Off && self.dpop == SenderMode::Off)
    }

    /// Returns the key or the certificate that the token's sender must have, or `None` for a bearer token.
    ///
    /// A binding that cannot be checked is an error: the token is never treated as a bearer token. RFC 9449 section 7.2.
    pub(crate) fn confirmation(
        &self,
        claims: &RegisteredClaims<'_>,
        payload: &str,
    ) -> Result<Option<Confirmation>, Error> {
        let is_off = self.dpop == SenderMode::Off && self.mutual_tls == SenderMode::Off;
        if !claims.confirmation {
            return if is_off || !(self.required || self.needs_dpop() || self.needs_mutual_tls()) {
                Ok(None)
            } else {
                Err(unbound("the token has no `cnf`, and the issuer's tokens must be bound to their sender"))
            };
        }
        if self.elsewhere {
            return Ok(None);
        }
        if is_off {
            return Err(ErrorKind::UnsupportedConfirmation.into());
        }
        let Some(confirmation) = Confirmation::read(payload) else {
            return Err(Error::from(ErrorKind::UnsupportedConfirmation).with_detail(Detail::Constant(
                "the token's `cnf` isn't an object with a hash in `jkt` or `x5t#S256`: the issuer made a mistake",
            )));
        };
        for (is_there, mode, detail) in [
            (
                confirmation.key.is_some(),
                self.dpop,
                "the token is bound to a key (`cnf` has `jkt`): allow that with `TrustedIssuer::dpop_allowed`",
            ),
            (
                confirmation.certificate.is_some(),
                self.mutual_tls,
                "the token is bound to a certificate (`cnf` has `x5t#S256`): allow that with \
                 `TrustedIssuer::mutual_tls_allowed`",
            ),
        ] {
            if is_there && mode == SenderMode::Off {
                return Err(Error::from(ErrorKind::UnsupportedConfirmation).with_detail(Detail::Constant(detail)));
            }
        }
        if confirmation.key.is_none() && confirmation.certificate.is_none() {
            return Err(Error::from(ErrorKind::UnsupportedConfirmation).with_detail(Detail::Constant(
                "the token's `cnf` has neither `jkt` nor `x5t#S256`, and no other member can be checked here",
            )));
        }
        if confirmation.key.is_none() && self.needs_dpop() {
            return Err(unbound("the token's `cnf` has no `jkt`, and the issuer's tokens must be bound to a key"));
        }
        if confirmation.certificate.is_none() && self.needs_mutual_tls() {
            return Err(unbound(
                "the token's `cnf` has no `x5t#S256`, and the issuer's tokens must be bound to a certificate",
            ));
        }
        Ok(Some(confirmation))
    }
}

fn unbound(detail: &'static str) -> Error {
    Error::from(ErrorKind::UnboundToken).with_detail(Detail::Constant(detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_accepts_its_bindings_and_no_others() {
        use ErrorKind::{UnboundToken, UnsupportedConfirmation};
        use SenderMode::{Allowed, Off, Required};
        let (unsupported, unbound) = (Some(UnsupportedConfirmation), Some(UnboundToken));
        let hash = "A".repeat(43);
        let payloads = [
            "{}".to_owned(),
            format!(r#"{{"cnf":{{"jkt":"{hash}"}}}}"#),
            format!(r#"{{"cnf":{{"x5t#S256":"{hash}"}}}}"#),
            format!(r#"{{"cnf":{{"x5t#S256":"{hash}","jkt":"{hash}"}}}}"#),
            r#"{"cnf":{"jwk":{}}}"#.to_owned(),
            r#"{"cnf":{"jkt":"x"}}"#.to_owned(),
        ];
        for (dpop, mutual_tls, required, expected) in [
            (Off, Off, false, [None, unsupported, unsupported, unsupported, unsupported, unsupported]),
            (Allowed, Off, false, [None, None, unsupported, unsupported, unsupported, unsupported]),
            (Required, Off, false, [unbound, None, unsupported, unsupported, unsupported, unsupported]),
            (Off, Allowed, false, [None, unsupported, None, unsupported, unsupported, unsupported]),
            (Off, Required, false, [unbound, unsupported, None, unsupported, unsupported, unsupported]),
            (Allowed, Allowed, false, [None, None, None, None, unsupported, unsupported]),
            (Allowed, Allowed, true, [unbound, None, None, None, unsupported, unsupported]),
            (Allowed, Off, true, [unbound, None, unsupported, unsupported, unsupported, unsupported]),
            (Required, Required, false, [unbound, unbound, unbound, None, unsupported, unsupported]),
            (Required, Allowed, false, [unbound, None, unbound, None, unsupported, unsupported]),
        ] {
            let rules = SenderRules { dpop, mutual_tls, required, elsewhere: false };
            for (payload, expected) in payloads.iter().zip(expected) {
                let claims = RegisteredClaims::read(payload).expect("well-formed");
                let kind = rules.confirmation(&claims, payload).err().map(|error| error.kind());
                assert_eq!(kind, expected, "{rules:?} {payload}");
                let elsewhere = SenderRules { elsewhere: true, ..rules };
                let is_bound = claims.confirmation;
                assert_eq!(elsewhere.confirmation(&claims, payload).is_ok(), is_bound || expected.is_none());
            }
        }
    }
}
