use super::challenger::Refusal;
use crate::error::Class;
use crate::request::RequestView;

impl Refusal {
    /// Puts the answer into the form of gRPC where the request says that it is gRPC: a `POST` whose content type is
    /// `application/grpc`. Others stay as they are.
    ///
    /// A gRPC client reads no status codes of HTTP: it gets 200 and, without a body, `grpc-status` and `grpc-message`, a
    /// constant. The challenge and `Retry-After` stay, as metadata.
    ///
    /// Proxies that decide by the status would take that 200 for permission, and what a request says of itself is the
    /// client's to choose. So this is for an adapter that knows by the type of the service's body that gRPC is what it serves,
    /// and by the version that the request came over HTTP/2.
    #[must_use]
    pub fn answering(mut self, request: &dyn RequestView) -> Self {
        if !is_grpc(request) {
            return self;
        }
        let (status, message) = status(self.error.class());
        self.challenge.status = 200;
        self.challenge.headers.retain(|(name, _)| *name != "content-type");
        self.challenge.headers.extend([
            ("content-type", "application/grpc".to_owned()),
            ("grpc-status", status.to_owned()),
            ("grpc-message", message.to_owned()),
        ]);
        self.body.clear();
        self
    }
}

/// Whether the request says that it is gRPC: "PROTOCOL-HTTP2.md", Method and Content-Type. `application/grpc-web` is another
/// protocol.
fn is_grpc(request: &dyn RequestView) -> bool {
    if request.method() != "POST" {
        return false;
    }
    let mut grpc = false;
    request.header("content-type", &mut |value| {
        let is = value.get(..16).is_some_and(|start| start.eq_ignore_ascii_case(b"application/grpc"));
        grpc |= is && matches!(value.get(16), None | Some(b'+' | b';' | b' '));
    });
    grpc
}

/// The code that gRPC has for it, and a message that needs no escapes.
const fn status(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Missing => ("16", "no credentials"),
        Class::Malformed => ("16", "malformed credentials"),
        Class::Refused => ("16", "invalid token"),
        Class::Forbidden => ("7", "not allowed"),
        Class::StepUp => ("16", "stronger login needed"),
        Class::Unavailable => ("14", "unavailable"),
        Class::Misuse => ("13", "internal error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::{Challenge, Challenger};
    use crate::error::ErrorKind;
    use crate::request::BareRequest;

    #[test]
    fn a_request_is_grpc_when_its_content_says_so() {
        for (content_type, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc;charset=utf-8", true),
            ("application/grpc ; x", true),
            ("Application/GRPC", true),
            ("application/grpc-web", false),
            ("application/grpc-web+proto", false),
            ("application/grpcx", false),
            ("application/json", false),
            ("", false),
        ] {
            let request = BareRequest::new("POST", "/").header("content-type", content_type);
            assert_eq!(is_grpc(&request), expected, "{content_type}");
        }
        assert!(!is_grpc(&BareRequest::new("POST", "/")));
        for method in ["GET", "HEAD", "PUT", "OPTIONS", "post"] {
            assert!(!is_grpc(&BareRequest::new(method, "/").header("content-type", "application/grpc")), "{method}");
        }
    }

    #[test]
    fn each_status_of_http_has_one_of_grpc() {
        for kind in ErrorKind::ALL {
            let refusal = Challenger::default().refuse((*kind).into());
            let expected = match refusal.challenge.status {
                400 | 401 => "16",
                403 => "7",
                503 => "14",
                _ => "13",
            };
            assert_eq!(status(kind.class()).0, expected, "{kind:?}");
            let kept = refusal.challenge.headers.clone();
            let request = BareRequest::new("POST", "/").header("content-type", "application/grpc");
            let Challenge { status, headers } = refusal.answering(&request).challenge;
            assert_eq!((status, &headers[..kept.len()], headers.len()), (200, &*kept, kept.len() + 3));
        }
    }
}
