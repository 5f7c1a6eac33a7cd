use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt as _, Empty, Full};

/// A response body that the layers can create for rejections.
///
/// The layers respond with the body type of the service that they wrap, so requests that pass need no boxing. For your own body
/// type, implement one function. If it cannot contain bytes, ignore them, and rejections have only a status and headers:
///
/// ```
/// use jwt_tower::RejectionBody;
///
/// #[derive(Default)]
/// struct Nothing;
///
/// impl RejectionBody for Nothing {
///     fn from_bytes(_: Vec<u8>) -> Self {
///         Self
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the layer cannot create the response body `{Self}` for rejections",
    label = "the response body of the service inside the layer",
    note = "for axum's body enable the feature `axum` of `jwt-tower`, for tonic's the feature `tonic`",
    note = "for your own body implement `jwt_tower::RejectionBody`; map any other body to `http_body_util::Full` or `BoxBody` \
            inside the layer"
)]
pub trait RejectionBody {
    /// Whether this is the body of a gRPC server. Rejections of HTTP/2 `POST` requests with the content type `application/grpc`
    /// then have gRPC's form: status 200 with `grpc-status`. Default: `false`; `true` for tonic's body.
    ///
    /// Keep `false` if the service also has clients without gRPC. gRPC clients understand 401, 403 and 503 too, but a proxy that
    /// checks only the status would take 200 for permission.
    const GRPC: bool = false;

    /// Creates a body from the bytes of a renderer. By default there are no bytes.
    fn from_bytes(bytes: Vec<u8>) -> Self;
}

impl<D> RejectionBody for Full<D>
where
    Self: From<Vec<u8>>,
{
    fn from_bytes(bytes: Vec<u8>) -> Self {
        bytes.into()
    }
}

/// Ignores the bytes: rejections have only a status and headers.
impl<D> RejectionBody for Empty<D> {
    fn from_bytes(_bytes: Vec<u8>) -> Self {
        Self::default()
    }
}

impl<E> RejectionBody for BoxBody<Bytes, E> {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::new(Full::from(bytes).map_err(|never| match never {}))
    }
}

impl<E> RejectionBody for UnsyncBoxBody<Bytes, E> {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::new(Full::from(bytes).map_err(|never| match never {}))
    }
}

#[cfg(feature = "axum")]
impl RejectionBody for axum_core::body::Body {
    fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::empty() } else { bytes.into() }
    }
}

#[cfg(feature = "tonic")]
impl RejectionBody for tonic::body::Body {
    const GRPC: bool = true;

    fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self::new(Full::<Bytes>::from(bytes)) }
    }
}
