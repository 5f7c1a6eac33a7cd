use std::sync::Arc;

use crate::claim_rules::TypeRule;
use crate::claims::RegisteredClaims;
use crate::jose::header::is_media_type;

/// The media type of transaction tokens. draft-ietf-oauth-transaction-tokens-08 section 5.1.
pub(crate) const TRANSACTION_TOKEN: &str = "txntoken+jwt";

/// A domain whose tokens name it in other claims than `iss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustDomain {
    name: Arc<str>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Spiffe,
    TransactionTokens,
}

impl TrustDomain {
    pub(super) const fn spiffe(name: Arc<str>) -> Self {
        Self { name, kind: Kind::Spiffe }
    }

    pub(super) const fn transaction_tokens(name: Arc<str>) -> Self {
        Self { name, kind: Kind::TransactionTokens }
    }

    /// Returns the name of the method that trusts it.
    pub(super) const fn setting(&self) -> &'static str {
        match self.kind {
            Kind::Spiffe => "spiffe",
            Kind::TransactionTokens => "transaction_tokens",
        }
    }

    pub(super) const fn is_spiffe(&self) -> bool {
        matches!(self.kind, Kind::Spiffe)
    }

    /// Whether the domain's name is one that its tokens can have.
    pub(super) fn is_valid(&self) -> bool {
        match self.kind {
            Kind::Spiffe => is_spiffe_domain(&self.name),
            Kind::TransactionTokens => !self.name.is_empty(),
        }
    }

    /// Returns the types of its tokens.
    pub(super) fn types(&self) -> TypeRule {
        match self.kind {
            Kind::Spiffe => TypeRule::Spiffe,
            Kind::TransactionTokens => TypeRule::Only(vec![TRANSACTION_TOKEN.to_owned()]),
        }
    }

    /// Whether a token says that it's from this domain.
    pub(super) fn is_named_by(&self, claims: &RegisteredClaims<'_>, token_type: Option<&str>) -> bool {
        match self.kind {
            Kind::Spiffe => claims.subject().and_then(domain_of_spiffe_id) == Some(&*self.name),
            Kind::TransactionTokens => {
                token_type.is_some_and(|given| is_media_type(given, TRANSACTION_TOKEN))
                    && claims.audience().is_some_and(|audience| audience.contains(&self.name))
            }
        }
    }

    /// Says in words which tokens are from this domain.
    pub(super) fn describe(&self) -> String {
        match self.kind {
            Kind::Spiffe => format!("`sub` must be a SPIFFE ID that begins with `spiffe://{}/`", self.name),
            Kind::TransactionTokens => format!("`typ` must be `{TRANSACTION_TOKEN}` and `aud` `{}`", self.name),
        }
    }
}

/// Returns the trust domain of a SPIFFE ID, or `None` if it's malformed or names no workload. SPIFFE-ID section 2.
fn domain_of_spiffe_id(id: &str) -> Option<&str> {
    // Section 2.3: a SPIFFE ID has at most 2048 bytes.
    let (domain, path) = id.strip_prefix("spiffe://").filter(|_| id.len() <= 2048)?.split_once('/')?;
    let is_segment = |segment: &str| {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        !matches!(segment, "" | "." | "..") && segment.bytes().all(is_known)
    };
    (is_spiffe_domain(domain) && path.split('/').all(is_segment)).then_some(domain)
}

/// SPIFFE-ID sections 2.1 and 2.3.
fn is_spiffe_domain(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    (1..=255).contains(&name.len()) && name.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trust_domain_of_a_spiffe_id_is_read_strictly() {
        let long = format!("spiffe://example.org/{}", "x".repeat(2048));
        for (id, expected) in [
            ("spiffe://example.org/reports", Some("example.org")),
            ("spiffe://example.org/ns/shop/sa/Billing_1.a", Some("example.org")),
            ("spiffe://example_org-1/a", Some("example_org-1")),
            ("spiffe://example.org", None),
            ("spiffe://example.org/", None),
            ("spiffe://example.org/a/", None),
            ("spiffe://example.org//a", None),
            ("spiffe://example.org/a/../b", None),
            ("spiffe://example.org/./a", None),
            ("spiffe://example.org/a?b", None),
            ("spiffe://example.org/a#b", None),
            ("spiffe://example.org/a%2Fb", None),
            ("spiffe://example.org/ä", None),
            ("spiffe://example.org:443/a", None),
            ("spiffe://user@example.org/a", None),
            ("spiffe://Example.org/a", None),
            ("SPIFFE://example.org/a", None),
            ("spiffe:///a", None),
            ("https://example.org/a", None),
            ("example.org/a", None),
            ("", None),
            (&*long, None),
        ] {
            assert_eq!(domain_of_spiffe_id(id), expected, "{id}");
        }
    }
}
