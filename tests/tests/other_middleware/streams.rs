//! Streaming bodies, and streams that end with their token.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body_util::BodyExt as _;
use jwt_core::testing::ManualClock;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{builder, good};
use jwt_tower::{JwtLayer, Verified};
use tokio::sync::watch;
use tower::ServiceExt as _;

fn jwt(clock: &ManualClock) -> JwtLayer {
    JwtLayer::new(builder().clock(clock.clone()).build().expect("a verifier"))
}

fn ask(request: http::request::Builder, token: &str, body: Body) -> Request {
    request.header("authorization", format!("Bearer {token}")).body(body).expect("a request")
}

#[tokio::test]
async fn a_body_is_not_read_before_the_decision_nor_if_the_request_is_refused() {
    async fn echo(request: Request) -> Body {
        request.into_body()
    }
    let router = Router::new().route("/", post(echo)).layer(jwt(&ManualClock::at(NOW)));
    let untouchable = stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> {
        panic!("the body of a refused request was read")
    });
    let request = ask(Request::post("/"), "a", Body::from_stream(untouchable));
    assert_eq!(router.clone().oneshot(request).await.expect("infallible").status(), 401);

    // Each part is echoed before the next is sent.
    let (send, receive) = tokio::sync::mpsc::channel::<Bytes>(1);
    let parts = stream::unfold(receive, |mut receive| async move {
        let part = receive.recv().await?;
        Some((Ok::<_, Infallible>(part), receive))
    });
    let request = ask(Request::post("/"), &good().sign(), Body::from_stream(parts));
    let mut body = router.oneshot(request).await.expect("infallible").into_body();
    for part in ["one", "two", "three"] {
        send.send(Bytes::from(part)).await.expect("the receiver exists");
        let frame = body.frame().await.expect("a frame").expect("no error");
        assert_eq!(frame.into_data().expect("data"), part);
    }
    drop(send);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn server_sent_events_end_with_the_token() {
    let clock = ManualClock::at(NOW);
    // A sleep that ends when the test says so.
    let (turned, turns) = watch::channel(0_u32);
    let events = move |verified: Verified| {
        let turns = turns.clone();
        let sleep = move |_: Duration| {
            let mut turns = turns.clone();
            turns.mark_unchanged();
            async move { drop(turns.changed().await) }
        };
        let endless = stream::iter(["hello"]).chain(stream::pending());
        let events = endless.take_until(verified.until_invalid(sleep)).map(|data| Ok(Event::default().data(data)));
        std::future::ready(Sse::new(boxed(events)))
    };
    let router = Router::new().route("/", get(events)).layer(jwt(&clock));
    let request = ask(Request::get("/"), &good().sign(), Body::empty());
    let mut body = router.oneshot(request).await.expect("infallible").into_body();
    let frame = body.frame().await.expect("a frame").expect("no error");
    assert_eq!(frame.into_data().expect("data"), "data: hello\n\n");
    assert!(futures_util::poll!(body.frame()).is_pending());

    clock.advance(Duration::from_secs(359));
    turned.send_replace(1);
    assert!(futures_util::poll!(body.frame()).is_pending(), "the leeway has not ended");
    clock.advance(Duration::from_secs(1));
    turned.send_replace(2);
    assert!(body.frame().await.is_none());
}

fn boxed(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    Box::pin(events)
}
