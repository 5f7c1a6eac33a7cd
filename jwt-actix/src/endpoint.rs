use std::future::poll_fn;

use actix_web::{HttpRequest, Route, web};
use jwt_core::gate::{Admission, Answer, Endpoint, Gate as _, RequestState};

use crate::inspect::Reading;
use crate::request::ActixView;
use crate::response;

/// Serves an [`Endpoint`] as a route: published keys, token refresh, logout, readiness probes, back-channel logout.
///
#[cfg_attr(feature = "issue", doc = "```")]
#[cfg_attr(not(feature = "issue"), doc = "```ignore")]
/// use actix_web::web::ServiceConfig;
/// use jwt_actix::endpoint;
/// use jwt_actix::jwt_core::BuildError;
/// use jwt_actix::jwt_core::issue::{KeyRing, Sessions};
///
/// fn routes(app: &mut ServiceConfig, ring: &KeyRing, sessions: &Sessions) -> Result<(), BuildError> {
///     app.route("/jwks", endpoint(ring.jwks()?))
///         .route("/refresh", endpoint(sessions.refresh_endpoint()));
///     Ok(())
/// }
/// ```
#[must_use]
pub fn endpoint(endpoint: impl Into<Endpoint>) -> Route {
    let endpoint = endpoint.into();
    web::route().to(move |request: HttpRequest, body: web::Payload| {
        let entry = endpoint.enter(&ActixView::of(&request, None), &RequestState::missing("endpoint"));
        async move { response::respond(answer(entry.wait().await, body).await) }
    })
}

async fn answer(entry: Result<Admission, Answer>, body: web::Payload) -> Answer {
    let inspection = match entry {
        Ok(mut admission) => admission.take_inspection(),
        Err(answer) => return answer,
    };
    let Some(inspection) = inspection else { return Answer::new(404) };
    let mut reading = Reading::new(inspection, body.into_inner());
    let (step, _) = poll_fn(|context| reading.poll(context)).await;
    // An endpoint admits no request, and its inspection is the only one.
    step.wait().await.err().unwrap_or_else(|| Answer::new(404))
}
