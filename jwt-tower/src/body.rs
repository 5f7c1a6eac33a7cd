use bytes::Bytes;
use http_body_util::combinators::{BoxBody, UnsyncBoxBody};
use http_body_util::{BodyExt as _, Empty, Full};

/// A response body that a refusal can have.
///
/// The layers answer in the body type of the service that they wrap, so that nothing is boxed for requests that pass. A body
/// of your own implements it in one line; one that carries no bytes ignores them, and refusals are then a status and headers:
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
    message = "a refusal cannot have the body `{Self}`",
    label = "the inner service's response body",
    note = "enable the feature `axum` of `jwt-tower` for axum's body, or `tonic` for tonic's",
    note = "implement `jwt_tower::RejectionBody` for a body of your own; turn any other into an `http_body_util::Full` or \
            `BoxBody`, inside of the layer"
)]
pub trait RejectionBody {
    /// Whether this is the body of a server of gRPC, which is refused in the form of that protocol: status 200 with
    /// `grpc-status`, to `POST` requests of HTTP/2 whose content type is `application/grpc`. Default: `false`; true for tonic's.
    ///
    /// A service that also answers other clients leaves it so: gRPC clients understand 401, 403 and 503 too, while a proxy
    /// that decides by the status would take 200 for permission.
    const GRPC: bool = false;

    /// Makes a body of what a renderer wrote, which is nothing by default.
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

/// Carries nothing: refusals are a status and headers.
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
