use std::fmt;
use std::sync::Arc;

use crate::authorize::{Access, Requirement, Routes, all, no_credentials};
use crate::error::{Class, Error, ErrorKind};
use crate::gate::{Admission, Answer, Extent, Gate, Inspection, RequestState};
use crate::http::challenge::Scheme;
use crate::http::cookies::SetCookies;
use crate::http::csrf::{CsrfCheck, CsrfOutcome, FormField};
use crate::http::request::RequestView;
use crate::http::token::{Location, NoToken, RawToken, WEBSOCKET_BEARER, offers_bearer};
use crate::observe;
use crate::step::Step;
use crate::verified::Verified;

use super::pipeline::Pipeline;
use super::signature::Signature;
use super::{Verifier, explain};

/// Authenticates requests: a [`Verifier`], and what happens to requests without a valid token. Layers and middleware use one.
///
/// Created from a `Verifier`, it requires a valid token in every request.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    mode: Mode,
    routes: Option<Arc<Routes>>,
    requirement: Option<Arc<dyn Requirement>>,
    preflights: bool,
}

#[derive(Clone)]
enum Mode {
    Required,
    Optional,
    Lenient(Arc<dyn Fn(&Error) -> bool + Send + Sync>),
}

/// The access rule of a request's route.
#[derive(Clone)]
struct RouteAccess {
    /// Whether a request without credentials passes.
    optional: bool,
    /// The requirement that the token must meet. If set, a request without a token is refused.
    requirement: Option<Arc<dyn Requirement>>,
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self { verifier, mode: Mode::Required, routes: None, requirement: None, preflights: false }
    }
}

impl RouteAccess {
    /// The error for a request without credentials.
    fn no_credentials(&self) -> Error {
        match &self.requirement {
            Some(requirement) => no_credentials(&**requirement),
            None => ErrorKind::NoCredentials.into(),
        }
    }
}

impl Authenticator {
    /// Lets requests without credentials through, as anonymous. A request with an invalid token is still refused.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.mode = Mode::Optional;
        self
    }

    /// Lets a request through as anonymous if `pass` returns `true` for its error, even if it has an invalid token.
    ///
    /// Clients then never learn that their token is bad: a user whose session expired looks like a guest. Use
    /// [`optional`](Self::optional) instead. If some errors must pass, list them one by one.
    #[must_use]
    pub fn dangerous_anonymous_when(mut self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.mode = Mode::Lenient(Arc::new(pass));
        self
    }

    /// Applies the access rules of `routes`, and refuses requests to routes without a rule. Default: every request needs a token,
    /// and any valid token will do.
    ///
    /// The route comes from the framework's router. If the adapter cannot see it, the [fallback](Routes::fallback) decides, and by
    /// default refuses the request. `jwt-tower` sees routes only with its feature `axum` (on by default), inside axum's router.
    #[must_use]
    pub fn routes(mut self, routes: Routes) -> Self {
        self.routes = Some(Arc::new(routes));
        self
    }

    /// Requires a token that meets `requirement` in every request. Default: any valid token will do.
    ///
    /// It's a layer for requirements and this one in one. In addition, the 401 of a request without a token names the scopes of
    /// the requirement, so that a client knows what to request. With a separate layer for the requirement further in, it cannot:
    /// this one has answered before.
    ///
    /// Every request needs a token then, even if this is [`optional`](Self::optional). With [`routes`](Self::routes), the
    /// requirement applies in addition to that of a route; routes that are public or optional stay so. Called again, all of the
    /// requirements must be met.
    #[must_use]
    pub fn require(mut self, requirement: impl Requirement + 'static) -> Self {
        self.requirement = Some(match self.requirement.take() {
            Some(earlier) => Arc::new(all((earlier, Arc::new(requirement) as Arc<dyn Requirement>))),
            None => Arc::new(requirement),
        });
        self
    }

    /// Lets CORS preflights through: `OPTIONS` requests with `Origin` and `Access-Control-Request-Method`. Default: off.
    ///
    /// Browsers send preflights without credentials, for CORS middleware to answer. Put that middleware outside of this layer if
    /// you can: it then answers preflights first, and browsers can also read rejections. Use this method if it has to be inside.
    ///
    /// Any client can send these two headers, and handlers that answer `OPTIONS` then run without a token, for example handlers
    /// for every method (`any(..)` in axum, `web::resource(..).to(..)` in actix-web). Extractors, requirements, principals and
    /// forwarding refuse a preflight, even on optional routes, so make sure that every such handler uses one of them.
    #[must_use]
    pub const fn pass_preflights(mut self) -> Self {
        self.preflights = true;
        self
    }

    fn passes(&self, error: &Error, optional: bool) -> bool {
        match &self.mode {
            Mode::Required => optional && error.kind() == ErrorKind::NoCredentials,
            Mode::Optional => error.kind() == ErrorKind::NoCredentials,
            Mode::Lenient(pass) => pass(error) || (optional && error.kind() == ErrorKind::NoCredentials),
        }
    }
}

/// An authenticator, and the checks for the resource of one request.
#[derive(Clone, Copy)]
struct Authentication<'a> {
    authenticator: &'a Authenticator,
    pipeline: &'a Arc<Pipeline>,
}

/// The same for a request that has to wait.
struct OwnedAuthentication {
    authenticator: Authenticator,
    pipeline: Arc<Pipeline>,
}

impl OwnedAuthentication {
    const fn borrow(&self) -> Authentication<'_> {
        Authentication { authenticator: &self.authenticator, pipeline: &self.pipeline }
    }
}

impl Authentication<'_> {
    fn to_owned(self) -> OwnedAuthentication {
        OwnedAuthentication { authenticator: self.authenticator.clone(), pipeline: Arc::clone(self.pipeline) }
    }

    fn decide(self, request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let context = &self.pipeline.context;
        if self.authenticator.preflights && is_preflight(request) {
            return Step::Ready(Ok(Admission::with_state(RequestState::preflight(Arc::clone(context)))));
        }
        let Some(routes) = &self.authenticator.routes else {
            let access = RouteAccess { optional: false, requirement: self.authenticator.requirement.clone() };
            return self.identify(request, state, access);
        };
        match routes.access(request) {
            Access::Public => Step::Ready(Ok(Admission::with_state(RequestState::guest(Arc::clone(context))))),
            Access::Optional => self.identify(request, state, RouteAccess { optional: true, requirement: None }),
            Access::Requires(requirement) => {
                let requirement = match &self.authenticator.requirement {
                    Some(own) => Arc::new(all((Arc::clone(own), requirement))),
                    None => requirement,
                };
                self.identify(request, state, RouteAccess { optional: false, requirement: Some(requirement) })
            }
        }
    }

    #[cfg_attr(not(feature = "testing"), expect(unused_variables, reason = "only tests put a token into the state"))]
    fn identify(
        self,
        request: &dyn RequestView,
        state: &RequestState,
        access: RouteAccess,
    ) -> Step<Result<Admission, Answer>> {
        let token = match self.authenticator.verifier.sources().find_token(request) {
            Ok(token) => token,
            Err(refused) => {
                #[cfg(feature = "testing")]
                if let (Some(token), ErrorKind::NoCredentials) = (state.assumed(), refused.kind) {
                    return self.assume(request, token, access);
                }
                return Step::Ready(self.without_token(refused, request, &access));
            }
        };
        let location = token.location;
        let verification =
            self.pipeline.start(&token.bytes, || token.text(), Some(location), Some(request), Signature::Checked);
        let selects_protocol = location == Location::WebSocketProtocol && offers_bearer(request);
        let RawToken { csrf, removal, .. } = token;
        let entry = match verification {
            // Most requests. Their result is written once, and not copied.
            Step::Ready(Ok(verified)) if csrf.is_none() && !verified.nonce_ends() && !selects_protocol => {
                return pass(verified, access);
            }
            Step::Ready(outcome) => self.conclude(outcome, location.scheme(), csrf, removal, access),
            Step::Pending(pending) => {
                let (this, csrf) = (self.to_owned(), csrf.map(|csrf| Box::new(csrf.into_owned())));
                pending.then(move |outcome| this.borrow().conclude(outcome, location.scheme(), csrf, removal, access))
            }
        };
        if selects_protocol { entry.map(|outcome| outcome.map(select_protocol)) } else { entry }
    }

    /// Identifies the sender by a token that a test put into the request's extensions.
    #[cfg(feature = "testing")]
    fn assume(self, request: &dyn RequestView, token: &str, access: RouteAccess) -> Step<Result<Admission, Answer>> {
        let location = Location::Authorization;
        let verification =
            self.pipeline.start(token.as_bytes(), || Ok(token), Some(location), Some(request), Signature::Assumed);
        let this = self.to_owned();
        let conclude = move |outcome| this.borrow().conclude(outcome, location.scheme(), None, None, access);
        verification.then(conclude)
    }

    fn without_token(
        self,
        refused: NoToken,
        request: &dyn RequestView,
        access: &RouteAccess,
    ) -> Result<Admission, Answer> {
        let error = match refused.kind {
            ErrorKind::NoCredentials => explain::absence(access.no_credentials(), request, is_preflight(request)),
            kind => kind.into(),
        };
        let mut admission = self.refuse(error, Scheme::Bearer, None, access);
        // A guest on an optional route isn't a refusal, so there is nothing to report.
        if let Err(answer) = &mut admission {
            if let Some(error) = &answer.error {
                self.pipeline.context.observe(error);
            }
            answer.headers.extend(refused.removals.into_iter().map(|value| ("set-cookie", value)));
        }
        admission
    }

    fn conclude(
        self,
        outcome: Result<Verified, Error>,
        scheme: Scheme,
        csrf: Option<Box<CsrfCheck<'_>>>,
        removal: Option<Arc<[String]>>,
        access: RouteAccess,
    ) -> Step<Result<Admission, Answer>> {
        let verified = match outcome {
            Ok(verified) => verified,
            Err(error) => return Step::Ready(self.refuse(error, scheme, removal.as_ref(), &access)),
        };
        match csrf.map_or(CsrfOutcome::Passed, |csrf| csrf.finish(verified.payload())) {
            CsrfOutcome::Passed if verified.nonce_ends() => {
                let nonce = self.pipeline.proof_nonce();
                pass(verified, access).map(|outcome| outcome.map(|admission| with_next_nonce(admission, nonce)))
            }
            CsrfOutcome::Passed => pass(verified, access),
            CsrfOutcome::Failed => Step::Ready(self.without_proof(removal.as_ref(), &access)),
            // Only a request with a valid token gets its body read.
            CsrfOutcome::CheckForm(field) => {
                let this = self.to_owned();
                let inspection = Inspection::new(FormField::LIMIT, move |form, extent| match extent {
                    Extent::Whole if field.is_in(form, false) => pass(verified, access),
                    Extent::Cut if field.is_in(form, true) => pass(verified, access),
                    _ => Step::Ready(this.borrow().without_proof(removal.as_ref(), &access)),
                });
                Step::Ready(Ok(Admission::inspecting(inspection)))
            }
        }
    }

    fn without_proof(self, removal: Option<&Arc<[String]>>, access: &RouteAccess) -> Result<Admission, Answer> {
        let error = Error::from(ErrorKind::CsrfFailed);
        self.pipeline.context.observe(&error);
        self.refuse(error, Scheme::Bearer, removal, access)
    }

    fn refuse(
        self,
        error: Error,
        scheme: Scheme,
        removal: Option<&Arc<[String]>>,
        access: &RouteAccess,
    ) -> Result<Admission, Answer> {
        let context = &self.pipeline.context;
        if self.authenticator.passes(&error, access.optional) {
            observe::anonymous(&context.observer);
            return match access.requirement {
                Some(_) => Err(context.refuse(access.no_credentials()).into()),
                None => Ok(Admission::with_state(RequestState::guest(Arc::clone(context)))),
            };
        }
        let (kind, class) = (error.kind(), error.class());
        let mut answer = Answer::from(context.challenger.refuse_in(scheme, error));
        // RFC 9449 sections 8.2 and 9: a stored answer would bring an old nonce back.
        if kind == ErrorKind::StaleNonce
            && let Some(nonce) = self.pipeline.proof_nonce()
        {
            answer.headers.extend([("dpop-nonce", nonce), ("cache-control", "no-store".to_owned())]);
        }
        // A browser would keep sending a bad cookie, so it's removed. After an outage, or if the token is valid but not
        // sufficient, it stays.
        if let (Some(removal), Class::Refused | Class::Malformed) = (removal, class) {
            answer.headers.extend(removal.iter().map(|value| ("set-cookie", value.clone())));
        }
        Err(answer)
    }
}

impl Gate for Authenticator {
    fn enter(&self, request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>> {
        let target = if self.verifier.looks_at_targets() { request.target() } else { "" };
        if let Some(metadata) = self.verifier.metadata_at(target) {
            return Step::Ready(Err(metadata.answer(request.method())));
        }
        Authentication { authenticator: self, pipeline: self.verifier.pipeline_for(target) }.decide(request, state)
    }
}

/// Admits a request with a valid token, unless its route requires more.
#[inline]
fn pass(verified: Verified, access: RouteAccess) -> Step<Result<Admission, Answer>> {
    let Some(requirement) = access.requirement else { return Step::Ready(Ok(admit(verified))) };
    match verified.require(&*requirement) {
        Step::Ready(Ok(())) => Step::Ready(Ok(admit(verified))),
        Step::Ready(Err(refusal)) => Step::Ready(Err(refusal.into())),
        pending => pending.map(|outcome| outcome.map(|()| admit(verified)).map_err(Answer::from)),
    }
}

/// Selects the protocol that announced the token, unless the handler selects another one. Browsers close a connection whose
/// response selects none of the offered protocols.
fn select_protocol(admission: Admission) -> Admission {
    admission.after_response(|response| {
        if response.has("sec-websocket-accept") && !response.has("sec-websocket-protocol") {
            response.append("sec-websocket-protocol", WEBSOCKET_BEARER.into());
        }
        Step::Ready(SetCookies::default())
    })
}

/// Gives the client the next nonce. RFC 9449 section 8.2: a stored response would bring back an old one.
fn with_next_nonce(admission: Admission, nonce: Option<String>) -> Admission {
    let Some(nonce) = nonce else { return admission };
    admission.after_response(move |response| {
        response.remove("dpop-nonce");
        response.append("dpop-nonce", nonce.into_bytes());
        if !response.has("cache-control") {
            response.append("cache-control", b"no-store".to_vec());
        }
        Step::Ready(SetCookies::default())
    })
}

#[inline]
fn admit(verified: Verified) -> Admission {
    // RFC 6750 section 2.3: shared caches must not store responses to requests with a token in the URL.
    let in_query = verified.location() == Some(Location::Query);
    let admission = Admission::with_state(RequestState::authenticated(verified));
    if in_query {
        admission.after_response(|response| {
            if !response.has("cache-control") {
                response.append("cache-control", b"private".to_vec());
            }
            Step::Ready(SetCookies::default())
        })
    } else {
        admission
    }
}

/// Whether the request is a CORS preflight. Fetch section 4.8, "CORS-preflight fetch".
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
    fn an_optional_route_needs_no_credentials_even_if_some_errors_pass() {
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
                let error = entry.ready().expect("no wait").err().and_then(|answer| answer.error);
                assert_eq!(error.map(|error| error.kind()), refused, "{authenticator:?} {route}");
            }
        }
    }
}
