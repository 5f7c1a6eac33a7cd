use std::any::Any;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use jwt_core::http::Peer;

/// Lets [`JwtMiddleware`](crate::JwtMiddleware) see the client's certificate, so that tokens can be bound to certificates (RFC 8705).
///
/// Give it to `HttpServer::on_connect`. It works with `bind_rustls_0_23` and `listen_rustls_0_23`, and does nothing for connections
/// without TLS or over another TLS library.
///
/// ```
/// use actix_web::{App, HttpServer};
/// use jwt_actix::tls_peer;
///
/// let server = HttpServer::new(|| App::new()).on_connect(tls_peer);
/// // `server.bind_rustls_0_23(address, config)?` asks clients for certificates if `config` does.
/// # drop(server);
/// ```
///
/// A server has one such callback. If you have your own, call this in it.
///
/// The server decides whether it asks clients for a certificate and which ones it accepts: see `WebPkiClientVerifier` of rustls. A
/// client without one has a peer without a certificate. Handlers can read the [`Peer`] with `HttpRequest::conn_data`.
pub fn tls_peer(connection: &dyn Any, data: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() {
        let (_, connection) = stream.get_ref();
        data.insert(Peer::from(connection));
    }
}
