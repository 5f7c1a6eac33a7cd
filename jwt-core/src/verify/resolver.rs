//! Issuers that are looked up when a token names them, for services whose tenants bring their own.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::prepare::{Issuer, Means};
use super::trust::{ResolveFailure, Trust};
use super::{RuleError, TrustedIssuer};

/// How many looked-up issuers are kept at once.
pub(super) const MAX_LIVE: usize = 100;

type Lookup = Pin<Box<dyn Future<Output = Result<Option<TrustedIssuer>, RuleError>> + Send>>;

#[derive(Clone)]
pub(super) struct Resolver(Arc<Parts>);

struct Parts {
    admits: Box<dyn Fn(&str) -> bool + Send + Sync>,
    look_up: Box<dyn Fn(Arc<str>) -> Lookup + Send + Sync>,
    means: Means,
    /// Replaced as a whole when an issuer comes or goes, so that finding one takes no lock.
    live: ArcSwap<HashMap<Arc<str>, Arc<Live>>>,
    uses: AtomicU64,
}

struct Live {
    issuer: Arc<Issuer>,
    last_use: AtomicU64,
}

/// A resolver that has not yet the means to prepare what it finds.
pub(super) struct Unprepared {
    admits: Box<dyn Fn(&str) -> bool + Send + Sync>,
    look_up: Box<dyn Fn(Arc<str>) -> Lookup + Send + Sync>,
}

impl Unprepared {
    pub(super) fn new<R>(
        admits: impl Fn(&str) -> bool + Send + Sync + 'static,
        look_up: impl Fn(Arc<str>) -> R + Send + Sync + 'static,
    ) -> Self
    where
        R: Future<Output = Result<Option<TrustedIssuer>, RuleError>> + Send + 'static,
    {
        Self { admits: Box::new(admits), look_up: Box::new(move |name| Box::pin(look_up(name))) }
    }

    pub(super) fn prepare(self, means: Means) -> Resolver {
        Resolver(Arc::new(Parts {
            admits: self.admits,
            look_up: self.look_up,
            means,
            live: ArcSwap::default(),
            uses: AtomicU64::new(0),
        }))
    }
}

impl Resolver {
    pub(super) fn find(&self, name: &str, resolved: bool) -> Trust<'static> {
        if let Some(live) = self.0.live.load().get(name) {
            live.last_use.store(self.0.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            return Trust::Resolved(Arc::clone(&live.issuer));
        }
        // Before any I/O: what an attacker writes into a token leads nowhere.
        if resolved || !(self.0.admits)(name) {
            return Trust::Unknown;
        }
        let (resolver, name): (Self, Arc<str>) = (self.clone(), name.into());
        Trust::Resolve(Box::pin(async move { resolver.resolve(name).await }))
    }

    pub(super) fn live(&self) -> Vec<Arc<Issuer>> {
        self.0.live.load().values().map(|live| Arc::clone(&live.issuer)).collect()
    }

    async fn resolve(&self, name: Arc<str>) -> Result<(), ResolveFailure> {
        let answer = (self.0.look_up)(Arc::clone(&name)).await.map_err(|error| {
            tracing::warn!(%error, "issuer could not be looked up");
            ResolveFailure
        })?;
        let Some(issuer) = answer else { return Ok(()) };
        if issuer.name.as_deref() != Some(&*name) {
            tracing::error!("the resolver answered with another issuer than the one it was asked for");
            return Ok(());
        }
        let issuer = issuer.prepare(&self.0.means).map_err(|error| {
            tracing::error!(%error, "the issuer that the resolver answered with cannot be used");
            ResolveFailure
        })?;
        self.keep(&name, issuer);
        Ok(())
    }

    fn keep(&self, name: &Arc<str>, issuer: Issuer) {
        let last_use = self.0.uses.fetch_add(1, Ordering::Relaxed);
        let new = Arc::new(Live { issuer: Arc::new(issuer), last_use: AtomicU64::new(last_use) });
        self.0.live.rcu(|live| {
            let mut live = HashMap::clone(live);
            // Whoever came first has keys already, perhaps a fetch under way.
            if live.contains_key(name) {
                return live;
            }
            if live.len() >= MAX_LIVE
                && let Some(oldest) = live
                    .iter()
                    .min_by_key(|(_, live)| live.last_use.load(Ordering::Relaxed))
                    .map(|(name, _)| name.clone())
            {
                live.remove(&oldest);
            }
            live.insert(Arc::clone(name), Arc::clone(&new));
            live
        });
    }
}

impl fmt::Debug for Unprepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").finish_non_exhaustive()
    }
}
