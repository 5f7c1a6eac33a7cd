use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a connection, as the server sees it: its address and its certificate.
///
/// Only the server sees the connection, so it must pass this on: as an extension of the request with axum and tower, or as
/// connection data of actix-web (`HttpServer::on_connect`). With the feature `rustls`, a connection converts into a peer, and both
/// adapters have a function that passes it on: [the guide](crate::guide::proof) shows it.
///
/// ```
/// use jwt_core::http::Peer;
///
/// let peer = Peer::new().address([127, 0, 0, 1]);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Peer {
    address: Option<IpAddr>,
    certificate: Option<Arc<[u8]>>,
}

impl Peer {
    /// Creates a peer of which nothing is known.
    pub const fn new() -> Self {
        Self { address: None, certificate: None }
    }

    /// Sets the address. Default: unknown.
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Sets the certificate that the client authenticated with, in DER. Default: no certificate.
    pub fn certificate(mut self, der: impl Into<Arc<[u8]>>) -> Self {
        self.certificate = Some(der.into());
        self
    }

    /// Returns the address, for adapters.
    #[must_use]
    pub const fn peer_address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the certificate, for adapters.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }
}

/// The certificate that the client authenticated with, if it did, and no address.
#[cfg(feature = "rustls")]
impl From<&rustls::ServerConnection> for Peer {
    fn from(connection: &rustls::ServerConnection) -> Self {
        match connection.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => Self::new().certificate(certificate.as_ref()),
            None => Self::new(),
        }
    }
}

// An address and a certificate identify a client.
impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("certificate", &self.certificate.is_some()).finish_non_exhaustive()
    }
}
