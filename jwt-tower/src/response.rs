use http::header::SET_COOKIE;
use http::{HeaderName, HeaderValue, Response, StatusCode, Version};
use jwt_core::challenge::Refusal;
use jwt_core::endpoint::Answer;

use crate::RefusalBody;
use crate::request::{HttpView, ResponseHeader};

/// The answer to a request that is not let through.
pub(crate) fn refuse<B: RefusalBody>(request: &HttpView<'_>, refusal: Refusal) -> Response<B> {
    // gRPC is HTTP/2 ("PROTOCOL-HTTP2.md"), and 200 a permission to whoever does not speak it.
    let grpc = B::GRPC && request.version == Version::HTTP_2;
    answer(if grpc { refusal.answering(request) } else { refusal }.into())
}

/// An answer that the core gives by itself.
pub(crate) fn answer<B: RefusalBody>(answer: Answer) -> Response<B> {
    let mut response = Response::new(B::from_bytes(answer.body));
    *response.status_mut() = status(answer.status);
    for (name, value) in answer.headers {
        // The core makes names and values that are legal; what were not would be left out, not let through.
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(name == SET_COOKIE);
            response.headers_mut().append(name, value);
        }
    }
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
}

pub(crate) fn add_header<B>(response: &mut Response<B>, header: ResponseHeader) {
    if let Some((name, value)) = header {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
