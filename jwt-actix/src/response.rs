use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use jwt_core::challenge::Refusal;
use jwt_core::metadata::MetadataAnswer;

use crate::request::{ActixView, ResponseHeader};

/// The answer to a request that is not let through.
pub(crate) fn refuse<B>(request: ServiceRequest, refusal: Refusal) -> ServiceResponse<EitherBody<B>> {
    let refusal = refusal.answering(&ActixView(&request));
    request.into_response(answer(refusal).map_into_right_body())
}

pub(crate) fn answer(refusal: Refusal) -> HttpResponse<BoxBody> {
    let body = if refusal.body.is_empty() { BoxBody::new(()) } else { BoxBody::new(refusal.body) };
    let mut response = HttpResponse::with_body(status(refusal.challenge.status), body);
    for (name, value) in refusal.challenge.headers {
        // The core makes values of visible ASCII only; one that were not would be left out, not let through.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response.extensions_mut().insert(refusal.error);
    response
}

/// The answer to a request for the resource's metadata.
pub(crate) fn metadata<B>(request: ServiceRequest, answer: MetadataAnswer) -> ServiceResponse<EitherBody<B>> {
    let body = if answer.body.is_empty() { BoxBody::new(()) } else { BoxBody::new(answer.body) };
    let mut response = HttpResponse::with_body(status(answer.status), body);
    for (name, value) in answer.headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    request.into_response(response.map_into_right_body())
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
