use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::error::BoxError;
use crate::error::{BuildError, BuildErrorKind};
use crate::keys::HostFilter;
use crate::verify::issuers::trusted_issuer::TrustedIssuer;

pub(super) type Answer = Result<Option<TrustedIssuer>, BoxError>;
pub(super) type PendingAnswer = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Looks up issuers while the service runs, for services whose tenants bring their own.
///
/// You give it two functions:
///
/// - `admits` says whether a name may be looked up at all. It runs for every token, also for tokens in the cache, so it must be
///   cheap and do no I/O. If it returns `false`, the token is refused.
/// - `look_up` returns the issuer of that name, or `None` if you don't know it. An `Err` means that you could not find out: the
///   request is answered 503. It runs in a Tokio task, once for all requests that wait for the same name, for at most 10
///   seconds.
///
/// Anyone can write any name into a token. The settings of this type limit what forged names can cost.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::{TrustedIssuer, Verifier};
/// use jwt_core::verify::IssuerResolver;
///
/// let tenants = IssuerResolver::new(
///     |name| name.starts_with("https://") && name.ends_with(".id.example"),
///     |name| async move { Ok(Some(TrustedIssuer::discover(name).audience("https://api.example"))) },
/// );
/// let builder = Verifier::builder().issuer_resolver(
///     tenants.lifetime(Duration::from_secs(60)).hosts(|host| host.ends_with(".id.example")),
/// );
/// ```
///
/// [The guide's page on tenants](crate::guide::tenants) has every limit, and what a flood of forged tokens costs.
#[must_use]
pub struct IssuerResolver {
    pub(super) admits: Box<dyn Fn(&str) -> bool + Send + Sync>,
    pub(super) look_up: Box<dyn Fn(Arc<str>) -> PendingAnswer + Send + Sync>,
    pub(super) lifetime: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) unknown_lifetime: Duration,
    pub(super) max_issuers: usize,
    pub(super) look_ups: (u32, u32),
    pub(super) key_fetches: (u32, u32),
    pub(super) hosts: Option<HostFilter>,
}

impl IssuerResolver {
    /// Creates a resolver that calls `look_up` for the names that `admits` accepts.
    pub fn new<R>(
        admits: impl Fn(&str) -> bool + Send + Sync + 'static,
        look_up: impl Fn(Arc<str>) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Option<TrustedIssuer>, BoxError>> + Send + 'static,
    {
        Self {
            admits: Box::new(admits),
            look_up: Box::new(move |name| Box::pin(look_up(name))),
            lifetime: Duration::from_secs(300),
            stale_if_error: Duration::from_secs(3600),
            unknown_lifetime: Duration::from_secs(30),
            max_issuers: 10_000,
            look_ups: (1_000, 100),
            key_fetches: (1_000, 100),
            hosts: None,
        }
    }

    /// Sets how long an answer of `look_up` is used before it's called again. Default: 5 minutes.
    ///
    /// It's called in the background, up to a tenth of the lifetime early, while the issuer stays in use. If no token named the
    /// issuer for two lifetimes, the next one waits for the answer. So a tenant that you remove is refused after at most two
    /// lifetimes; call [`forget_issuer`](crate::Verifier::forget_issuer) to refuse it at once.
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets how long an issuer stays in use after its lifetime if `look_up` fails. Default: an hour.
    ///
    /// With zero, its tokens are answered 503 as soon as the lifetime is over and `look_up` has failed.
    pub const fn stale_if_error(mut self, stale: Duration) -> Self {
        self.stale_if_error = stale;
        self
    }

    /// Sets how long a name is refused after `look_up` answered `None`. Default: 30 seconds. With zero, `look_up` is called
    /// for each token.
    ///
    /// Call [`forget_issuer`](crate::Verifier::forget_issuer) when you create a tenant, so that its first tokens are not refused.
    pub const fn unknown_lifetime(mut self, lifetime: Duration) -> Self {
        self.unknown_lifetime = lifetime;
        self
    }

    /// Keeps at most this many issuers with a verified token. Default: 10,000.
    ///
    /// If there are more, an issuer that was not used lately is dropped. Issuers without a verified token are counted
    /// separately: as many are kept as [`look_ups`](Self::look_ups) admits within 10 seconds.
    pub const fn max_issuers(mut self, issuers: usize) -> Self {
        self.max_issuers = issuers;
        self
    }

    /// Limits the look-ups of names without a verified token: `at_once` in a burst, then `per_second`. Default: 1,000 at
    /// once, 100 a second.
    ///
    /// A token over the limit is answered 503 with `Retry-After`.
    pub const fn look_ups(mut self, at_once: u32, per_second: u32) -> Self {
        self.look_ups = (at_once, per_second);
        self
    }

    /// Limits the key fetches that tokens can cause: `at_once` in a burst, then `per_second`. Default: 1,000 at once, 100 a
    /// second.
    ///
    /// The limit covers all issuers that were looked up: their first key sets, and every fetch for an unknown `kid`. Renewals
    /// of keys that have verified a token are not counted. A fetch requests up to three documents. A token over the limit is
    /// answered 503 with `Retry-After`.
    pub const fn key_fetches(mut self, at_once: u32, per_second: u32) -> Self {
        self.key_fetches = (at_once, per_second);
        self
    }

    /// Fetches metadata and keys only from hosts that `allows` accepts. Default: any host.
    ///
    /// An issuer's metadata says where its keys are, so a tenant can make your service send requests to any address that it can
    /// reach, internal ones included. Unless you trust your tenants with that, set this. `allows` gets the host in lower case,
    /// an IPv6 address in brackets. It sees only names: to refuse names that resolve to internal addresses, write a
    /// [`Fetch`](crate::keys::Fetch) that checks the address when it connects.
    pub fn hosts(mut self, allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.hosts = Some(Arc::new(allows));
        self
    }

    /// Returns how many issuers without a verified token are kept: enough that a flood evicts no new issuer during its first
    /// fetch.
    pub(super) fn unproven_issuers(&self) -> usize {
        let (at_once, per_second) = self.look_ups;
        let issuers = u64::from(at_once) + u64::from(per_second) * 10;
        usize::try_from(issuers).unwrap_or(usize::MAX)
    }

    pub(super) fn check_settings(&self) -> Result<(), BuildError> {
        for (is_zero, setting) in [
            (self.lifetime.is_zero(), "lifetime"),
            (self.max_issuers == 0, "max_issuers"),
            (self.look_ups.0 == 0 || self.look_ups.1 == 0, "look_ups"),
            (self.key_fetches.0 == 0 || self.key_fetches.1 == 0, "key_fetches"),
        ] {
            if is_zero {
                return Err(BuildError::new(BuildErrorKind::OutOfRange, setting));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for IssuerResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuerResolver")
            .field("lifetime", &self.lifetime)
            .field("stale_if_error", &self.stale_if_error)
            .field("unknown_lifetime", &self.unknown_lifetime)
            .field("max_issuers", &self.max_issuers)
            .field("look_ups", &self.look_ups)
            .field("key_fetches", &self.key_fetches)
            .finish_non_exhaustive()
    }
}
