use std::borrow::Cow;

use crate::http::request::RequestView;
use crate::http::token::Location;

/// How a request shows who sends it.
pub(crate) struct Sender<'r> {
    pub(super) method: Cow<'r, str>,
    pub(super) target: Cow<'r, str>,
    /// The origin that a trusted proxy names.
    pub(super) origin: Option<String>,
    /// The header `DPoP`, if the token came with that scheme.
    pub(super) proof: Option<Proof<'r>>,
    pub(crate) certificate: Option<Cow<'r, [u8]>>,
}

/// The lines of the header `DPoP`.
pub(super) struct Proof<'r> {
    pub(super) lines: usize,
    pub(super) first: Cow<'r, [u8]>,
}

impl<'r> Sender<'r> {
    /// Reads the values that the checks need.
    pub(crate) fn of(
        request: &'r dyn RequestView,
        location: Location,
        origin: Option<String>,
        certificate: Option<Cow<'r, [u8]>>,
    ) -> Self {
        let proof = (location == Location::Dpop).then(|| {
            let mut proof = Proof { lines: 0, first: Cow::Borrowed(&[][..]) };
            request.header("dpop", &mut |line| {
                if proof.lines == 0 {
                    proof.first = Cow::Borrowed(line);
                }
                proof.lines += 1;
            });
            proof
        });
        Self {
            method: Cow::Borrowed(request.method()),
            target: Cow::Borrowed(request.original_target()),
            origin,
            proof,
            certificate,
        }
    }

    /// Whether the token came with the scheme `DPoP`.
    pub(crate) const fn uses_dpop(&self) -> bool {
        self.proof.is_some()
    }

    /// Copies what's borrowed from the request.
    pub(crate) fn into_owned(self) -> Sender<'static> {
        let proof = self.proof.map(|Proof { lines, first }| Proof { lines, first: Cow::Owned(first.into_owned()) });
        Sender {
            method: Cow::Owned(self.method.into_owned()),
            target: Cow::Owned(self.target.into_owned()),
            origin: self.origin,
            proof,
            certificate: self.certificate.map(|certificate| Cow::Owned(certificate.into_owned())),
        }
    }
}
