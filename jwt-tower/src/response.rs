use http::{HeaderName, HeaderValue, Response, StatusCode};
use jwt_core::challenge::Refusal;
use jwt_core::endpoint::Answer;

use crate::RefusalBody;
use crate::request::ResponseHeader;

/// The answer to a request that is not let through.
pub(crate) fn refuse<B: RefusalBody>(refusal: Refusal) -> Response<B> {
    let mut response = Response::new(B::from_bytes(refusal.body));
    *response.status_mut() = status(refusal.challenge.status);
    add_headers(&mut response, refusal.challenge.headers);
    response.extensions_mut().insert(refusal.error);
    response
}

/// An answer that the core gives by itself.
pub(crate) fn answer<B: RefusalBody>(answer: Answer) -> Response<B> {
    let mut response = Response::new(B::from_bytes(answer.body));
    *response.status_mut() = status(answer.status);
    add_headers(&mut response, answer.headers);
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
}

fn add_headers<B>(response: &mut Response<B>, headers: Vec<(&'static str, String)>) {
    for (name, value) in headers {
        // The core makes values of visible ASCII only; one that were not would be left out, not let through.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
}

pub(crate) fn add_header<B>(response: &mut Response<B>, header: ResponseHeader) {
    if let Some((name, value)) = header {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
