//! Forms with a CSRF field, in bodies of every kind and over real connections.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::{fmt, io};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::routing::post;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::SizeHint;
use http_body_util::{BodyExt as _, Full};
use jwt_core::http::{Csrf, TokenSources};
use jwt_core::{Error, Verifier};
use jwt_tests::setup::{builder, good};
use jwt_tower::JwtLayer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tower::limit::ConcurrencyLimit;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

/// The bytes of a form that are read, as documented on `Csrf::form_field`.
const LIMIT: usize = 64 * 1024;

fn verifier() -> Verifier {
    let sources = TokenSources::new().cookie("session").csrf(Csrf::new().form_field("csrf_token"));
    builder().sources(sources).build().expect("a verifier")
}

fn request<B>(body: B) -> Request<B> {
    let token = good().claim("csrf", "s3cret").sign();
    let request =
        Request::post("/").header("cookie", format!("session={token}")).header("sec-fetch-site", "same-origin");
    request.header("content-type", "application/x-www-form-urlencoded").body(body).expect("a request")
}

/// A request whose token needs no field. Its form is read all the same, because the token isn't known yet.
fn claimless(body: Body) -> Request<Body> {
    let mut request = request(body);
    let cookie = format!("session={}", good().sign()).parse().expect("a header value");
    request.headers_mut().insert("cookie", cookie);
    request
}

fn code<B>(response: &Response<B>) -> Option<&'static str> {
    response.extensions().get::<Error>().map(Error::code)
}

#[derive(Debug)]
struct Cable;

impl fmt::Display for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cable was cut")
    }
}

impl std::error::Error for Cable {}

/// How many errors wrap the expected one.
fn depth(error: &axum::Error) -> Option<usize> {
    let chain = std::iter::successors(error.source(), |&error| error.source());
    chain.enumerate().find(|(_, error)| error.is::<Cable>()).map(|(depth, _)| depth)
}

#[tokio::test]
async fn a_body_keeps_its_length_its_trailers_and_its_error() {
    let inner = service_fn(|request: Request<Body>| async {
        let body = request.into_body();
        let (hint, is_end) = (body.size_hint(), body.is_end_stream());
        let seen = match body.collect().await {
            Ok(body) => {
                let trailer = body.trailers().and_then(|trailers| trailers.get("x-sum")).cloned();
                let trailer = trailer.map(|value| value.to_str().expect("text").to_owned());
                let length = body.to_bytes().len();
                let (least, most) = (hint.lower(), hint.upper().unwrap_or(u64::MAX));
                assert!((least..=most).contains(&(length as u64)), "{hint:?}");
                (Ok(length), trailer)
            }
            Err(error) => (Err(depth(&error)), None),
        };
        Ok::<_, Infallible>(Response::builder().extension((seen, hint, is_end)).body(Body::empty()).expect("legal"))
    });
    let service = JwtLayer::new(verifier()).layer(inner);
    let chunks = |sizes: &[usize]| {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, Cable>(Bytes::from(vec![b'x'; *size]))).collect();
        stream::iter(chunks)
    };
    let trailers = || async {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("42"));
        Some(Ok(trailers))
    };
    let (limit, long) = (LIMIT, 3 * LIMIT + 1);
    let trailed = |length| Body::new(Body::from_stream(chunks(&[length])).with_trailers(trailers()));
    let broken = |length| Body::from_stream(stream::iter([Ok(Bytes::from(vec![b'x'; length])), Err(Cable)]));
    let untouched = depth(&broken(1).collect().await.expect_err("broken"));
    assert!(untouched.is_some());
    for (body, expected) in [
        (Body::empty(), (Ok(0), None)),
        (Body::from(vec![b'x'; 10]), (Ok(10), None)),
        (Body::from(vec![b'x'; limit]), (Ok(limit), None)),
        (Body::from(vec![b'x'; long]), (Ok(long), None)),
        (Body::from_stream(chunks(&[1, 2, 0, 3])), (Ok(6), None)),
        (Body::from_stream(chunks(&[limit, limit])), (Ok(2 * limit), None)),
        (trailed(1), (Ok(1), Some("42".to_owned()))),
        (trailed(long), (Ok(long), Some("42".to_owned()))),
        (broken(1), (Err(untouched), None)),
        (broken(long), (Err(untouched), None)),
    ] {
        type Seen = (Result<usize, Option<usize>>, Option<String>);
        let (hint, is_empty) = (body.size_hint(), body.is_end_stream());
        let response = service.clone().oneshot(claimless(body)).await.expect("no error");
        let seen = response.extensions().get::<(Seen, SizeHint, bool)>().expect("the handler ran");
        assert_eq!((&seen.0, seen.2), (&expected, is_empty));
        assert!(
            seen.1.lower() >= hint.lower() && (hint.exact().is_none() || seen.1.exact() == hint.exact()),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn the_ready_service_is_called_and_released() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let inner = service_fn(move |_: Request<Body>| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    let mut service = JwtLayer::new(verifier()).layer(ConcurrencyLimit::new(inner, 1));
    for _ in 0..3 {
        // A body that never arrives, and a client that disconnects.
        let never = Body::from_stream(stream::pending::<io::Result<Bytes>>());
        let mut response = Box::pin(service.ready().await.expect("ready").call(request(never)));
        assert!(response.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        drop(response);
        let response = service.ready().await.expect("ready").call(request(Body::from("csrf_token=s3cret")));
        assert_eq!(response.await.expect("a response").status(), StatusCode::OK);
        let response = service.ready().await.expect("ready").call(request(Body::from("csrf_token=other")));
        assert_eq!(code(&response.await.expect("a response")), Some("csrf_failed"));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_field_in_a_body_of_another_type_is_ignored() {
    let inner =
        service_fn(|request: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::new(request.into_body())) });
    let service = JwtLayer::new(verifier()).layer(inner);
    let refused = service.clone().oneshot(request(Full::from("csrf_token=s3cret"))).await.expect("a response");
    assert_eq!((refused.status(), code(&refused)), (StatusCode::FORBIDDEN, Some("csrf_failed")));
    let mut request = request(Full::from("a=b"));
    request.headers_mut().insert("x-csrf-token", http::HeaderValue::from_static("s3cret"));
    let response = service.oneshot(request).await.expect("a response");
    assert_eq!(response.into_body().collect().await.expect("a body").to_bytes(), "a=b");
}

/// The same application on both frameworks, which echoes the body.
struct Servers {
    addresses: [SocketAddr; 2],
    axum: JoinHandle<io::Result<()>>,
    actix: ServerHandle,
}

impl Servers {
    fn start() -> Self {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let (first, second) = (listen(), listen());
        let addresses = [&first, &second].map(|listener| listener.local_addr().expect("bound"));

        first.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(first).expect("a socket");
        let router = Router::new().route("/", post(async |body: Bytes| body)).layer(JwtLayer::new(verifier()));
        let axum = tokio::spawn(axum::serve(listener, router).into_future());

        let middleware = jwt_actix::JwtMiddleware::new(verifier());
        let server = HttpServer::new(move || {
            let app = App::new().app_data(web::PayloadConfig::new(1 << 20)).wrap(middleware.clone());
            app.route("/", web::post().to(async |body: Bytes| body))
        });
        let server = server.workers(1).disable_signals().listen(second).expect("a socket").run();
        let actix = server.handle();
        tokio::spawn(server);
        Self { addresses, axum, actix }
    }

    async fn stop(self) {
        self.axum.abort();
        self.actix.stop(false).await;
    }
}

/// A connection whose bytes the test writes itself.
struct Wire(BufReader<TcpStream>);

impl Wire {
    async fn to(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.expect("the server listens")))
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("an open connection");
        self.0.flush().await.expect("an open connection");
    }

    async fn head(&mut self, headers: &str) {
        let token = good().claim("csrf", "s3cret").sign();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: api.example\r\ncookie: session={token}\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\n{headers}\r\n\r\n"
        );
        self.write(head).await;
    }

    async fn response(&mut self) -> (u16, Vec<u8>) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(self.0.read_u8().await.expect("a head")));
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("a body");
        (status, body)
    }
}

#[tokio::test]
async fn connections_carry_forms_of_every_size_and_the_next_request() {
    let servers = Servers::start();
    for address in servers.addresses {
        let mut wire = Wire::to(address).await;
        for length in [18, 1000, LIMIT, LIMIT + 1, 200_000] {
            let mut form = b"csrf_token=s3cret&".to_vec();
            form.resize(length, b'x');
            wire.head(&format!("content-length: {length}")).await;
            wire.write(&form).await;
            let (status, body) = wire.response().await;
            assert!(status == 200 && body == form, "{address} {status} {length}");

            wire.head("transfer-encoding: chunked").await;
            for chunk in form.chunks(7777) {
                wire.write(format!("{:x}\r\n", chunk.len())).await;
                wire.write(chunk).await;
                wire.write("\r\n").await;
            }
            wire.write("0\r\n\r\n").await;
            let (status, body) = wire.response().await;
            assert!(status == 200 && body == form, "{address} {status} {length} in chunks");

            wire.head("content-length: 16").await;
            wire.write("csrf_token=other").await;
            assert_eq!(wire.response().await, (403, vec![]), "{address}");
        }
        // The client gets `100 Continue` before it sends the body, because the body is needed.
        wire.head("content-length: 17\r\nexpect: 100-continue").await;
        assert_eq!(wire.response().await, (100, vec![]), "{address}");
        wire.write("csrf_token=s3cret").await;
        assert_eq!(wire.response().await, (200, b"csrf_token=s3cret".to_vec()), "{address}");
    }
    servers.stop().await;
}
