use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::authorize::{Access, Authorization, PendingAuthorization, Requirement, Routes, permit};
use crate::challenge::Refusal;
use crate::endpoint::Answer;
use crate::error::{Class, Error, ErrorKind};
use crate::metadata::ResourceMetadata;
use crate::observe;
use crate::request::RequestView;
use crate::token::{FormField, Location, NoToken, Proof};
use crate::verified::{Anonymous, Surroundings, Verified};

use super::{PendingVerification, Verification, Verifier};

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

/// Who sent a request. One of the two goes into its extensions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// The bearer of a verified token.
    Verified(Verified),
    /// Someone without one, where that is allowed.
    Anonymous(Anonymous),
}

/// The permission to let a request through.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admission {
    /// Who sent the request.
    pub identity: Identity,
    /// A header to set on the response unless it is there already: name, in lower case, and value.
    pub response_header: Option<(&'static str, &'static str)>,
}

/// The outcome of authenticating a request, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no other way")]
pub enum Authentication {
    /// The outcome: everything that was needed was at hand.
    Ready(Result<Admission, Refusal>),
    /// Something must be waited for. The request is no longer needed for it.
    Pending(PendingAuthentication),
    /// The request is for the metadata of the resource, which needs no token: this is the answer.
    Answer(Answer),
}

/// An authentication that waits for something. Dropping it disturbs nobody else.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct PendingAuthentication {
    pending: Pending,
    /// What the token must meet when it is verified.
    requirement: Option<Arc<dyn Requirement>>,
}

#[derive(Debug)]
enum Pending {
    Verification {
        pending: PendingVerification,
        authenticator: Authenticator,
        carrier: Carrier<'static>,
        optional: bool,
    },
    Authorization {
        pending: PendingAuthorization,
        admission: Admission,
    },
}

/// What the place in which a token was found has to do with the answer.
#[derive(Debug)]
struct Carrier<'r> {
    proof: Proof<'r>,
    removal: Option<Arc<str>>,
}

impl Future for PendingAuthentication {
    type Output = Result<Admission, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let admission = match &mut self.pending {
                Pending::Verification { pending, authenticator, carrier, optional } => {
                    let outcome = ready!(Pin::new(pending).poll(context));
                    authenticator.conclude(outcome, carrier, *optional)?
                }
                Pending::Authorization { pending, admission } => {
                    return Pin::new(pending).poll(context).map_ok(|()| admission.clone());
                }
            };
            let Some(requirement) = self.requirement.take() else { return Poll::Ready(Ok(admission)) };
            match admission.permit(&*requirement) {
                Authorization::Ready(outcome) => return Poll::Ready(outcome.map(|()| admission)),
                Authorization::Pending(pending) => self.pending = Pending::Authorization { pending, admission },
            }
        }
    }
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

    /// Returns what looks for a field in the request's body, which an adapter reads before it has the request
    /// [decided](Self::authenticate) about. `None`, for which nothing is looked at, where
    /// [`Csrf::form_field`](crate::token::Csrf::form_field) names no field.
    ///
    /// It is `None` too where the field could change nothing: unless the request is for a route that is not public and has
    /// exactly one token, in a cookie; its method is one that is checked, and no other site is known to have sent it; the
    /// header that holds the same is absent; and `Content-Type` is, once, that of a form.
    #[must_use]
    pub fn form_field(&self, request: &dyn RequestView) -> Option<FormField> {
        let sources = self.verifier.sources();
        if !sources.reads_forms() || self.needs_no_token(request) {
            return None;
        }
        sources.form_field(request)
    }

    fn needs_no_token(&self, request: &dyn RequestView) -> bool {
        let is_public = || self.routes.as_ref().is_some_and(|routes| matches!(routes.access(request), Access::Public));
        self.metadata(request).is_some() || (self.preflights && is_preflight(request)) || is_public()
    }

    /// The metadata of the resource, if that is what the request is for.
    fn metadata(&self, request: &dyn RequestView) -> Option<&ResourceMetadata> {
        let metadata = self.verifier.resource_metadata()?;
        (request.target().split('?').next() == Some(metadata.path())).then_some(metadata)
    }

    /// Decides about a request.
    #[must_use]
    pub fn authenticate(&self, request: &dyn RequestView) -> Authentication {
        if let Some(metadata) = self.metadata(request) {
            return Authentication::Answer(metadata.answer(request.method()));
        }
        if self.preflights && is_preflight(request) {
            return self.without_asking(Anonymous::preflight);
        }
        let Some(routes) = &self.routes else { return self.identify(request, false) };
        match routes.access(request) {
            Access::Public => self.without_asking(Anonymous::guest),
            Access::Optional => self.identify(request, true),
            Access::Requires(requirement) => self.identify(request, false).and(&requirement),
        }
    }

    fn without_asking(&self, anonymous: impl Fn(Arc<Surroundings>) -> Anonymous) -> Authentication {
        let identity = Identity::Anonymous(anonymous(Arc::clone(self.verifier.surroundings())));
        Authentication::Ready(Ok(Admission { identity, response_header: None }))
    }

    /// `optional` says that credentials need not be there.
    fn identify(&self, request: &dyn RequestView, optional: bool) -> Authentication {
        let token = match self.verifier.sources().find(request) {
            Ok(token) => token,
            Err(refused) => return Authentication::Ready(self.without_token(refused, optional)),
        };
        let verification = self.verifier.begin(&token.bytes, || token.text(), Some(token.location));
        let carrier = Carrier { proof: token.proof, removal: token.removal };
        match verification {
            Verification::Ready(outcome) => Authentication::Ready(self.conclude(outcome, &carrier, optional)),
            Verification::Pending(pending) => {
                let carrier = Carrier { proof: carrier.proof.into_owned(), removal: carrier.removal };
                let authenticator = self.clone();
                Authentication::Pending(PendingAuthentication {
                    pending: Pending::Verification { pending, authenticator, carrier, optional },
                    requirement: None,
                })
            }
        }
    }

    fn without_token(&self, refused: NoToken, optional: bool) -> Result<Admission, Refusal> {
        let mut admission = self.admit(Err(refused.kind.into()), None, optional);
        // A guest where guests are welcome is no refusal, so nobody is told of one.
        if let Err(refusal) = &mut admission {
            self.verifier.surroundings().observe(&refusal.error);
            refusal.challenge.headers.extend(refused.removals.into_iter().map(|value| ("set-cookie", value)));
        }
        admission
    }

    fn conclude(
        &self,
        outcome: Result<Verified, Error>,
        carrier: &Carrier<'_>,
        optional: bool,
    ) -> Result<Admission, Refusal> {
        let outcome = outcome.and_then(|verified| match carrier.proof.check(verified.payload()) {
            Ok(()) => Ok(verified),
            Err(kind) => {
                let error = Error::from(kind);
                self.verifier.surroundings().observe(&error);
                Err(error)
            }
        });
        self.admit(outcome, carrier.removal.as_ref(), optional)
    }

    fn admit(
        &self,
        outcome: Result<Verified, Error>,
        removal: Option<&Arc<str>>,
        optional: bool,
    ) -> Result<Admission, Refusal> {
        match outcome {
            Ok(verified) => {
                // RFC 6750 section 2.3: an answer to a token in the address must not be stored by shared caches.
                let in_query = verified.location() == Some(Location::Query);
                let response_header = in_query.then_some(("cache-control", "private"));
                Ok(Admission { identity: Identity::Verified(verified), response_header })
            }
            Err(error) if self.passes(&error, optional) => {
                observe::anonymous(&*self.verifier.surroundings().observer);
                let anonymous = Anonymous::guest(Arc::clone(self.verifier.surroundings()));
                Ok(Admission { identity: Identity::Anonymous(anonymous), response_header: None })
            }
            Err(error) => {
                let mut refusal = self.verifier.surroundings().challenger.refuse(error);
                // A browser would send a bad cookie again and again. An outage says nothing about it, and a token that is
                // sound but not enough stays.
                if let (Some(removal), Class::Refused | Class::Malformed) = (removal, refusal.error.class()) {
                    refusal.challenge.headers.push(("set-cookie", removal.to_string()));
                }
                Err(refusal)
            }
        }
    }

    fn passes(&self, error: &Error, optional: bool) -> bool {
        match &self.mode {
            Mode::Required => optional && error.kind() == ErrorKind::NoCredentials,
            Mode::Optional => error.kind() == ErrorKind::NoCredentials,
            Mode::Lenient(pass) => pass(error) || (optional && error.kind() == ErrorKind::NoCredentials),
        }
    }
}

impl Authentication {
    /// Also asks for what a token must meet.
    fn and(self, requirement: &Arc<dyn Requirement>) -> Self {
        match self {
            Self::Ready(Ok(admission)) => match admission.permit(&**requirement) {
                Authorization::Ready(outcome) => Self::Ready(outcome.map(|()| admission)),
                Authorization::Pending(pending) => Self::Pending(PendingAuthentication {
                    pending: Pending::Authorization { pending, admission },
                    requirement: None,
                }),
            },
            other @ (Self::Ready(Err(_)) | Self::Answer(_)) => other,
            Self::Pending(pending) => {
                Self::Pending(PendingAuthentication { requirement: Some(Arc::clone(requirement)), ..pending })
            }
        }
    }
}

impl Admission {
    fn permit(&self, requirement: &dyn Requirement) -> Authorization {
        let (verified, anonymous) = match &self.identity {
            Identity::Verified(verified) => (Some(verified), None),
            Identity::Anonymous(anonymous) => (None, Some(anonymous)),
        };
        // One of the two is there, so that no layer is missing.
        permit(requirement, verified, anonymous, "Authenticator")
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
    use crate::request::BareRequest;

    #[test]
    fn a_form_is_looked_at_where_its_field_can_change_the_answer() {
        use crate::metadata::ProtectedResource;
        use crate::token::{Csrf, TokenSources};

        const FORM: &str = "content-type: application/x-www-form-urlencoded";
        const COOKIE: &str = "cookie: t=a.b.c";
        const OWN: &str = "sec-fetch-site: same-origin";
        let key = Key::from_secret(Algorithm::HS256, [7; 32]).expect("a key");
        let issuer = TrustedIssuer::new("https://id.example").key(key).audience("api");
        let resource = ProtectedResource::new("https://api.example");
        let verifier = Verifier::builder().issuer(issuer).resource(resource).build().expect("a verifier");
        let metadata = verifier.resource_metadata().expect("named").path().to_owned();
        let routes = || Routes::new().public("/public").optional("/optional").require("/required", ());
        let with = |csrf: Csrf| {
            let sources = TokenSources::new().cookie("t").csrf(csrf);
            Authenticator::from(verifier.with_sources(sources)).routes(routes()).pass_preflights()
        };
        let asked = |authenticator: &Authenticator, method: &str, target: &str, route: &str, headers: &[&str]| {
            let request = headers.iter().fold(BareRequest::new(method, target).route(route), |request, line| {
                let (name, value) = line.split_once(": ").expect("a header line");
                request.header(name, value)
            });
            authenticator.form_field(&request).is_some()
        };
        let strict = with(Csrf::new().form_field("csrf_token").safe_methods::<&str>([]));
        let usual = with(Csrf::new().form_field("csrf_token"));
        for (method, target, route, headers, expected) in [
            ("POST", "/", "/required", &[FORM, COOKIE, OWN][..], true),
            ("PUT", "/", "/required", &[FORM, COOKIE, OWN], true),
            ("POST", "/", "/optional", &[FORM, COOKIE, OWN], true),
            ("POST", "/", "/undecided", &[FORM, COOKIE, OWN], true),
            // Nobody knows who sent it: the value is the only proof.
            ("POST", "/", "/required", &[FORM, COOKIE], true),
            ("POST", "/", "/public", &[FORM, COOKIE, OWN], false),
            ("POST", &metadata, "/required", &[FORM, COOKIE, OWN], false),
            ("GET", "/", "/required", &[FORM, COOKIE, OWN], false),
            ("POST", "/", "/required", &[FORM, OWN], false),
            ("POST", "/", "/required", &[FORM, OWN, "authorization: Bearer a.b.c"], false),
            ("POST", "/", "/required", &[FORM, OWN, COOKIE, "authorization: Bearer a.b.c"], false),
            ("POST", "/", "/required", &[FORM, OWN, COOKIE, COOKIE], false),
            ("POST", "/", "/required", &[FORM, OWN, "cookie: t=a b"], false),
            ("POST", "/", "/required", &[FORM, COOKIE, "sec-fetch-site: cross-site"], false),
            ("POST", "/", "/required", &[FORM, COOKIE, "origin: https://evil.example", "host: a.example"], false),
            ("POST", "/", "/required", &[FORM, COOKIE, OWN, "x-csrf-token: a"], false),
            ("POST", "/", "/required", &[FORM, COOKIE, OWN, "x-csrf-token: "], false),
            ("POST", "/", "/required", &[FORM, COOKIE, OWN, "x-csrf-token: a", "x-csrf-token: a"], false),
            ("POST", "/", "/required", &[FORM, COOKIE, OWN, "upgrade: websocket"], false),
            ("POST", "/", "/required", &[COOKIE, OWN], false),
            ("POST", "/", "/required", &["content-type: text/plain", COOKIE, OWN], false),
            ("POST", "/", "/required", &[FORM, FORM, COOKIE, OWN], false),
        ] {
            assert_eq!(asked(&usual, method, target, route, headers), expected, "{method} {route} {headers:?}");
            assert!(!asked(&with(Csrf::new()), method, target, route, headers), "{method} {route} {headers:?}");
        }
        let preflight = [FORM, COOKIE, OWN, "origin: https://a.example", "access-control-request-method: POST"];
        assert!(asked(&strict, "OPTIONS", "/", "/required", &preflight[..3]));
        assert!(!asked(&strict, "OPTIONS", "/", "/required", &preflight));
        assert!(asked(&strict, "GET", "/", "/required", &[FORM, COOKIE, OWN]));
    }

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
                let Authentication::Ready(outcome) = authenticator.authenticate(&request) else {
                    panic!("nothing to wait for")
                };
                assert_eq!(outcome.err().map(|refusal| refusal.error.kind()), refused, "{authenticator:?} {route}");
            }
        }
    }
}
