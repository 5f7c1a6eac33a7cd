//! Compares the decision by the CSRF field of a form, in chunks of any size, with `form_urlencoded` on the whole body.

#![no_main]

use std::convert::Infallible;
use std::future::Future as _;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use jwt_core::Step;
use jwt_core::gate::{Admission, Answer, Exchange, Gate as _, RequestState, ResponseFuture};
use jwt_core::http::{Csrf, Headers, TokenSources};
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_fuzz::{Input, forge};
use libfuzzer_sys::fuzz_target;

const FIELD: &str = "csrf_token";
/// The most bytes of a body that are read.
const LIMIT: usize = 64 * 1024;
/// The possible values of the claim `csrf`.
const CLAIMS: [&str; 6] = ["s3 cret", "a", "x", "é", "%", ""];

static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    let sources = TokenSources::none().cookie("t").csrf(Csrf::new().form_field(FIELD));
    forge::LAX.with_sources(sources).into()
});
/// A request for each of the claims.
static REQUESTS: LazyLock<[BareRequest; 6]> = LazyLock::new(|| {
    CLAIMS.map(|claim| {
        BareRequest::new("POST", "/")
            .header("cookie", format!("t={}", forge::token(&format!(r#"{{"csrf":"{claim}"}}"#))))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
    })
});

const PARTS: [&str; 22] = [
    "&",
    "=",
    "csrf_token",
    "csrf%5Ftoken",
    "csrf_token=",
    "s3+cret",
    "x",
    "%25",
    "s3%20cret",
    "a",
    "%",
    "%4",
    "+",
    ";",
    "é",
    "%ff",
    "&&",
    "csrf_token=s3+cret&",
    "Csrf_token",
    "\0",
    "csrf",
    "_token",
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut body = Vec::new();
    for _ in 0..input.below(12) {
        match input.below(32) {
            // Close to the limit, on either side of it.
            0 => body.resize(LIMIT.max(body.len() + 32) - input.below(32), b'x'),
            1 => body.resize(body.len() + input.below(1 << 12), b'&'),
            2 => body.extend_from_slice(input.bytes(8)),
            _ => body.extend_from_slice(input.pick(&PARTS).as_bytes()),
        }
    }

    let which = input.below(CLAIMS.len());
    let (request, claim) = (&REQUESTS[which], CLAIMS[which]);
    let outcome = AUTHENTICATOR.enter(request, &RequestState::missing("")).ready().expect("the keys are there");
    // An empty claim cannot be repeated, so no form is read for it.
    if outcome.is_err() {
        return assert_eq!(claim, "");
    }
    let mut form = Form { input: &mut input, rest: &body, taken: 0, is_over: false, restored: None };
    let future = pin!(ResponseFuture::new(Step::Ready(outcome), &mut form));
    let Poll::Ready(Ok(admitted)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there's nothing to wait for");
    };
    assert_eq!(form.taken, body.len().min(LIMIT));
    assert!(form.restored.is_some_and(|restored| restored == body[..form.taken]), "the body is given back");
    let expected = expected(&body).is_some_and(|value| value == claim);
    assert_eq!(admitted, expected, "{claim} in {} bytes", body.len());
});

/// A form that arrives in pieces.
struct Form<'b, 'd> {
    input: &'b mut Input<'d>,
    rest: &'b [u8],
    taken: usize,
    is_over: bool,
    restored: Option<Vec<u8>>,
}

impl Exchange for &mut Form<'_, '_> {
    /// Whether the request was admitted.
    type Response = bool;
    type Error = Infallible;
    type Call = ();

    fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, _: &mut Context<'_>) -> Poll<bool> {
        assert!(!self.is_over, "the body is read once");
        while !self.rest.is_empty() && !self.is_over {
            let most = self.input.pick(&[self.rest.len(), 1, 7, 1 << 10, 1 << 15, 1 << 16, 0]).min(self.rest.len());
            let piece = if most == 0 && self.input.is_empty() { self.rest } else { &self.rest[..most] };
            let taken = take(piece);
            self.taken += taken;
            self.is_over = taken < piece.len();
            self.rest = &self.rest[taken..];
        }
        self.is_over = true;
        Poll::Ready(true)
    }

    fn restore_body(&mut self, taken: Vec<u8>) {
        self.restored = Some(taken);
    }

    fn call(self, _admission: &mut Admission) {}

    fn poll_call(_: Pin<&mut ()>, _: &mut Context<'_>) -> Poll<Result<ControlFlow<bool, bool>, Infallible>> {
        Poll::Ready(Ok(ControlFlow::Continue(true)))
    }

    fn answer(self, _answer: Answer) -> bool {
        false
    }

    fn headers(_response: &mut bool) -> impl Headers {
        NoHeaders
    }
}

/// The headers of a response, which this target ignores.
struct NoHeaders;

impl Headers for NoHeaders {
    fn lines(&self, _each: &mut dyn FnMut(&str, &[u8])) {}

    fn append(&mut self, _name: &str, _value: Vec<u8>) {}

    fn remove(&mut self, _name: &str) {}
}

/// Returns the field's value if exactly one such field ends before the limit.
fn expected(body: &[u8]) -> Option<String> {
    let mut values = Vec::new();
    let mut start = 0;
    for part in body.split(|&byte| byte == b'&') {
        let end = start + part.len();
        // Beyond the limit, a field counts only if the `&` after it was read.
        let is_whole = if body.len() > LIMIT { end < LIMIT } else { true };
        if is_whole {
            values.extend(
                form_urlencoded::parse(part).filter(|(name, _)| name == FIELD).map(|(_, value)| value.into_owned()),
            );
        }
        start = end + 1;
    }
    if values.len() == 1 { values.pop() } else { None }
}
