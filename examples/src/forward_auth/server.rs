use std::future::IntoFuture as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Framework, Gate, GateError};

/// How long the server waits for running requests when it stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    running: Running,
}

#[derive(Debug)]
enum Running {
    Axum(oneshot::Sender<()>, JoinHandle<io::Result<()>>),
    Actix(ServerHandle),
}

impl Server {
    /// Serves a gate on its address. Both frameworks serve one endpoint of the library, so their answers are the same.
    ///
    /// # Errors
    ///
    /// If the address is taken.
    pub fn start(framework: Framework, gate: &Gate) -> Result<Self, GateError> {
        Self::serve(framework, gate).map_err(GateError::Listen)
    }

    fn serve(framework: Framework, gate: &Gate) -> io::Result<Self> {
        let listener = TcpListener::bind(gate.listen())?;
        let address = listener.local_addr()?;
        let endpoint = gate.endpoint();
        let running = match framework {
            Framework::Axum => {
                listener.set_nonblocking(true)?;
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let (stop, stopped) = oneshot::channel();
                let app = Router::new().fallback_service(jwt_tower::endpoint(endpoint));
                let server = axum::serve(listener, app).with_graceful_shutdown(async {
                    let _ = stopped.await;
                });
                Running::Axum(stop, tokio::spawn(server.into_future()))
            }
            Framework::Actix => {
                let app = move || App::new().default_service(jwt_actix::endpoint(endpoint.clone()));
                let server = HttpServer::new(app).disable_signals().shutdown_timeout(SHUTDOWN_TIMEOUT.as_secs());
                let server = server.listen(listener)?.run();
                let handle = server.handle();
                tokio::spawn(server);
                Running::Actix(handle)
            }
        };
        Ok(Self { address, running })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and waits for the running requests, at most ten seconds.
    pub async fn stop(self) {
        match self.running {
            Running::Axum(stop, mut task) => {
                let _ = stop.send(());
                if tokio::time::timeout(SHUTDOWN_TIMEOUT, &mut task).await.is_err() {
                    task.abort();
                }
            }
            Running::Actix(handle) => handle.stop(true).await,
        }
    }
}
