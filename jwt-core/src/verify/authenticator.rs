use std::fmt;
use std::sync::Arc;

use crate::authorize::{Access, Requirement, Routes};
use crate::error::{Class, Error, ErrorKind};
use crate::gate::ResourceMetadata;
use crate::gate::{Admission, AfterResponse, Answer, Extent, Gate, Inspection, RequestState};
use crate::http::csrf::{CsrfCheck, CsrfOutcome, FormField};
use crate::http::request::RequestView;
use crate::http::token::{Location, NoToken, RawToken};
use crate::observe;
use crate::step::Step;
use crate::verified::Verified;

use super::Verifier;

/// A verifier, and what to do with requests that it does not accept. Layers and middleware hold one.
///
/// As made from a [`Verifier`], every request needs a token.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    mode: Mode,
    routes: Option<Arc<Routes>>,
    preflights: bool,
}

#[derive(Clone)]
enum Mode {
    Required,
    Optional,
    Lenient(Arc<dyn Fn(&Error) -> bool + Send + Sync>),
}

/// What a request's route says about tokens.
#[derive(Clone)]
struct Terms {
    /// Whether a request without credentials passes.
    optional: bool,
    /// What a token has to meet. A request without one is refused then.
    requirement: Option<Arc<dyn Requirement>>,
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self { verifier, mode: Mode::Required, routes: None, preflights: false }
    }
}

impl Authenticator {
    /// Lets requests without credentials pass, as anonymous. Credentials that are there must still be good.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.mode = Mode::Optional;
        self
    }

    /// Lets requests pass, as anonymous, for whose error `pass` returns `true`: without credentials, but also with bad
    /// ones.
    ///
    /// An expired session then looks like none at all, and a client never learns that its token is bad. Rather use
    /// [`optional`](Self::optional); where some errors must pass, name them one by one.
    #[must_use]
    pub fn dangerous_anonymous_when(mut self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.mode = Mode::Lenient(Arc::new(pass));
        self
    }

    /// Asks of each request what `routes` says about its route, and refuses those about which it says nothing. Default:
    /// every request needs a token, and any good one will do.
    ///
    /// Routes are what the adapter lends of its framework's router. Where it lends none, every request is one that matches no
    /// route, for the [fallback](Routes::fallback) to decide, and by default refused: `jwt-tower` sees routes with its
    /// feature `axum-routing` and inside of axum's router alone.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = Some(Arc::new(routes));
        self
    }

    /// Lets CORS preflights pass: `OPTIONS` requests with `Origin` and `Access-Control-Request-Method`. Default: off.
    ///
    /// Browsers send them without credentials, and they are for CORS middleware to answer. It is better placed outside, where
    /// it answers them before any of this runs, and lets browsers read refusals as well. Where it can only stand inside, this
    /// lets them through to it. Nobody is admitted: extractors, requirements, principals and forwarding refuse what reaches
    /// them, even where guests are welcome. A handler that answers `OPTIONS` and asks for none of these runs, such as one for
    /// every method (`any(..)` of axum, `web::resource(..).to(..)` of actix-web): whoever sends two headers is let pass as a
    /// preflight.
    #[must_use]
    pub const fn pass_preflights(mut self) -> Self {
        self.preflights = true;
        self
    }

    /// The metadata of the resource, if that is what the request is for.
    fn metadata(&self, request: &dyn RequestView) -> Option<&ResourceMetadata> {
        let metadata = self.verifier.resource_metadata()?;
        (request.target().split('?').next() == Some(metadata.path())).then_some(metadata)
    }

    fn identify(&self, request: &dyn RequestView, terms: Terms) -> Step<Result<Admission, Answer>> {
        let token = match self.verifier.sources().find_token(request) {
            Ok(token) => token,
            Err(refused) => return Step::Ready(self.without_token(refused, &terms)),
        };
        let verification = self.verifier.begin(&token.bytes, || token.text(), Some(token.location));
        let RawToken { csrf, removal, .. } = token;
        match verification {
            Step::Ready(outcome) => self.conclude(outcome, csrf, removal, terms),
            Step::Pending(pending) => {
                let (this, csrf) = (self.clone(), csrf.into_owned());
                pending.then(move |outcome| this.conclude(outcome, csrf, removal, terms))
            }
        }
    }

    fn without_token(&self, refused: NoToken, terms: &Terms) -> Result<Admission, Answer> {
        let mut admission = self.refuse(refused.kind.into(), None, terms);
        // A guest on an optional route isn't a refusal, so there is nothing to report.
        if let Err(answer) = &mut admission {
            if let Some(error) = &answer.error {
                self.verifier.context().observe(error);
            }
            answer.headers.extend(refused.removals.into_iter().map(|value| ("set-cookie", value)));
        }
        admission
    }

    fn conclude(
        &self,
        outcome: Result<Verified, Error>,
        csrf: CsrfCheck<'_>,
        removal: Option<Arc<str>>,
        terms: Terms,
    ) -> Step<Result<Admission, Answer>> {
        let verified = match outcome {
            Ok(verified) => verified,
            Err(error) => return Step::Ready(self.refuse(error, removal.as_ref(), &terms)),
        };
        match csrf.finish(verified.payload()) {
            CsrfOutcome::Passed => pass(verified, terms),
            CsrfOutcome::Failed => Step::Ready(self.without_proof(removal.as_ref(), &terms)),
            // The token is good, so its request is worth reading.
            CsrfOutcome::CheckForm(field) => {
                let this = self.clone();
                let inspection = Inspection::new(FormField::LIMIT, move |form, extent| match extent {
                    Extent::Whole if field.is_in(form, false) => pass(verified, terms),
                    Extent::Cut if field.is_in(form, true) => pass(verified, terms),
                    _ => Step::Ready(this.without_proof(removal.as_ref(), &terms)),
                });
                Step::Ready(Ok(Admission::inspecting(inspection)))
            }
        }
    }

    fn without_proof(&self, removal: Option<&Arc<str>>, terms: &Terms) -> Result<Admission, Answer> {
        let error = Error::from(ErrorKind::CsrfFailed);
        self.verifier.context().observe(&error);
        self.refuse(error, removal, terms)
    }

    fn refuse(&self, error: Error, removal: Option<&Arc<str>>, terms: &Terms) -> Result<Admission, Answer> {
        let context = self.verifier.context();
        if self.passes(&error, terms.optional) {
            observe::anonymous(&*context.observer);
            return match terms.requirement {
                Some(_) => Err(context.refuse(ErrorKind::NoCredentials.into()).into()),
                None => Ok(Admission::with_state(RequestState::guest(Arc::clone(context)))),
            };
        }
        let class = error.class();
        let mut answer = Answer::from(context.challenger.refuse(error));
        // A browser would send a bad cookie again and again. An outage says nothing about it, and a good token that isn't
        // enough stays.
        if let (Some(removal), Class::Refused | Class::Malformed) = (removal, class) {
            answer.headers.push(("set-cookie", removal.to_string()));
        }
        Err(answer)
    }

    fn passes(&self, error: &Error, optional: bool) -> bool {
        match &self.mode {
            Mode::Required => optional && error.kind() == ErrorKind::NoCredentials,
            Mode::Optional => error.kind() == ErrorKind::NoCredentials,
            Mode::Lenient(pass) => pass(error) || (optional && error.kind() == ErrorKind::NoCredentials),
        }
    }
}

impl Gate for Authenticator {
    fn enter(&self, request: &dyn RequestView, _state: &RequestState) -> Step<Result<Admission, Answer>> {
        if let Some(metadata) = self.metadata(request) {
            return Step::Ready(Err(metadata.answer(request.method())));
        }
        let context = self.verifier.context();
        if self.preflights && is_preflight(request) {
            return Step::Ready(Ok(Admission::with_state(RequestState::preflight(Arc::clone(context)))));
        }
        let Some(routes) = &self.routes else {
            return self.identify(request, Terms { optional: false, requirement: None });
        };
        match routes.access(request) {
            Access::Public => Step::Ready(Ok(Admission::with_state(RequestState::guest(Arc::clone(context))))),
            Access::Optional => self.identify(request, Terms { optional: true, requirement: None }),
            Access::Requires(requirement) => {
                self.identify(request, Terms { optional: false, requirement: Some(requirement) })
            }
        }
    }
}

/// Admits a request with a good token, unless its route requires more.
fn pass(verified: Verified, terms: Terms) -> Step<Result<Admission, Answer>> {
    let Some(requirement) = terms.requirement else { return Step::Ready(Ok(admit(verified))) };
    match verified.require(&*requirement) {
        Step::Ready(Ok(())) => Step::Ready(Ok(admit(verified))),
        Step::Ready(Err(refusal)) => Step::Ready(Err(refusal.into())),
        pending => pending.map(|outcome| outcome.map(|()| admit(verified)).map_err(Answer::from)),
    }
}

fn admit(verified: Verified) -> Admission {
    // RFC 6750 section 2.3: an answer to a token in the address must not be stored by shared caches.
    let in_query = verified.location() == Some(Location::Query);
    let admission = Admission::with_state(RequestState::token(verified));
    if in_query {
        admission.after_response(AfterResponse::default_header("cache-control", "private"))
    } else {
        admission
    }
}

/// Whether a browser asks whether a script may ask: Fetch section 4.8, "CORS-preflight fetch".
fn is_preflight(request: &dyn RequestView) -> bool {
    let has = |name| {
        let mut found = false;
        request.header(name, &mut |_| found = true);
        found
    };
    request.method() == "OPTIONS" && has("origin") && has("access-control-request-method")
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "Required",
            Self::Optional => "Optional",
            Self::Lenient(_) => "Lenient",
        })
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use super::*;
    use crate::TrustedIssuer;
    use crate::jose::Algorithm;
    use crate::keys::Key;
    use crate::testing::BareRequest;

    #[test]
    fn an_optional_route_needs_no_credentials_whatever_else_passes() {
        let key = Key::from_secret(Algorithm::HS256, [7; 32]).expect("a key");
        let issuer = TrustedIssuer::new("https://id.example").key(key).audience("api");
        let verifier = Verifier::builder().issuer(issuer).build().expect("a verifier");
        let routes = || Routes::new().optional("/optional").require("/required", ());
        let plain = Authenticator::from(verifier).routes(routes());
        let lenient = plain.clone().dangerous_anonymous_when(|error| error.kind() == ErrorKind::Expired);
        for authenticator in [plain, lenient] {
            for (route, authorization, refused) in [
                ("/optional", None, None),
                ("/optional", Some("Bearer a"), Some(ErrorKind::MalformedToken)),
                ("/required", None, Some(ErrorKind::NoCredentials)),
            ] {
                let request = BareRequest::new("GET", "/").route(route);
                let request = match authorization {
                    Some(value) => request.header("authorization", value),
                    None => request,
                };
                let entry = authenticator.enter(&request, &RequestState::missing("JwtLayer"));
                let error = entry.ready().expect("nothing to wait for").err().and_then(|answer| answer.error);
                assert_eq!(error.map(|error| error.kind()), refused, "{authenticator:?} {route}");
            }
        }
    }
}
