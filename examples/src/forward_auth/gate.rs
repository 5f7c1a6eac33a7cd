use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use jwt_core::Step;
use jwt_core::gate::Endpoint;

use super::GateError;
use super::config::Config;
use super::gatekeeper::Gatekeeper;
use super::metrics::Metrics;

/// The methods that a proxy may use: most send `GET`, and Envoy repeats the client's.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A gate whose settings can be replaced while it serves. Clones share everything.
#[derive(Clone)]
pub struct Gate {
    path: PathBuf,
    listen: SocketAddr,
    current: Arc<RwLock<Arc<Gatekeeper>>>,
    metrics: Metrics,
}

impl Gate {
    /// Reads the configuration. The keys are fetched in the background; until they're there, the answer is 503.
    ///
    /// # Errors
    ///
    /// If the file or a setting can't be used.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn load(path: &Path) -> Result<Self, GateError> {
        let (config, metrics) = (Config::read(path)?, Metrics::default());
        let listen = config.listen;
        let current = Arc::new(RwLock::new(Arc::new(Gatekeeper::new(config, &metrics)?)));
        Ok(Self { path: path.to_owned(), listen, current, metrics })
    }

    /// Returns the address to listen on.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Reads the configuration again, and uses it from the next request on, once its keys are there. A new `listen` needs a
    /// restart.
    ///
    /// # Errors
    ///
    /// If the file, a setting or the keys can't be used. The old settings stay in use then.
    pub async fn reload(&self) -> Result<(), GateError> {
        let outcome = self.replace().await;
        self.metrics.reloaded(outcome.is_ok());
        outcome
    }

    async fn replace(&self) -> Result<(), GateError> {
        let new = Gatekeeper::new(Config::read(&self.path)?, &self.metrics)?;
        // Otherwise the first requests with the new settings would wait, or get 503.
        new.verifier.fetch_keys().await.map_err(GateError::Keys)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    fn current(&self) -> Arc<Gatekeeper> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns everything that the gate serves: `/auth`, `/envoy`, `/health` and `/metrics`.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let this = self.clone();
        Endpoint::new(METHODS, move |request| match request.target() {
            "/health" => Step::Ready(this.current().verifier.readiness()),
            "/metrics" => Step::Ready(this.metrics.answer()),
            _ => this.current().decide(request),
        })
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("path", &self.path).finish_non_exhaustive()
    }
}
