use crate::error::Class;
use crate::http::request::RequestView;

/// Returns whether the request declares itself to be gRPC: "PROTOCOL-HTTP2.md", Method and Content-Type.
/// `application/grpc-web` is another protocol.
pub(crate) fn is_grpc(request: &dyn RequestView) -> bool {
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

/// Returns the gRPC status code of a class, and a message that needs no escapes.
pub(crate) const fn status(class: Class) -> (&'static str, &'static str) {
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
    use crate::testing::BareRequest;

    #[test]
    fn a_grpc_request_is_recognized_by_method_and_content_type() {
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
}
