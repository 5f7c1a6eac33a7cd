use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use jwt_core::gate::{Answer, HeaderEdit, ResponseView};
use jwt_core::http::Rejection;

/// Creates the response to a request that isn't let through.
pub(crate) fn reject<B>(request: ServiceRequest, answer: Answer) -> ServiceResponse<EitherBody<B>> {
    request.into_response(respond(answer).map_into_right_body())
}

/// Converts an answer of the core into a response.
pub(crate) fn respond(answer: impl Into<Answer>) -> HttpResponse<BoxBody> {
    let answer: Answer = answer.into();
    let body = if answer.body.is_empty() { BoxBody::new(()) } else { BoxBody::new(answer.body) };
    let mut response = HttpResponse::with_body(status(answer.status), body);
    edit(response.headers_mut(), answer.headers.into_iter().map(|(name, value)| HeaderEdit::append(name, value)));
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
}

/// Replaces the response of a handler if the request reached it by another path than the one that was allowed.
pub(crate) fn withhold<B>(response: ServiceResponse<EitherBody<B>>) -> ServiceResponse<EitherBody<B>> {
    response.into_response(respond(Rejection::path_changed("JwtMiddleware")).map_into_right_body())
}

/// Changes the headers of a response.
pub(crate) fn edit(headers: &mut HeaderMap, edits: impl IntoIterator<Item = HeaderEdit>) {
    for HeaderEdit { name, value, replace, .. } in edits {
        // The core creates only legal names and values. An illegal one would be left out.
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(name == SET_COOKIE);
            if replace {
                headers.insert(name, value);
            } else {
                headers.append(name, value);
            }
        }
    }
}

/// A response's headers, borrowed by the core.
pub(crate) struct HeadersView<'r>(pub(crate) &'r HeaderMap);

impl ResponseView for HeadersView<'_> {
    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        for value in self.0.get_all(name) {
            each(value.as_bytes());
        }
    }
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
