use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use jwt_core::gate::{Answer, HeaderEdit, ResponseView};

use crate::RejectionBody;
use crate::request::HttpView;

/// Creates the response to a request that isn't let through.
pub(crate) fn reject<B: RejectionBody>(request: &HttpView<'_>, answer: Answer) -> Response<B> {
    // gRPC needs HTTP/2 ("PROTOCOL-HTTP2.md"). To any other client 200 means permission.
    let grpc = B::GRPC && request.version == Version::HTTP_2;
    respond(if grpc { answer.for_grpc(request) } else { answer })
}

/// Converts an answer of the core into a response.
pub(crate) fn respond<B: RejectionBody>(answer: Answer) -> Response<B> {
    let mut response = Response::new(B::from_bytes(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    edit(response.headers_mut(), answer.headers.into_iter().map(|(name, value)| HeaderEdit::append(name, value)));
    if let Some(error) = answer.error {
        response.extensions_mut().insert(error);
    }
    response
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
