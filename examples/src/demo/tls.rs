//! TLS for both servers, which ask clients for certificates (RFC 8705).

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{DemoError, Options};

/// How long a client may take for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Problem = Box<dyn Error + Send + Sync>;

/// The files of the servers' TLS.
#[derive(Clone, Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Files {
    pub(super) fn of(options: &Options) -> Option<Self> {
        let (certificate, key) = (options.tls_cert.clone()?, options.tls_key.clone()?);
        Some(Self { certificate, key, client_ca: options.client_ca.clone() })
    }

    /// Returns the certificate, which `curl --cacert` can trust.
    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Whether clients can authenticate with certificates.
    pub(super) const fn has_client_ca(&self) -> bool {
        self.client_ca.is_some()
    }

    pub(super) fn config(&self) -> Result<ServerConfig, DemoError> {
        let wrong = |option, file: &Path| {
            let file = file.to_owned();
            move |error| DemoError::Tls { option, file, error }
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(Problem::from);
        let builder = builder.map_err(wrong("--tls-cert", &self.certificate))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                // A client without a certificate may connect. It can use tokens that aren't bound to one.
                let roots = roots(file).map_err(wrong("--client-ca", file))?;
                let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let clients = clients.allow_unauthenticated().build().map_err(Problem::from);
                builder.with_client_cert_verifier(clients.map_err(wrong("--client-ca", file))?)
            }
        };
        let chain = certificates(&self.certificate).map_err(wrong("--tls-cert", &self.certificate))?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).map_err(Problem::from).map_err(wrong("--tls-key", &self.key))?;
        let config = builder.with_single_cert(chain, key).map_err(Problem::from);
        let mut config = config.map_err(wrong("--tls-key", &self.key))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)?.collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err("there's no certificate in it".into()) } else { Ok(certificates) }
}

fn roots(file: &Path) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    certificates(file)?.into_iter().try_for_each(|certificate| roots.add(certificate))?;
    Ok(roots)
}

/// Accepts TLS connections for axum. A slow handshake doesn't keep others from connecting.
pub(super) struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(super) fn new(listener: TcpListener, config: ServerConfig) -> Self {
        Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.listener) => {
                    let handshake = timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream));
                    self.handshakes.spawn(async move { Some((handshake.await.ok()?.ok()?, address)) });
                }
                done = self.handshakes.join_next(), if !self.handshakes.is_empty() => {
                    if let Some(Ok(Some(connection))) = done {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
