//! Builds the checks of tokens that are bound to their sender.

use std::time::Duration;

use super::settings::VerifierBuilder;
use crate::claim_rules::{SenderMode, SenderRules};
use crate::error::{BuildError, BuildErrorKind as Kind};
use crate::gate::Binding;
use crate::http::request::is_tchar;
use crate::proof::{CertificateCheck, DpopCheck, Proxies};

impl VerifierBuilder {
    /// Checks that tokens may be bound in each way that the verifier can check.
    pub(super) fn check_senders_are_used(&self) -> Result<(), BuildError> {
        let is_used = |mode: fn(&SenderRules) -> SenderMode| {
            self.has_resolver() || self.issuers.iter().any(|issuer| mode(issuer.sender_rules()) != SenderMode::Off)
        };
        if self.dpop.is_some() && !is_used(|rules| rules.dpop) {
            return Err(BuildError::new(Kind::Contradiction, "dpop").hint(
                ": no issuer's tokens may be bound to a key; call `TrustedIssuer::dpop_required` or `dpop_allowed`",
            ));
        }
        if self.certificate_header.is_some() && !is_used(|rules| rules.mutual_tls) {
            return Err(BuildError::new(Kind::Contradiction, "certificate_header").hint(
                ": no issuer's tokens may be bound to a certificate; call `TrustedIssuer::mutual_tls_required`",
            ));
        }
        Ok(())
    }

    pub(super) fn build_dpop(&mut self) -> Result<Option<DpopCheck>, BuildError> {
        let Some(dpop) = self.dpop.take() else { return Ok(None) };
        if !self.sources.reads_authorization() {
            return Err(BuildError::new(Kind::Contradiction, "dpop")
                .hint(": tokens with a proof come in the header `Authorization`; add `TokenSources::authorization`"));
        }
        let backend = self.backend.ok_or(BuildError::new(Kind::NoBackend, "crypto"))?;
        let check = dpop.build(backend)?;
        self.sources = self.sources.clone().with_dpop();
        Ok(Some(check))
    }

    pub(super) fn build_certificates(&self) -> Result<Option<CertificateCheck>, BuildError> {
        let is_used = self.issuers.iter().any(|issuer| issuer.sender_rules().mutual_tls != SenderMode::Off);
        let header = match &self.certificate_header {
            None if !is_used && !self.has_resolver() => return Ok(None),
            None => None,
            Some((name, _)) if name.is_empty() || !name.bytes().all(is_tchar) => {
                return Err(BuildError::new(Kind::IllegalCharacters, "certificate_header"));
            }
            Some((name, networks)) => match Proxies::parse(networks) {
                Some(proxies) if !proxies.is_empty() => Some((name.to_ascii_lowercase(), proxies)),
                Some(_) => return Err(BuildError::new(Kind::Empty, "certificate_header")),
                None => {
                    return Err(BuildError::new(Kind::Invalid, "certificate_header")
                        .hint(": write addresses such as `10.0.0.7` or networks such as `10.0.0.0/8`"));
                }
            },
        };
        let backend = self.backend.ok_or(BuildError::new(Kind::NoBackend, "crypto"))?;
        Ok(Some(CertificateCheck::new(backend, header)))
    }

    /// Whether the settings fit FAPI 2.0, sections 5.3.3 and 5.4 of its Security Profile: tokens only in the header, and clocks that
    /// differ by 10 to 60 seconds.
    pub(super) fn fits_fapi2(&self) -> Result<(), BuildError> {
        if !self.sources.is_only_authorization() {
            return Err(BuildError::new(Kind::Contradiction, "sources")
                .hint(": with `TrustedIssuer::fapi2`, tokens come only in the header `Authorization`"));
        }
        if !(Duration::from_secs(10)..=Duration::from_secs(60)).contains(&self.leeway) {
            return Err(BuildError::new(Kind::OutOfRange, "leeway").hint(": FAPI 2.0 allows 10 to 60 seconds"));
        }
        Ok(())
    }

    /// Whether every token must be bound to a key. Issuers that a resolver finds may have other rules.
    pub(super) fn requires_dpop(&self) -> bool {
        !self.has_resolver() && self.issuers.iter().all(|issuer| issuer.sender_rules().needs_dpop())
    }

    /// Returns the members about bound tokens of the resource's metadata.
    pub(super) fn binding(&self, dpop: Option<&DpopCheck>) -> Binding {
        let mut certificates = self.issuers.iter().map(|issuer| issuer.sender_rules().mutual_tls);
        Binding {
            dpop_signing_alg_values_supported: dpop.map(DpopCheck::algorithm_names).unwrap_or_default(),
            dpop_bound_access_tokens_required: dpop.is_some() && self.requires_dpop(),
            tls_client_certificate_bound_access_tokens: certificates.any(|mode| mode != SenderMode::Off),
        }
    }
}
