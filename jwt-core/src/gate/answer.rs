use std::{fmt, mem};

use crate::error::Error;
use crate::http::challenge::{self, Challenge, Rejection, Renderer};
use crate::http::request::RequestView;

/// A response without the inner service, which adapters convert into their framework's response.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// Header names in lower case, and values of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The reason, if the answer rejects the request. Adapters put it into the response's extensions for outer layers.
    pub error: Option<Error>,
    /// Writes the body once the request is at hand.
    pub(crate) renderer: Option<Renderer>,
}

impl Answer {
    /// Creates an answer without headers and with an empty body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), error: None, renderer: None }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Writes the body of a rejection, if the verifier has a [renderer](crate::VerifierBuilder::renderer) and there is no body yet.
    ///
    /// Adapters call it before they convert an answer, with the request if they have it.
    #[must_use]
    pub fn render(mut self, request: Option<&dyn RequestView>) -> Self {
        let Some(renderer) = self.renderer.take() else { return self };
        if let (Some(error), true) = (&self.error, self.body.is_empty()) {
            let mut challenge = Challenge { status: self.status, headers: mem::take(&mut self.headers) };
            self.body = renderer.write(error, &mut challenge, request);
            self.headers = challenge.headers;
        }
        self
    }

    /// Converts a rejection into gRPC's form if the request is gRPC: a `POST` with the content type `application/grpc`. Any other
    /// answer stays the same.
    ///
    /// gRPC clients expect status 200, so the answer becomes 200 without a body, with `grpc-status` and a constant
    /// `grpc-message`. The challenge and `Retry-After` stay, as metadata.
    ///
    /// A proxy that checks only the status would take the 200 for permission, and any client can send this content type. So
    /// call this only if the service's body type is for gRPC, and only over HTTP/2.
    #[must_use]
    pub fn for_grpc(mut self, request: &dyn RequestView) -> Self {
        let Some(class) = self.error.as_ref().map(Error::class) else { return self };
        if !challenge::is_grpc(request) {
            return self;
        }
        let (status, message) = challenge::grpc_status(class);
        self.status = 200;
        self.headers.retain(|(name, _)| *name != "content-type");
        self.headers.extend([
            ("content-type", "application/grpc".to_owned()),
            ("grpc-status", status.to_owned()),
            ("grpc-message", message.to_owned()),
        ]);
        self.body.clear();
        self
    }
}

impl From<Rejection> for Answer {
    fn from(Rejection { error, challenge, body, renderer }: Rejection) -> Self {
        Self { status: challenge.status, headers: challenge.headers, body, error: Some(error), renderer }
    }
}

// The body may contain tokens.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::http::challenge::Challenger;
    use crate::testing::BareRequest;

    #[test]
    fn a_grpc_rejection_has_a_grpc_status_and_keeps_its_headers() {
        let request = BareRequest::new("POST", "/").header("content-type", "application/grpc");
        for kind in ErrorKind::ALL {
            let answer = Answer::from(Challenger::default().refuse((*kind).into()));
            let expected = match answer.status {
                400 | 401 => "16",
                403 => "7",
                503 => "14",
                _ => "13",
            };
            let kept = answer.headers.clone();
            let Answer { status, headers, .. } = answer.for_grpc(&request);
            assert_eq!((status, &headers[..kept.len()], headers.len()), (200, &*kept, kept.len() + 3));
            assert_eq!(headers[kept.len() + 1], ("grpc-status", expected.to_owned()), "{kind:?}");
        }
    }

    #[test]
    fn other_answers_and_other_requests_keep_their_status() {
        let grpc = BareRequest::new("POST", "/").header("content-type", "application/grpc");
        assert_eq!(Answer::new(405).for_grpc(&grpc).status, 405);
        let rejection = Answer::from(Challenger::default().refuse(ErrorKind::NoCredentials.into()));
        assert_eq!(rejection.for_grpc(&BareRequest::new("POST", "/")).status, 401);
    }
}
