//! The program of the page "WebSockets, server-sent events and gRPC" for actix-web.

use std::pin::pin;
use std::time::Duration;

use actix_web::rt::{self, time::sleep};
use actix_web::web::Bytes;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use actix_ws::{CloseCode, Message, MessageStream, Session};
use futures_util::stream::{self, Stream, StreamExt as _};
use jwt_actix::jwt_core::http::TokenSources;
use jwt_actix::jwt_core::{BuildError, Error, TrustedIssuer, Verifier, VerifierBuilder};
use jwt_actix::{JwtMiddleware, Verified};

/// Server-sent events that end with the token.
async fn events(verified: Verified) -> HttpResponse {
    let ended = verified.until_invalid(sleep);
    let events = ticks().take_until(Box::pin(ended)).map(|tick| Ok::<_, actix_web::Error>(Bytes::from(tick)));
    HttpResponse::Ok().content_type("text/event-stream").streaming(events)
}

fn ticks() -> impl Stream<Item = String> {
    stream::unfold(1, |number| async move {
        sleep(Duration::from_secs(1)).await;
        Some((format!("data: tick {number}\n\n"), number + 1))
    })
}

/// The handshake is an ordinary request: `JwtMiddleware` has verified its token before this runs.
async fn socket(
    request: HttpRequest,
    body: web::Payload,
    verified: Verified,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, session, messages) = actix_ws::handle(&request, body)?;
    rt::spawn(echo(session, messages, verified));
    Ok(response)
}

async fn echo(mut session: Session, mut messages: MessageStream, verified: Verified) {
    let mut ended = pin!(verified.until_invalid(sleep));
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    if session.text(text).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Ping(bytes))) => {
                    if session.pong(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(Message::Pong(_))) => {}
                _ => return,
            },
            error = &mut ended => return close(session, &error).await,
        }
    }
}

/// Tells the client why. The codes from 4000 to 4999 are an application's own.
async fn close(session: Session, error: &Error) {
    drop(session.close(Some((CloseCode::Other(4401), error.code()).into())).await);
}

/// The verifier, with the issuers of this builder.
fn verifier(builder: VerifierBuilder) -> Result<Verifier, BuildError> {
    // A page can't set headers of a handshake, but it can do this: `new WebSocket(url, ["bearer", token])`.
    builder.sources(TokenSources::new().websocket_protocol()).build()
}

fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        let jwt = JwtMiddleware::new(verifier);
        app.service(web::resource("/events").wrap(jwt.clone()).get(events));
        app.service(web::resource("/socket").wrap(jwt).get(socket));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let verifier = verifier(Verifier::builder().issuer(issuer))?;
    HttpServer::new(move || App::new().configure(routes(verifier.clone()))).bind("127.0.0.1:8080")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::dev::Payload;
    use actix_web::web::Bytes;
    use actix_web::{App, test};
    use futures_util::stream::{self, StreamExt as _};
    use jwt_actix::jwt_core::testing::TestAuth;

    #[actix_web::test]
    async fn events_end_with_their_token() {
        tokio::time::pause();
        let auth = TestAuth::new();
        let app =
            test::init_service(App::new().configure(super::routes(super::verifier(auth.builder()).unwrap()))).await;
        let request =
            test::TestRequest::get().uri("/events").insert_header(("authorization", auth.token("ada").bearer()));
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), 200);
        // The token has ended when the stream checks it 30 seconds later, by the runtime's paused clock.
        auth.clock().advance(Duration::from_secs(3600));
        let events = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        assert!(!events.contains("tick 31"), "{events}");
    }

    /// A frame of a client: a short text, masked with zeros. RFC 6455 section 5.2.
    fn frame(text: &str) -> Bytes {
        [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat().into()
    }

    /// Connects with these protocols, sends `hello`, and stays until the server closes the connection.
    async fn connect(auth: &TestAuth, protocols: String) -> (u16, Option<String>, Vec<u8>) {
        let verifier = super::verifier(auth.builder()).unwrap();
        let app = test::init_service(App::new().configure(super::routes(verifier))).await;
        let request = test::TestRequest::get().uri("/socket").insert_header(("connection", "upgrade"));
        let request = request.insert_header(("upgrade", "websocket")).insert_header(("sec-websocket-version", "13"));
        let request = request.insert_header(("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="));
        let request = request.insert_header(("sec-websocket-protocol", protocols)).to_request();
        let sent = stream::iter([Ok(frame("hello"))]).chain(stream::pending());
        let payload: Payload = Payload::Stream { payload: Box::pin(sent) };
        let (request, _) = request.replace_payload(payload);
        let response = test::call_service(&app, request).await;
        let protocol = response.headers().get("sec-websocket-protocol").map(|name| name.to_str().unwrap().to_owned());
        (response.status().as_u16(), protocol, test::read_body(response).await.to_vec())
    }

    #[actix_web::test]
    async fn a_socket_ends_with_its_token() {
        tokio::time::pause();
        let auth = TestAuth::new();
        let protocols = format!("bearer, {}", auth.token("ada").sign());
        // The handshake is verified now, and the token has ended when the socket checks it 30 seconds later.
        let ends = async {
            actix_web::rt::time::sleep(Duration::from_secs(1)).await;
            auth.clock().advance(Duration::from_secs(3600));
        };
        let (answer, ()) = tokio::join!(connect(&auth, protocols), ends);
        let closed = [&[0x88, 9], &4401_u16.to_be_bytes()[..], b"expired"].concat();
        assert_eq!(answer, (101, Some("bearer".to_owned()), [&b"\x81\x05hello"[..], &closed].concat()));
    }

    #[actix_web::test]
    async fn a_socket_needs_a_token() {
        let auth = TestAuth::new();
        for protocols in ["chat", "bearer, a.b.c"] {
            assert_eq!(connect(&auth, protocols.to_owned()).await, (401, None, Vec::new()), "{protocols}");
        }
    }
}
