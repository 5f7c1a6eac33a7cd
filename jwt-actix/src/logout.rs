use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, Route, web};
use jwt_core::logout::BackChannelLogout;

use crate::response;

/// Serves [`BackChannelLogout`]: the address that an OpenID provider posts logout tokens to.
///
/// ```
/// # use jwt_core::revocation::MemoryRevocations;
/// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
/// use actix_web::App;
/// use jwt_actix::back_channel_logout;
/// use jwt_core::logout::BackChannelLogout;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
/// # let (builder, revocations) = (Verifier::builder().issuer(issuer.audience("client-id")), MemoryRevocations::new());
/// let logout = BackChannelLogout::new(builder, revocations)?;
/// let app = App::new().route("/backchannel-logout", back_channel_logout(logout));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn back_channel_logout(logout: BackChannelLogout) -> Route {
    web::route().to(move |request: HttpRequest, body: web::Payload| {
        let logout = logout.clone();
        async move {
            // One that is too long or breaks off has no token.
            let body = match body.to_bytes_limited(BackChannelLogout::MAX_BODY).await {
                Ok(Ok(body)) => body,
                _ => web::Bytes::new(),
            };
            let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
            response::answer(logout.answer(request.method().as_str(), content_type, &body).await)
        }
    })
}
