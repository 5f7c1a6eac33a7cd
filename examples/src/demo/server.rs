use std::future::IntoFuture as _;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use axum::Router;
use jwt_core::proof::Dpop;
use jwt_core::verify::KeyFetchErrors;
use jwt_core::{TrustedIssuer, Verifier};
use rustls::ServerConfig;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::issuer::{self, DevIssuer};
use super::tls::{Files, TlsListener};
use super::{DemoError, DpopMode, Options, Provider, actix_app, axum_app, endpoints, page};

/// How long the servers wait for running requests when the demo stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The running servers.
#[derive(Debug)]
pub struct Demo {
    axum_url: String,
    actix_url: String,
    provider: Provider,
    dpop: DpopMode,
    tls: Option<Files>,
    issuer: Option<Arc<DevIssuer>>,
    verifier: Verifier,
    axum: AxumServer,
    actix: ServerHandle,
}

impl Demo {
    /// Starts both servers in the current Tokio runtime.
    ///
    /// # Errors
    ///
    /// If a port is taken, or no verifier can be built for the issuer.
    pub async fn start(options: Options) -> Result<Self, DemoError> {
        let tls = Files::of(&options);
        let scheme = if tls.is_some() { "https" } else { "http" };
        // The ports must be known first, because the issuer and the page contain them.
        let (axum_listener, axum_url) = listen(scheme, options.axum_port, "--axum-port")?;
        let (actix_listener, actix_url) = listen(scheme, options.actix_port, "--actix-port")?;

        let (provider, issuer) = match options.provider {
            Some(provider) => (provider, None),
            None => {
                let issuer = Arc::new(DevIssuer::new(format!("{axum_url}{}", issuer::PATH))?);
                (Provider { issuer: issuer.url().to_owned(), audience: issuer::AUDIENCE.to_owned() }, Some(issuer))
            }
        };
        // Both servers share the verifier and its keys, unless a proof names the server's address. It fetches nothing before the
        // first token arrives, so the axum server can serve the issuer.
        let for_server = |url: &str| {
            let url = options.public_url.as_deref().unwrap_or(url);
            verifier(&provider, issuer.as_deref(), options.dpop, tls.as_ref(), url)
        };
        let verifier = for_server(&axum_url)?;
        let for_actix = match options.dpop {
            DpopMode::Off => verifier.clone(),
            _ => for_server(&actix_url)?,
        };

        // The page can be opened under either name of this machine.
        let origins = [axum_url.clone(), axum_url.replace("127.0.0.1", "localhost")];
        let proofs = options.public_url.as_deref();
        let mut app = Router::new()
            .merge(axum_app::routes(&verifier).layer(axum_app::cors(&origins)))
            .merge(page::routes((&axum_url, &actix_url), &provider, issuer.is_some(), options.dpop, proofs));
        if let Some(issuer) = &issuer {
            app = app.merge(endpoints::routes(issuer));
        }
        let config = tls.as_ref().map(Files::config).transpose()?;
        let axum = AxumServer::start(axum_listener, app, config.clone())
            .map_err(port_error(options.axum_port, "--axum-port"))?;

        let actix = {
            let app = move || App::new().wrap(actix_app::cors(&origins)).configure(actix_app::routes(&for_actix));
            let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs());
            let server = server.on_connect(jwt_actix::tls_peer);
            let server = match config {
                Some(config) => server.listen_rustls_0_23(actix_listener, config),
                None => server.listen(actix_listener),
            };
            let server = server.map_err(port_error(options.actix_port, "--actix-port"))?.run();
            let handle = server.handle();
            tokio::spawn(server);
            handle
        };
        Ok(Self { axum_url, actix_url, provider, dpop: options.dpop, tls, issuer, verifier, axum, actix })
    }

    /// Returns the address of the axum server and the page, without a slash at the end.
    #[must_use]
    pub fn axum_url(&self) -> &str {
        &self.axum_url
    }

    /// Returns the address of the actix server, without a slash at the end.
    #[must_use]
    pub fn actix_url(&self) -> &str {
        &self.actix_url
    }

    /// Returns the provider whose tokens are accepted.
    #[must_use]
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Returns whether tokens may or must be bound to a key.
    #[must_use]
    pub const fn dpop(&self) -> DpopMode {
        self.dpop
    }

    /// Returns the files of TLS, or `None` without TLS.
    pub(super) const fn tls(&self) -> Option<&Files> {
        self.tls.as_ref()
    }

    /// Returns the embedded issuer, or `None` with a real provider.
    #[must_use]
    pub fn issuer(&self) -> Option<&DevIssuer> {
        self.issuer.as_deref()
    }

    /// Fetches the issuer's keys now, instead of when the first token arrives.
    ///
    /// # Errors
    ///
    /// If the keys can't be fetched.
    pub async fn fetch_keys(&self) -> Result<(), KeyFetchErrors> {
        self.verifier.fetch_keys().await
    }

    /// Stops both servers. Running requests get two seconds to finish.
    pub async fn stop(self) {
        tokio::join!(self.axum.stop(), self.actix.stop(true));
    }
}

/// Builds the verifier of both servers. It decides which tokens are accepted.
fn verifier(
    provider: &Provider,
    issuer: Option<&DevIssuer>,
    dpop: DpopMode,
    tls: Option<&Files>,
    url: &str,
) -> Result<Verifier, DemoError> {
    let trusted = match (issuer, tls) {
        // The demo doesn't fetch from itself if it would have to trust its own certificate for that.
        (Some(issuer), Some(_)) => TrustedIssuer::new(provider.issuer.as_str()).key(issuer.key()),
        _ => TrustedIssuer::discover(provider.issuer.as_str()),
    };
    let trusted = trusted.audience(provider.audience.as_str());
    // The embedded issuer follows RFC 9068; not every provider does. If yours does, require the profile too: it keeps out ID
    // tokens.
    let trusted = if issuer.is_some() { trusted.access_token_profile() } else { trusted };
    let trusted = if tls.is_some_and(Files::has_client_ca) { trusted.mutual_tls_allowed() } else { trusted };
    // A proof names the address that the client uses.
    let settings = Dpop::new(url);
    let builder = match dpop {
        DpopMode::Off => Verifier::builder().issuer(trusted),
        DpopMode::Allowed => Verifier::builder().issuer(trusted.dpop_allowed()).dpop(settings),
        DpopMode::Required => Verifier::builder().issuer(trusted.dpop_required()).dpop(settings),
    };
    builder.build().map_err(|error| DemoError::Issuer { issuer: provider.issuer.clone(), error })
}

/// Listens on 127.0.0.1, so only this machine can connect.
fn listen(scheme: &str, port: u16, option: &'static str) -> Result<(TcpListener, String), DemoError> {
    let bind = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let url = format!("{scheme}://{}", listener.local_addr()?);
        Ok((listener, url))
    };
    bind().map_err(port_error(port, option))
}

fn port_error(port: u16, option: &'static str) -> impl Fn(io::Error) -> DemoError {
    move |error| DemoError::Port { port, option, error }
}

#[derive(Debug)]
struct AxumServer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl AxumServer {
    fn start(listener: TcpListener, app: Router, tls: Option<ServerConfig>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let task = match tls {
            None => tokio::spawn(axum::serve(listener, app).with_graceful_shutdown(stopped).into_future()),
            Some(config) => {
                let server = axum::serve(TlsListener::new(listener, config), jwt_tower::tls_peer(app));
                tokio::spawn(server.with_graceful_shutdown(stopped).into_future())
            }
        };
        Ok(Self { stop, task })
    }

    async fn stop(mut self) {
        let _ = self.stop.send(());
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
