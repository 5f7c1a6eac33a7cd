//! Compares the decision by the CSRF field of a form, in chunks of any size, with `form_urlencoded` on the whole body.

#![no_main]

use std::sync::LazyLock;

use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::http::{Csrf, TokenSources};
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
    let Ok(mut admission) = outcome else { return assert_eq!(claim, "") };
    let mut form = admission.take_inspection().expect("the claim has to be repeated");
    let (mut rest, mut taken) = (&body[..], 0);
    while !rest.is_empty() {
        let most = input.pick(&[rest.len(), 1, 7, 1 << 10, 1 << 15, 1 << 16, 0]).min(rest.len());
        let chunk = if most == 0 && input.is_empty() { rest } else { &rest[..most] };
        let fed = form.feed(chunk);
        taken += fed;
        if fed < chunk.len() {
            break;
        }
        rest = &rest[chunk.len()..];
    }

    let (read, outcome) = form.finish(false);
    assert_eq!(taken, body.len().min(LIMIT));
    assert!(read == body[..taken], "the body is given back");
    let outcome = outcome.ready().expect("there's nothing to wait for");
    let expected = expected(&body).is_some_and(|value| value == claim);
    assert_eq!(outcome.is_ok(), expected, "{claim} in {} bytes", body.len());
});

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
