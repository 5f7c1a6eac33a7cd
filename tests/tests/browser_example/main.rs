//! The browser example on both frameworks: its responses on real sockets, and its page in Chromium.

mod deployments;
mod page;
mod responses;

use std::future::IntoFuture as _;
use std::net::TcpListener;

use actix_web::{App, HttpServer};
use jwt_examples::browser::{Options, ReadingRoom, actix_routes, axum_routes};
use jwt_tests::adapter::Adapter;

/// Starts the example in this runtime, which stops it when it ends. Returns its address without a slash at the end.
fn open(adapter: Adapter, options: &Options) -> String {
    let room = ReadingRoom::new(options).expect("a room");
    let listener = TcpListener::bind(("127.0.0.1", options.port)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    if adapter == Adapter::Axum {
        listener.set_nonblocking(true).expect("a socket that does not block");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::spawn(axum::serve(listener, axum_routes(&room)).into_future());
    } else {
        let app = move || App::new().configure(actix_routes(&room));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a server");
        tokio::spawn(server.run());
    }
    format!("http://{address}")
}
