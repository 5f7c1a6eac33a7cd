use actix_web::HttpResponse;
use actix_web::body::{BoxBody, EitherBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use jwt_core::gate::Answer;
use jwt_core::http::{Headers as _, Rejection};

use crate::headers::HeadersMut;
use crate::request::ActixView;

/// Creates the response to a request that isn't let through.
pub(crate) fn reject<B>(request: ServiceRequest, answer: Answer) -> ServiceResponse<EitherBody<B>> {
    let answer = answer.render(Some(&ActixView::of(request.request(), None)));
    request.into_response(respond(answer).map_into_right_body())
}

/// Converts an answer of the core into a response.
pub(crate) fn respond(answer: impl Into<Answer>) -> HttpResponse<BoxBody> {
    let answer = answer.into().render(None);
    let body = if answer.body.is_empty() { BoxBody::new(()) } else { BoxBody::new(answer.body) };
    let mut response = HttpResponse::with_body(status(answer.status), body);
    for (name, value) in answer.headers {
        HeadersMut(response.headers_mut()).append(name, value.into_bytes());
    }
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
}

/// Replaces the response of a handler if the request reached it by another path than the one that was allowed.
pub(crate) fn withhold<B>(response: ServiceResponse<EitherBody<B>>) -> ServiceResponse<EitherBody<B>> {
    response.into_response(respond(Rejection::path_changed("JwtMiddleware")).map_into_right_body())
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
