//! Many requests with proofs on real sockets, while the nonces change under way: none is refused.
//!
//! The variable `JWT_PROOFS` sets how many are sent to each framework. Default: 1,000.

use std::collections::BTreeSet;
use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::routing::get;
use jwt_core::proof::Dpop;
use jwt_core::testing::ManualClock;
use jwt_core::{Clock as _, Verifier};
use jwt_tests::adapter::Adapter;
use jwt_tests::forge::NOW;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::issuer;
use reqwest::{Client, StatusCode};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

const CLIENTS: usize = 8;
/// A second passes after this many requests of each client.
const PER_SECOND: usize = 5;
const NONCE_PERIOD: Duration = Duration::from_secs(10);

enum Server {
    Axum(JoinHandle<std::io::Result<()>>),
    Actix(ServerHandle),
}

impl Server {
    fn start(adapter: Adapter, verifier: Verifier) -> (Self, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let url = format!("http://{}/me", listener.local_addr().expect("bound"));
        let server = if adapter == Adapter::Axum {
            listener.set_nonblocking(true).expect("a socket");
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
            let app = Router::new().route("/me", get(async |_: jwt_tower::Verified| "me"));
            let app = app.layer(jwt_tower::JwtLayer::new(verifier));
            Self::Axum(tokio::spawn(axum::serve(listener, app).into_future()))
        } else {
            let middleware = jwt_actix::JwtMiddleware::new(verifier);
            let me = async |_: jwt_actix::Verified| "me";
            let app =
                move || App::new().service(web::resource("/me").wrap(middleware.clone()).route(web::get().to(me)));
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).expect("a socket").run();
            let handle = server.handle();
            tokio::spawn(server);
            Self::Actix(handle)
        };
        (server, url)
    }

    async fn stop(self) {
        match self {
            Self::Axum(task) => task.abort(),
            Self::Actix(handle) => handle.stop(false).await,
        }
    }
}

/// Sends this many requests with a key of its own. Returns the nonces that it was given.
async fn client(url: String, number: usize, clock: ManualClock, seconds: Arc<Barrier>) -> BTreeSet<String> {
    let (device, http) = (Device::default(), Client::builder().no_proxy().build().expect("a client"));
    let token = device.good().claim("exp", NOW + 1_000_000).sign();
    let (mut nonces, mut nonce) = (BTreeSet::new(), None::<String>);
    for sent in 0..number {
        if sent % PER_SECOND == 0 && seconds.wait().await.is_leader() {
            clock.advance(Duration::from_secs(1));
        }
        loop {
            let proof = device.proof("GET", "/me", &token).claim("iat", clock.now().as_secs());
            let proof = if let Some(nonce) = &nonce { proof.claim("nonce", nonce.as_str()) } else { proof };
            let request = http.get(&url).header("authorization", format!("DPoP {token}")).header("dpop", proof.sign());
            let response = request.send().await.expect("an answer");
            let is_asked = nonce.is_none();
            if let Some(next) = response.headers().get("dpop-nonce") {
                let next = next.to_str().expect("text").to_owned();
                nonces.insert(next.clone());
                nonce = Some(next);
            }
            match response.status() {
                StatusCode::OK => break,
                // Only the first request of a client has no nonce.
                StatusCode::UNAUTHORIZED if is_asked => assert!(nonce.is_some(), "a nonce comes with the refusal"),
                status => panic!("request {sent} of {number}: {status} {:?}", response.headers()),
            }
        }
    }
    nonces
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_proofs_none_is_refused_while_nonces_rotate() {
    let number = std::env::var("JWT_PROOFS").map_or(1_000, |number| number.parse().expect("a number"));
    let of_each = number / CLIENTS;
    for adapter in Adapter::ALL {
        let clock = ManualClock::at(NOW);
        let dpop = Dpop::new(BASE).nonces([7; 32]).nonce_period(NONCE_PERIOD);
        let builder = Verifier::builder().issuer(issuer().dpop_required()).dpop(dpop).clock(clock.clone());
        let (server, url) = Server::start(adapter, builder.build().expect("a verifier"));
        let seconds = Arc::new(Barrier::new(CLIENTS));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(client(url.clone(), of_each, clock.clone(), Arc::clone(&seconds))))
            .collect();
        let periods = (of_each / PER_SECOND) / usize::try_from(NONCE_PERIOD.as_secs()).expect("few");
        for client in clients {
            let nonces = client.await.expect("no request is refused");
            assert!(nonces.len() >= periods.max(2), "{adapter:?}: {} nonces in {periods} periods", nonces.len());
        }
        server.stop().await;
    }
}
