use http::{Response, StatusCode, Version};
use jwt_core::gate::Answer;
use jwt_core::http::Headers as _;

use crate::RejectionBody;
use crate::headers::HeadersMut;
use crate::request::HttpView;

/// Creates the response to a request that isn't let through.
pub(crate) fn reject<B: RejectionBody>(request: &HttpView<'_>, answer: Answer) -> Response<B> {
    // gRPC needs HTTP/2 ("PROTOCOL-HTTP2.md"). To any other client 200 means permission.
    let answer = answer.render(Some(request));
    let grpc = B::GRPC && request.version == Version::HTTP_2;
    respond(if grpc { answer.for_grpc(request) } else { answer })
}

/// Converts an answer of the core into a response.
pub(crate) fn respond<B: RejectionBody>(answer: Answer) -> Response<B> {
    let answer = answer.render(None);
    let mut response = Response::new(B::from_bytes(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        HeadersMut(response.headers_mut()).append(name, value.into_bytes());
    }
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
}
