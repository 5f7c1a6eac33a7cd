use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use axum::Extension;
use axum::middleware::AddExtension;
use axum::serve::{IncomingStream, Listener};
use jwt_core::http::Peer;
use tokio_rustls::server::TlsStream;
use tower_layer::Layer as _;
use tower_service::Service;

/// Lets [`JwtLayer`](crate::JwtLayer) see the address and the certificate of clients, so that tokens can be bound to certificates
/// (RFC 8705).
///
/// Give the result to `axum::serve`. It works with every listener whose connections are `tokio_rustls::server::TlsStream`s, and each
/// request gets the [`Peer`] as an extension. Nothing else is needed: no layer, and no code in handlers.
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
///
/// use axum::Router;
/// use axum::serve::Listener;
/// use jwt_tower::tls_peer;
/// use tokio::net::TcpStream;
/// use tokio_rustls::server::TlsStream;
///
/// async fn serve(
///     listener: impl Listener<Io = TlsStream<TcpStream>, Addr = SocketAddr>,
///     app: Router,
/// ) -> io::Result<()> {
///     axum::serve(listener, tls_peer(app)).await
/// }
/// ```
///
/// A server without `axum::serve` does the same for each request: `request.extensions_mut().insert(Peer::from(connection))`, with the
/// connection that `TlsStream::get_ref` returns.
///
/// The server decides whether it asks clients for a certificate and which ones it accepts: see `WebPkiClientVerifier` of rustls. A
/// client without one has a peer without a certificate. Handlers can read it as `Extension<Peer>`.
pub fn tls_peer<L, T, S>(
    app: S,
) -> impl for<'a> Service<IncomingStream<'a, L>, Response = AddExtension<S, Peer>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static
where
    L: Listener<Io = TlsStream<T>, Addr = SocketAddr>,
    T: 'static,
    S: Clone + Send + 'static,
{
    WithPeer(app)
}

/// Adds the peer of each connection to its requests.
#[derive(Clone)]
struct WithPeer<S>(S);

impl<L, T, S> Service<IncomingStream<'_, L>> for WithPeer<S>
where
    L: Listener<Io = TlsStream<T>, Addr = SocketAddr>,
    S: Clone,
{
    type Response = AddExtension<S, Peer>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, stream: IncomingStream<'_, L>) -> Self::Future {
        let (_, connection) = stream.io().get_ref();
        let peer = Peer::from(connection).address(stream.remote_addr().ip());
        ready(Ok(Extension(peer).layer(self.0.clone())))
    }
}
