//! The program of the page "WebSockets, server-sent events and gRPC" for axum.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use futures_util::stream::{self, Stream, StreamExt as _};
use jwt_tower::jwt_core::http::TokenSources;
use jwt_tower::jwt_core::{BuildError, Error, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_tower::{JwtLayer, Verified};
use tokio::time::sleep;

/// Server-sent events that end with the token.
async fn events(verified: Verified) -> impl IntoResponse {
    let ended = verified.until_invalid(sleep);
    let events = ticks().take_until(Box::pin(ended)).map(|tick| Ok::<_, Infallible>(Event::default().data(tick)));
    Sse::new(events).keep_alive(KeepAlive::default())
}

fn ticks() -> impl Stream<Item = String> {
    stream::unfold(1, |number| async move {
        sleep(Duration::from_secs(1)).await;
        Some((format!("tick {number}"), number + 1))
    })
}

/// The handshake is an ordinary request: `JwtLayer` has verified its token before this runs.
async fn socket(upgrade: WebSocketUpgrade, verified: Verified) -> Response {
    upgrade.on_upgrade(move |socket| echo(socket, verified))
}

async fn echo(mut socket: WebSocket, verified: Verified) {
    let mut ended = pin!(verified.until_invalid(sleep));
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(message @ Message::Text(_))) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return,
            },
            error = &mut ended => return close(socket, &error).await,
        }
    }
}

/// Tells the client why. The codes from 4000 to 4999 are an application's own.
async fn close(mut socket: WebSocket, error: &Error) {
    let frame = CloseFrame { code: 4401, reason: error.code().into() };
    drop(socket.send(Message::Close(Some(frame))).await);
}

/// The application, with the issuers of this builder.
fn app(builder: VerifierBuilder) -> Result<Router, BuildError> {
    // A page can't set headers of a handshake, but it can do this: `new WebSocket(url, ["bearer", token])`.
    let verifier = builder.sources(TokenSources::new().websocket_protocol()).build()?;
    Ok(Router::new().route("/events", get(events)).route("/socket", get(socket)).layer(JwtLayer::new(verifier)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, app(Verifier::builder().issuer(issuer))?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use jwt_tower::jwt_core::testing::TestAuth;
    use tower::ServiceExt as _;

    #[tokio::test(start_paused = true)]
    async fn events_end_with_their_token() {
        let auth = TestAuth::new();
        let request =
            Request::get("/events").header("authorization", auth.token("ada").bearer()).body(Body::empty()).unwrap();
        let response = super::app(auth.builder()).unwrap().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        // The token has ended when the stream checks it 30 seconds later, by the runtime's paused clock.
        auth.clock().advance(Duration::from_secs(3600));
        let events = String::from_utf8(to_bytes(response.into_body(), 65_536).await.unwrap().to_vec()).unwrap();
        assert!(!events.contains("tick 31"), "{events}");
    }

    #[tokio::test]
    async fn a_socket_needs_a_token_and_takes_it_from_the_protocol_of_the_handshake() {
        let auth = TestAuth::new();
        let token = auth.token("ada").sign();
        for (protocol, status) in [("bearer, a.b.c".to_owned(), 401), (format!("bearer, {token}"), 426)] {
            let request = Request::get("/socket").header("connection", "upgrade").header("upgrade", "websocket");
            let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAA");
            let request = request.header("sec-websocket-protocol", protocol).body(Body::empty()).unwrap();
            let response = super::app(auth.builder()).unwrap().oneshot(request).await.unwrap();
            // Without a connection there's nothing to upgrade, but the handler was reached.
            assert_eq!(response.status(), status);
        }
    }
}
