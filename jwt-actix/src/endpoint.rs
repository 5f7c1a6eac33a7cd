use std::future::poll_fn;

use actix_web::{HttpRequest, Route, web};
use jwt_core::endpoint::{Answering, Endpoint};

use crate::form::Reading;
use crate::request::ActixView;
use crate::response;

/// Serves an [`Endpoint`] of the core: keys that are published, tokens that are refreshed.
///
#[cfg_attr(feature = "issue", doc = "```")]
#[cfg_attr(not(feature = "issue"), doc = "```ignore")]
/// use actix_web::App;
/// use jwt_actix::endpoint;
/// # use jwt_core::crypto::SigningKey;
/// # use jwt_core::issue::{KeyRing, TokenIssuer};
/// # use jwt_core::session::{MemorySessions, Sessions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
/// # let tokens = TokenIssuer::builder("https://id.example", ring.clone()).audience("https://api.example").build()?;
/// # let sessions = Sessions::builder(tokens, MemorySessions::new()).build()?;
/// let app = App::new()
///     .route("/jwks", endpoint(ring.jwks()?))
///     .route("/refresh", endpoint(sessions.refresh_endpoint()));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn endpoint(endpoint: Endpoint) -> Route {
    web::route().to(move |request: HttpRequest, body: web::Payload| {
        let endpoint = endpoint.clone();
        async move {
            let view = ActixView::of(&request);
            let field = match endpoint.form_field(&view) {
                Some(field) => {
                    let mut reading = Reading::new(field, body.into_inner());
                    poll_fn(|context| reading.poll_payload(context)).await.0
                }
                None => None,
            };
            response::answer(match endpoint.answer(&view.with_form_field(field.as_deref())) {
                Answering::Ready(answer) => answer,
                Answering::Pending(pending) => pending.await,
            })
        }
    })
}
