//! Trusting the tokens that the process issues itself.

use std::time::Duration;

use crate::jose::Algorithm;
use crate::keys::{KeySource, Lookup, Wanted};
use crate::verify::TrustedIssuer;

use super::{ACCESS, KeyRing, TokenIssuer};

/// The keys of the ring as they stand at each moment. Its tokens name their key; one that names none is refused.
impl KeySource for KeyRing {
    fn find_key(&self, wanted: &Wanted<'_>) -> Lookup {
        let key = wanted.key_id.and_then(|kid| self.live_key(kid, wanted.algorithm));
        key.map_or(Lookup::Unknown, Lookup::Ready)
    }

    fn generation(&self, _now: Duration) -> Option<u64> {
        Some(self.epoch())
    }
}

impl TokenIssuer {
    /// Returns what a verifier needs to accept this issuer's access tokens: its name, its keys as they stand at each
    /// moment, its audience, and that they are access tokens.
    ///
    /// Give the verifier the clock of the ring, too, where that is not the system's.
    pub fn trusted(&self) -> TrustedIssuer {
        let names = self.audience().iter();
        let issuer = names.fold(self.trusted_keys(), |issuer, name| issuer.audience(name));
        issuer.token_types(["at+jwt"]).claim("token_use", ACCESS).require_claims(["sub", "iat", "jti"])
    }

    /// The issuer's name and its keys, and as yet no audience.
    pub(crate) fn trusted_keys(&self) -> TrustedIssuer {
        let issuer = TrustedIssuer::new(self.name()).key_source(self.ring().clone());
        if self.ring().is_symmetric() {
            issuer.algorithms([Algorithm::HS256, Algorithm::HS384, Algorithm::HS512])
        } else {
            issuer
        }
    }
}
