//! Issuers of tokens for workloads: SPIFFE, transaction tokens, Kubernetes and GitHub Actions.

use std::sync::Arc;

use crate::claim_rules::AudienceRule;
use crate::keys::{KeyRefreshSettings, Location};

use super::trust_domain::TrustDomain;
use super::trusted_issuer::{KeysFrom, TrustedIssuer};

const GITHUB_ACTIONS: &str = "https://token.actions.githubusercontent.com";

impl TrustedIssuer {
    /// Trusts the JWT-SVIDs of a SPIFFE trust domain: tokens whose `sub` is a SPIFFE ID in it, such as
    /// `spiffe://example.org/reports`.
    ///
    /// They need no `iss`; `typ` is absent, `JWT` or `JOSE`; `exp` and an [audience](Self::audience) are always checked. A token
    /// whose `iss` is another trusted issuer belongs to that issuer. If there is an issuer resolver, JWT-SVIDs must have no `iss`.
    ///
    /// The keys are those of the domain's bundle whose `use` is `jwt-svid`. Fetch the bundle with [`jwks_url`](Self::jwks_url),
    /// or pass one that you read with [`KeySet::from_spiffe_bundle`](crate::keys::KeySet::from_spiffe_bundle) to
    /// [`keys`](Self::keys). A verifier can trust several domains, and each is verified only with its own keys. JWT-SVID
    /// sections 2 to 4, SPIFFE Trust Domain and Bundle section 4.
    ///
    /// ```
    /// use jwt_core::TrustedIssuer;
    ///
    /// let issuer = TrustedIssuer::spiffe("example.org")
    ///     .jwks_url("https://spire.example.org/bundle")
    ///     .audience("spiffe://example.org/reports");
    /// ```
    pub fn spiffe(trust_domain: impl Into<Arc<str>>) -> Self {
        let domain = trust_domain.into();
        let domain = domain.strip_prefix("spiffe://").map_or_else(|| Arc::clone(&domain), Into::into);
        Self::of_domain(format!("spiffe://{domain}").into(), TrustDomain::spiffe(domain))
    }

    /// Trusts the transaction tokens of a trust domain: tokens with the `typ` `txntoken+jwt` and the domain in `aud`.
    ///
    /// They need no `iss`. `txn`, `sub`, `iat` and `exp` are required. Add the keys of the domain's transaction token service with
    /// [`jwks_url`](Self::jwks_url) or [`key`](Self::key). A token whose `iss` is another trusted issuer belongs to that issuer;
    /// if there is an issuer resolver, transaction tokens must have no `iss`. draft-ietf-oauth-transaction-tokens-08 section 5.
    ///
    /// The draft also requires `scope` and `req_wl` of the service. Add them to
    /// [`require_claims`](Self::require_claims) if yours writes them.
    ///
    /// ```
    /// use jwt_core::TrustedIssuer;
    ///
    /// let issuer = TrustedIssuer::transaction_tokens("shop.internal").jwks_url("https://tts.shop.internal/jwks");
    /// ```
    pub fn transaction_tokens(trust_domain: impl Into<Arc<str>>) -> Self {
        let domain = trust_domain.into();
        let mut issuer = Self::of_domain(Arc::clone(&domain), TrustDomain::transaction_tokens(Arc::clone(&domain)));
        issuer.policy.audience = AudienceRule::AnyOf(vec![domain.to_string()]);
        issuer.require_claims(["txn", "sub", "iat"])
    }

    fn of_domain(name: Arc<str>, domain: TrustDomain) -> Self {
        let mut issuer = Self::with_keys(Some(name), KeysFrom::Nowhere);
        issuer.policy.types = domain.types();
        issuer.domain = Some(domain);
        issuer
    }

    /// Trusts the service account tokens of the Kubernetes cluster that this process runs in. `issuer` is the cluster's, often
    /// `https://kubernetes.default.svc.cluster.local`.
    ///
    /// The keys are fetched from `https://kubernetes.default.svc/openid/v1/jwks`. The API server's certificate is signed by the
    /// cluster's own authority, so pass a [`fetch`](crate::VerifierBuilder) that trusts it; the guide's page on
    /// providers shows one. Outside of the cluster, use [`discover`](Self::discover) with an issuer that is public.
    ///
    /// `sub` and `kubernetes.io` are required, and you must decide on an [audience](Self::audience): the one that the pod's
    /// volume requests. The tokens that are mounted for the API server have another one.
    ///
    /// ```
    /// use jwt_core::TrustedIssuer;
    ///
    /// let issuer = TrustedIssuer::kubernetes("https://kubernetes.default.svc.cluster.local").audience("reports");
    /// ```
    pub fn kubernetes(issuer: impl Into<Arc<str>>) -> Self {
        Self::jwks(issuer, "https://kubernetes.default.svc/openid/v1/jwks").require_claims(["sub", "kubernetes.io"])
    }

    /// Trusts the OpenID Connect tokens of GitHub Actions on github.com.
    ///
    /// Every workflow on GitHub can get a token for any audience. So you must say whose workflows you trust, or building fails, also if you [discover](Self::discover) it by its name:
    /// pin `repository_id` or `repository_owner_id` with [`claim`](Self::claim), or the [`subject`](Self::subject).
    /// (`repository` and `repository_owner` count too, but their names can pass to others.) Pin `ref` or `environment` as well if
    /// the token's rights may be too much for some branches.
    ///
    /// ```
    /// use jwt_core::TrustedIssuer;
    ///
    /// let issuer = TrustedIssuer::github_actions()
    ///     .audience("https://deploy.example")
    ///     .claim("repository_id", "20261815")
    ///     .claim("ref", "refs/heads/main");
    /// ```
    pub fn github_actions() -> Self {
        Self::discover(GITHUB_ACTIONS)
    }

    /// Whether the issuer has this name for everyone, so that a claim must say whose tokens are meant.
    pub(super) fn is_shared(&self) -> bool {
        self.name.as_deref() == Some(GITHUB_ACTIONS)
    }

    /// Whether the settings say whose tokens of a shared issuer are meant.
    pub(super) fn names_an_owner(&self) -> bool {
        const OWNERS: [&str; 6] =
            ["repository_id", "repository_owner_id", "repository", "repository_owner", "enterprise_id", "sub"];
        self.policy.subject.is_some() || self.policy.fixed.iter().any(|(name, _)| OWNERS.contains(&&**name))
    }

    /// Fetches the keys from the JWK Set, or the SPIFFE bundle, at `url`. Default: no keys. For an issuer with a name,
    /// [`jwks`](Self::jwks) does the same.
    pub fn jwks_url(mut self, url: impl Into<Arc<str>>) -> Self {
        match self.keys {
            KeysFrom::Nowhere => {
                self.keys = KeysFrom::Remote(Location::JwkSet { url: url.into() }, KeyRefreshSettings::new());
            }
            _ => self.contradict("jwks_url"),
        }
        self
    }
}
