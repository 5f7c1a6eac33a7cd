use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, Route, web};
use jwt_core::Verifier;

use crate::response;

/// Answers readiness probes: 200 when tokens of every issuer can be verified, otherwise 503, with the health of each
/// issuer as JSON. A probe starts a fetch of keys that are missing or due and doesn't wait for it: see
/// [`Verifier::readiness`].
///
/// Not for the public: it names the issuers.
///
/// ```
/// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
/// use actix_web::App;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
/// # let verifier = Verifier::builder().issuer(issuer.audience("https://api.example")).build()?;
/// let app = App::new().route("/ready", jwt_actix::readiness(verifier));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn readiness(verifier: Verifier) -> Route {
    web::route().to(move || {
        let readiness = verifier.readiness();
        std::future::ready(
            HttpResponse::build(response::status(readiness.status))
                .insert_header((CONTENT_TYPE, readiness.content_type))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(readiness.body),
        )
    })
}
