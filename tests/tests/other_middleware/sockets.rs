//! WebSockets, with a client from another crate, and server-sent events. Both frameworks serve them on a port.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use futures_util::SinkExt as _;
use futures_util::stream::{self, Stream, StreamExt as _};
use jwt_actix::JwtMiddleware;
use jwt_core::Verifier;
use jwt_core::revocation::{MemoryRevocations, Revocation, RevocationSettings};
use jwt_core::testing::ManualClock;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{builder, good};
use jwt_tower::JwtLayer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A service whose connections stay open until their token ends.
struct Service {
    address: SocketAddr,
    clock: ManualClock,
    revocations: MemoryRevocations,
    verifier: Verifier,
    turned: watch::Sender<u32>,
}

/// When open connections check their token again: each turn of the test is one check.
#[derive(Clone)]
struct Turns(watch::Receiver<u32>);

impl Turns {
    fn sleep(&self) -> impl FnMut(Duration) -> futures_util::future::BoxFuture<'static, ()> + use<> {
        let (turns, mut slept) = (self.0.clone(), 0);
        move |_| {
            let (mut turns, past) = (turns.clone(), slept);
            slept += 1;
            Box::pin(async move { drop(turns.wait_for(|turn| *turn > past).await) })
        }
    }
}

impl Service {
    /// Starts the same service on both frameworks.
    async fn both() -> [Self; 2] {
        [Self::start(true).await, Self::start(false).await]
    }

    async fn start(is_axum: bool) -> Self {
        let clock = ManualClock::at(NOW);
        let settings = RevocationSettings::new().clock(clock.clone());
        let revocations = MemoryRevocations::with_settings(settings);
        let verifier = builder().clock(clock.clone()).revocations(revocations.clone()).build().expect("a verifier");
        let (turned, turns) = watch::channel(0);
        let turns = Turns(turns);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        if is_axum {
            let router = Router::new().route("/socket", any(axum_socket)).route("/events", any(axum_events));
            let router = router.layer(JwtLayer::new(verifier.clone())).with_state(turns);
            listener.set_nonblocking(true).expect("a socket");
            let listener = TcpListener::from_std(listener).expect("a listener");
            tokio::spawn(axum::serve(listener, router).into_future());
        } else {
            let jwt = verifier.clone();
            let app = move || {
                App::new()
                    .wrap(JwtMiddleware::new(jwt.clone()))
                    .app_data(web::Data::new(turns.clone()))
                    .route("/socket", web::get().to(actix_socket))
                    .route("/events", web::get().to(actix_events))
            };
            rt::spawn(HttpServer::new(app).workers(1).listen(listener).expect("a listener").disable_signals().run());
        }
        Self { address, clock, revocations, verifier, turned }
    }

    async fn connect(&self, token: Option<&str>) -> Result<WebSocketStream<TcpStream>, Error> {
        let mut request = format!("ws://{}/socket", self.address).into_client_request().expect("a request");
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().expect("a header value");
            request.headers_mut().insert("authorization", value);
        }
        let stream = TcpStream::connect(self.address).await.expect("the server listens");
        client_async(request, stream).await.map(|(socket, _)| socket)
    }

    /// Makes the open connections check their token.
    fn check(&self) {
        self.turned.send_modify(|turn| *turn += 1);
    }

    async fn revoke(&self, token: &str) {
        let verified = self.verifier.verify(token).await.expect("a good token");
        self.revocations.revoke(&Revocation::token(&verified)).expect("space");
    }
}

async fn axum_socket(upgrade: WebSocketUpgrade, verified: jwt_tower::Verified, State(turns): State<Turns>) -> Response {
    upgrade.on_upgrade(move |socket| axum_echo(socket, verified, turns))
}

async fn axum_echo(mut socket: WebSocket, verified: jwt_tower::Verified, turns: Turns) {
    let mut ended = std::pin::pin!(verified.until_invalid(turns.sleep()));
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(message @ Message::Text(_))) => drop(socket.send(message).await),
                _ => return,
            },
            error = &mut ended => {
                let frame = CloseFrame { code: 4401, reason: error.code().into() };
                drop(socket.send(Message::Close(Some(frame))).await);
                return;
            }
        }
    }
}

async fn axum_events(verified: jwt_tower::Verified, State(turns): State<Turns>) -> impl IntoResponse {
    let ended = verified.until_invalid(turns.sleep());
    Sse::new(hello().take_until(Box::pin(ended)).map(|data| Ok::<_, Infallible>(Event::default().data(data))))
}

/// One event, and no end.
fn hello() -> impl Stream<Item = &'static str> {
    stream::iter(["hello"]).chain(stream::pending())
}

async fn actix_socket(
    request: HttpRequest,
    body: web::Payload,
    verified: jwt_actix::Verified,
    turns: web::Data<Turns>,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    rt::spawn(actix_echo(session, messages, verified, turns));
    Ok(response)
}

async fn actix_echo(
    mut session: actix_ws::Session,
    mut messages: actix_ws::MessageStream,
    verified: jwt_actix::Verified,
    turns: web::Data<Turns>,
) {
    let mut ended = std::pin::pin!(verified.until_invalid(turns.sleep()));
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(Ok(actix_ws::Message::Text(text))) => drop(session.text(text).await),
                _ => return,
            },
            error = &mut ended => {
                let reason = (actix_ws::CloseCode::Other(4401), error.code()).into();
                drop(session.close(Some(reason)).await);
                return;
            }
        }
    }
}

async fn actix_events(verified: jwt_actix::Verified, turns: web::Data<Turns>) -> HttpResponse {
    let ended = verified.until_invalid(turns.sleep());
    let events = hello().take_until(Box::pin(ended));
    let events = events.map(|data| Ok::<_, Infallible>(web::Bytes::from(format!("data: {data}\n\n"))));
    HttpResponse::Ok().content_type("text/event-stream").streaming(events)
}

async fn echoes(socket: &mut WebSocketStream<TcpStream>, word: &str) {
    socket.send(tungstenite::Message::text(word)).await.expect("open");
    assert_eq!(socket.next().await.expect("open").expect("an echo"), tungstenite::Message::text(word));
}

/// Returns the code and the reason of the server's close frame.
async fn closed(mut socket: WebSocketStream<TcpStream>) -> (u16, String) {
    let message = socket.next().await.expect("open").expect("a frame");
    let tungstenite::Message::Close(Some(frame)) = message else { panic!("the socket is closed: {message}") };
    (frame.code.into(), frame.reason.as_str().to_owned())
}

#[actix_web::test]
async fn a_handshake_without_a_valid_token_is_refused_like_any_request() {
    for service in Service::both().await {
        for (token, challenge) in [
            (None, r#"Bearer realm="api""#),
            (Some(good().claim("exp", 1).sign()), r#"Bearer realm="api", error="invalid_token""#),
        ] {
            let error = service.connect(token.as_deref()).await.expect_err("refused");
            let Error::Http(response) = error else { panic!("{error}") };
            assert_eq!(
                (response.status().as_u16(), &response.headers()["www-authenticate"]),
                (401, &challenge.parse().expect("a value"))
            );
        }
    }
}

#[actix_web::test]
async fn a_socket_closes_when_its_token_expires() {
    for service in Service::both().await {
        let mut socket = service.connect(Some(&good().sign())).await.expect("a good token");
        for (word, passes) in [("one", 100), ("two", 259)] {
            echoes(&mut socket, word).await;
            service.clock.advance(Duration::from_secs(passes));
            service.check();
        }
        echoes(&mut socket, "three").await;
        service.clock.advance(Duration::from_secs(1));
        service.check();
        assert_eq!(closed(socket).await, (4401, "expired".to_owned()));
    }
}

#[actix_web::test]
async fn a_socket_closes_when_its_token_is_revoked_and_others_stay_open() {
    for service in Service::both().await {
        let (revoked, other) = (good().claim("jti", "revoked").sign(), good().claim("jti", "other").sign());
        let mut socket = service.connect(Some(&revoked)).await.expect("a good token");
        let mut second = service.connect(Some(&other)).await.expect("a good token");
        echoes(&mut socket, "one").await;
        echoes(&mut second, "one").await;
        service.revoke(&revoked).await;
        service.check();
        assert_eq!(closed(socket).await, (4401, "revoked".to_owned()));
        echoes(&mut second, "two").await;
        assert!(service.connect(Some(&revoked)).await.is_err());
    }
}

#[actix_web::test]
async fn server_sent_events_end_when_their_token_is_revoked() {
    for service in Service::both().await {
        let token = good().sign();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(format!("http://{}/events", service.address)).bearer_auth(&token);
        let mut response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let event = response.chunk().await.expect("open").expect("an event");
        assert_eq!(event, "data: hello\n\n");
        service.revoke(&token).await;
        service.check();
        assert_eq!(response.chunk().await.expect("an orderly end"), None);
    }
}
