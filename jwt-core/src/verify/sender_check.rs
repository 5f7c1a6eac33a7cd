use crate::clock::Moment;
use crate::error::{Error, ErrorKind};
use crate::http::request::RequestView;
use crate::http::token::Location;
use crate::proof::{CertificateCheck, DpopCheck, ProofUsed, Sender};
use crate::verified::Verified;

/// Checks that tokens are sent by the client that they are bound to.
pub(super) struct SenderCheck {
    pub(super) dpop: Option<DpopCheck>,
    pub(super) certificates: Option<CertificateCheck>,
}

impl SenderCheck {
    pub(super) const fn accepts_dpop(&self) -> bool {
        self.dpop.is_some()
    }

    pub(super) fn current_nonce(&self, now: std::time::Duration) -> Option<String> {
        self.dpop.as_ref()?.current_nonce(now)
    }

    /// Reads from a request who sends it.
    pub(super) fn sender<'r>(&self, request: &'r dyn RequestView, location: Location) -> Sender<'r> {
        let dpop = self.dpop.as_ref().filter(|_| location == Location::Dpop);
        let origin = dpop.and_then(|dpop| dpop.public_origin(request));
        let certificate = self.certificates.as_ref().and_then(|certificates| certificates.find(request));
        Sender::of(request, location, origin, certificate)
    }

    /// Returns the proof whose use must be recorded, if there is one.
    pub(super) fn check(
        &self,
        token: &[u8],
        verified: &Verified,
        sender: Option<&Sender<'_>>,
        now: Moment,
    ) -> Result<Option<ProofUsed>, Error> {
        let Some(confirmation) = verified.confirmation() else {
            // RFC 9449 section 7.1: a token with this scheme is bound to a key.
            let uses_dpop = sender.is_some_and(Sender::uses_dpop);
            return if uses_dpop { Err(ErrorKind::UnboundToken.into()) } else { Ok(None) };
        };
        let used = match (confirmation.key, sender) {
            (None, Some(sender)) if sender.uses_dpop() => return Err(ErrorKind::UnboundToken.into()),
            (None, _) => None,
            // RFC 9449 section 7.2: never a bearer token.
            (Some(_), None) => return Err(ErrorKind::MissingProof.into()),
            (Some(_), Some(sender)) => {
                let Some(dpop) = &self.dpop else { return Err(ErrorKind::UnsupportedConfirmation.into()) };
                Some(dpop.check(sender, token, confirmation, now)?)
            }
        };
        if let Some(expected) = &confirmation.certificate {
            let Some(certificates) = &self.certificates else { return Err(ErrorKind::UnsupportedConfirmation.into()) };
            certificates.check(sender.and_then(|sender| sender.certificate.as_deref()), expected)?;
        }
        Ok(used)
    }
}
