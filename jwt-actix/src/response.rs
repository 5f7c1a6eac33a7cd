use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, SET_COOKIE};
use jwt_core::challenge::Refusal;
use jwt_core::endpoint::Answer;

use crate::request::{self, ResponseHeader};

/// The answer to a request that is not let through.
pub(crate) fn refuse<B>(request: ServiceRequest, refusal: Refusal) -> ServiceResponse<EitherBody<B>> {
    request.into_response(answer(refusal).map_into_right_body())
}

pub(crate) fn answer(refusal: impl Into<Answer>) -> HttpResponse<BoxBody> {
    let answer: Answer = refusal.into();
    let body = if answer.body.is_empty() { BoxBody::new(()) } else { BoxBody::new(answer.body) };
    let mut response = HttpResponse::with_body(status(answer.status), body);
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

/// Withholds the response if the request reached its handler by another path than its route was allowed for.
pub(crate) fn withhold<B>(response: ServiceResponse<EitherBody<B>>) -> ServiceResponse<EitherBody<B>> {
    if !request::path_is_changed(response.request()) {
        return response;
    }
    response.into_response(answer(Refusal::path_changed("JwtMiddleware")).map_into_right_body())
}

pub(crate) fn add_header<B>(response: &mut ServiceResponse<B>, header: ResponseHeader) {
    if let Some((name, value)) = header {
        let (name, headers) = (HeaderName::from_static(name), response.headers_mut());
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
