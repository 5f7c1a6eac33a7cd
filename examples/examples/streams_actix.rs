//! The program of the page "WebSockets, server-sent events and gRPC" for actix-web.

use std::time::Duration;

use actix_web::rt::time::sleep;
use actix_web::web::Bytes;
use actix_web::{App, HttpResponse, HttpServer, web};
use futures_util::stream::{self, Stream, StreamExt as _};
use jwt_actix::jwt_core::{TrustedIssuer, Verifier};
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

fn routes(verifier: Verifier) -> impl FnOnce(&mut web::ServiceConfig) {
    move |app| {
        app.service(web::resource("/events").wrap(JwtMiddleware::new(verifier)).get(events));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TrustedIssuer::discover("http://127.0.0.1:3000/dev-issuer").audience("https://api.example");
    let verifier = Verifier::builder().issuer(issuer).build()?;
    HttpServer::new(move || App::new().configure(routes(verifier.clone()))).bind("127.0.0.1:8080")?.run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{App, test};
    use jwt_actix::jwt_core::testing::TestAuth;

    #[actix_web::test]
    async fn events_end_with_their_token() {
        tokio::time::pause();
        let auth = TestAuth::new();
        let app = test::init_service(App::new().configure(super::routes(auth.verifier()))).await;
        let request =
            test::TestRequest::get().uri("/events").insert_header(("authorization", auth.token("ada").bearer()));
        let response = test::call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), 200);
        // The token has ended when the stream looks after 30 seconds of the runtime's paused clock.
        auth.clock().advance(Duration::from_secs(3600));
        let events = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
        assert!(!events.contains("tick 31"), "{events}");
    }
}
