//! WebSockets, with a client from another crate.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use futures_util::{SinkExt as _, StreamExt as _};
use jwt_core::testing::ManualClock;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{builder, good};
use jwt_tower::{JwtLayer, Verified};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async};

/// A server that echoes messages until the token ends. Each message makes it check the clock.
async fn serve(clock: &ManualClock, turns: watch::Receiver<u32>) -> SocketAddr {
    let upgrade = move |upgrade: WebSocketUpgrade, verified: Verified| {
        let turns = turns.clone();
        async move { upgrade.on_upgrade(move |socket| echo(socket, verified, turns)) as Response }
    };
    let verifier = builder().clock(clock.clone()).build().expect("a verifier");
    let router = Router::new().route("/", any(upgrade)).layer(JwtLayer::new(verifier));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

async fn echo(mut socket: WebSocket, verified: Verified, turns: watch::Receiver<u32>) {
    let mut ended = std::pin::pin!(verified.until_invalid(move |_| {
        let mut turns = turns.clone();
        turns.mark_unchanged();
        async move { drop(turns.changed().await) }
    }));
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

async fn connect(address: SocketAddr, token: Option<&str>) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut request = format!("ws://{address}/").into_client_request().expect("a request");
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().expect("a header value");
        request.headers_mut().insert("authorization", value);
    }
    let stream = TcpStream::connect(address).await.expect("the server listens");
    client_async(request, stream).await.map(|(socket, _)| socket)
}

#[tokio::test]
async fn a_handshake_without_a_valid_token_is_refused_like_any_request() {
    let (_turned, turns) = watch::channel(0);
    let address = serve(&ManualClock::at(NOW), turns).await;
    for (token, challenge) in [
        (None, r#"Bearer realm="api""#),
        (Some(good().claim("exp", 1).sign()), r#"Bearer realm="api", error="invalid_token""#),
    ] {
        let error = connect(address, token.as_deref()).await.expect_err("refused");
        let Error::Http(response) = error else { panic!("{error}") };
        assert_eq!(
            (response.status().as_u16(), &response.headers()["www-authenticate"]),
            (401, &challenge.parse().expect("a value"))
        );
    }
}

#[tokio::test]
async fn a_socket_closes_when_its_token_ends() {
    let clock = ManualClock::at(NOW);
    let (turned, turns) = watch::channel(0);
    let address = serve(&clock, turns).await;
    let mut socket = connect(address, Some(&good().sign())).await.expect("a good token");
    for (word, passes) in [("one", 100), ("two", 259)] {
        socket.send(tungstenite::Message::text(word)).await.expect("open");
        assert_eq!(socket.next().await.expect("open").expect("an echo"), tungstenite::Message::text(word));
        clock.advance(Duration::from_secs(passes));
        turned.send_modify(|turn| *turn += 1);
    }
    socket.send(tungstenite::Message::text("three")).await.expect("open");
    assert_eq!(socket.next().await.expect("open").expect("an echo"), tungstenite::Message::text("three"));
    clock.advance(Duration::from_secs(1));
    turned.send_modify(|turn| *turn += 1);
    let tungstenite::Message::Close(Some(frame)) = socket.next().await.expect("open").expect("a frame") else {
        panic!("the socket is closed")
    };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4401, "expired"));
}
