//! Tokens that are bound to their sender.

use super::TrustedIssuer;
use super::prepare::{FAPI2, PrepareContext};
use crate::claim_rules::{AudienceRule, SenderMode, SenderRules};
use crate::error::{BuildError, BuildErrorKind as Kind};

impl TrustedIssuer {
    /// Accepts tokens that are bound to a key, together with a proof of it, beside bearer tokens. Default: bound tokens are
    /// refused. RFC 9449.
    ///
    /// A token that is bound (its claim `cnf` has `jkt`) needs `Authorization: DPoP` and a proof in the header `DPoP`; as a bearer
    /// token it's refused. Use this while clients change over, and [`dpop_required`](Self::dpop_required) afterwards: a token
    /// that isn't bound is still good for anyone who steals it. The verifier needs
    /// [`VerifierBuilder::dpop`](crate::VerifierBuilder::dpop).
    pub const fn dpop_allowed(mut self) -> Self {
        self.policy.sender.dpop = SenderMode::Allowed;
        self
    }

    /// Accepts only tokens that are bound to a key, together with a proof of it. Default: bound tokens are refused. RFC 9449.
    ///
    /// A token that isn't bound is refused with the code `unbound_token`. The verifier needs
    /// [`VerifierBuilder::dpop`](crate::VerifierBuilder::dpop).
    ///
    /// ```
    /// use jwt_core::{TrustedIssuer, Verifier, proof::Dpop};
    ///
    /// let builder = Verifier::builder()
    ///     .issuer(TrustedIssuer::discover("https://id.example").audience("https://api.example").dpop_required())
    ///     .dpop(Dpop::new("https://api.example"));
    /// ```
    pub const fn dpop_required(mut self) -> Self {
        self.policy.sender.dpop = SenderMode::Required;
        self
    }

    /// Accepts tokens that are bound to a client's certificate, from connections with that certificate, beside bearer tokens.
    /// Default: bound tokens are refused. RFC 8705 section 3.
    ///
    /// A token that is bound has `cnf` with `x5t#S256`. The certificate comes from the TLS layer of the connection, as a
    /// [`Peer`](crate::http::Peer), or from a [header of a trusted proxy](crate::VerifierBuilder::certificate_header). It isn't
    /// validated here: the server or the proxy decides which certificates it accepts, and the issuer which one a token is bound
    /// to.
    pub const fn mutual_tls_allowed(mut self) -> Self {
        self.policy.sender.mutual_tls = SenderMode::Allowed;
        self
    }

    /// Accepts only tokens that are bound to a client's certificate, from connections with that certificate. Default: bound tokens
    /// are refused. RFC 8705 section 3.
    ///
    /// See [`mutual_tls_allowed`](Self::mutual_tls_allowed) for where the certificate comes from. A token that isn't bound is refused
    /// with the code `unbound_token`.
    pub const fn mutual_tls_required(mut self) -> Self {
        self.policy.sender.mutual_tls = SenderMode::Required;
        self
    }

    /// Enforces the security profile FAPI 2.0. Default: off. FAPI 2.0 Security Profile sections 5.3.3 and 5.4.
    ///
    /// Tokens must be bound to their sender, so also call [`dpop_required`](Self::dpop_required),
    /// [`mutual_tls_required`](Self::mutual_tls_required), or both methods that end with `_allowed`. They come only in the header
    /// `Authorization`, are signed with PS256, ES256 or EdDSA, and have `exp`, an issuer and an audience. A clock may be up to 10
    /// seconds off and never more than 60. Building the verifier fails if another setting contradicts the profile.
    ///
    /// ```
    /// use jwt_core::{TrustedIssuer, proof::Dpop, Verifier};
    ///
    /// let issuer = TrustedIssuer::discover("https://id.example").audience("https://api.example");
    /// let builder = Verifier::builder()
    ///     .issuer(issuer.fapi2().dpop_required())
    ///     .dpop(Dpop::new("https://api.example"));
    /// ```
    pub fn fapi2(mut self) -> Self {
        self.policy.sender.required = true;
        self.fapi2 = true;
        self
    }

    /// Accepts bound tokens. The caller must check their keys and certificates.
    #[cfg(feature = "issue")]
    pub(crate) const fn binding_checked_elsewhere(mut self) -> Self {
        self.policy.sender.elsewhere = true;
        self
    }

    pub(crate) const fn sender_rules(&self) -> &SenderRules {
        &self.policy.sender
    }

    /// Checks that the verifier can check what tokens are bound to.
    pub(super) fn check_sender(&self, context: &PrepareContext) -> Result<(), BuildError> {
        if self.policy.sender.dpop != SenderMode::Off && !context.dpop {
            return Err(BuildError::new(Kind::Undecided, "dpop")
                .hint(": say with `VerifierBuilder::dpop` which URL the clients use, for example `Dpop::new(\"https://api.example\")`"));
        }
        if self.fapi2 { self.check_fapi2(context) } else { Ok(()) }
    }

    fn check_fapi2(&self, context: &PrepareContext) -> Result<(), BuildError> {
        context.fits_fapi2.clone()?;
        let SenderRules { dpop, mutual_tls, .. } = self.policy.sender;
        if dpop == SenderMode::Off && mutual_tls == SenderMode::Off {
            return Err(BuildError::new(Kind::Undecided, "fapi2").hint(
                ": tokens must be bound to their sender; call `dpop_required` or `mutual_tls_required` as well",
            ));
        }
        let policy = &self.policy;
        let is_unchecked = self.name.is_none() || policy.audience == AudienceRule::Unchecked || !policy.expiry_required;
        let has_other = self.algorithms.as_ref().is_some_and(|chosen| !chosen.iter().all(|one| FAPI2.contains(one)));
        if is_unchecked || has_other {
            return Err(BuildError::new(Kind::Contradiction, "fapi2")
                .hint(": the profile needs an issuer, an audience, `exp`, and only PS256, ES256 and EdDSA"));
        }
        Ok(())
    }
}
