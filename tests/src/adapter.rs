//! One application, built for each adapter, and a way to send the same request to both.

use std::fmt;
use std::sync::Arc;

use jwt_core::authorize::{Requirement, Routes};
use jwt_core::forward::ForwardClaims;
use jwt_core::gate::RequestState;
use jwt_core::http::TokenSources;
use jwt_core::logout::BackChannelLogout;
use jwt_core::verify::Authenticator;
use jwt_core::{Error, Verifier};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::directory::Directory;
use crate::{actix, axum};

/// The adapters under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adapter {
    /// `jwt-tower` with axum.
    Axum,
    /// `jwt-actix` with actix-web.
    Actix,
}

impl Adapter {
    /// All adapters.
    pub const ALL: [Self; 2] = [Self::Axum, Self::Actix];

    /// Sends a request to the application built for this adapter. It checks nothing.
    pub async fn send(self, application: &Application, ask: &Ask) -> Answer {
        match self {
            Self::Axum => axum::send(application, ask).await,
            Self::Actix => actix::send(application, ask).await,
        }
    }
}

/// The application under test.
///
/// | route | layer | handler |
/// | --- | --- | --- |
/// | `/me` (also `POST`) | required | all claims, as JSON |
/// | `/echo` (only `POST`) | required | the body |
/// | `/form` (only `POST`) | required | the fields of a form, as JSON |
/// | `/asks` (only `POST`) | required | checks a requirement that depends on the body |
/// | `/user` | required | the claim `name`, typed |
/// | `/both` | required | two extractors of different types |
/// | `/number` | required | claims of a type that does not match |
/// | `/shared` | required | the claim `name`, typed and shared |
/// | `/shared-number` | required | shared claims of a type that does not match |
/// | `/verified` | required | the details of the verified token |
/// | `/socket`, `/socket-chat` | required | accepts a WebSocket, the second one with the protocol `chat` |
/// | `/no-store` | required | sets its own `Cache-Control` |
/// | `/reports` | required, with scopes | the claim `name` |
/// | `/allowed`, `/scoped/allowed` | required, with a requirement | the claim `name` |
/// | `/outer/inner/user` | required, inside of two nested routers | the claim `name` |
/// | `/policy`, `/policy-later` | required | the claim `name`, if the policy is met |
/// | `/panic`, `/panicking-claims` | required | panics |
/// | `/optional` | optional | the claim `name`, or `nobody` |
/// | `/optional-me` | optional | all claims; the handler wrongly requires them |
/// | `/optional-reports` | optional, with scopes | the claim `name` |
/// | `/optional-allowed` | optional, with a requirement | the claim `name` |
/// | `/optional-policy` | optional | the claim `name`, if the policy is met |
/// | `/optional-authorized`, `/optional-authorized-later` | optional | the claim `name` if the policy is met, or `nobody` |
/// | `/lenient` | anonymous if configured | the claim `name`, or `nobody` |
/// | `/principal`, `/principal-twice` | required, with principals | the account's name |
/// | `/principal-unasked` | required, with principals | `everyone` |
/// | `/principal-and-tenant` | required, with principals of two types | the account's name and the tenant's number |
/// | `/principal-of-another` | required, with principals, and required again with the token in the cookie `inner` | the account's name |
/// | `/principal-unloaded` | required | the account's name |
/// | `/optional-principal`, `/optional-principal-unloaded` | optional, with and without principals | the account's name, or `nobody` |
/// | `/bare-principal` | no layer | the account's name |
/// | `/bare-principal-layer` | only principals | `everyone` |
/// | `/forwarded`, `/optional-forwarded`, `/bare-forwarded` | as the name says, with claims forwarded | the request that the handler sees |
/// | `/backchannel-logout` | no layer | receives logout tokens, if configured |
/// | `/public` | no layer | `everyone` |
/// | `/cookies`, `/no-cookies` | no layer | sets the cookies of a login, or deletes them |
/// | `/bare`, `/bare-optional`, `/bare-shared`, `/bare-verified`, `/bare-policy`, `/bare-optional-authorized` | no layer |
/// uses extractors without a layer |
/// | `/bare-require` | only scopes | `everyone` |
/// | `/bare-allowed` | only a requirement | `everyone` |
/// | `/cors-inside` | required, with CORS inside | the claim `name` |
/// | `/any` | optional, for every method | the claim `name`, or `nobody` |
/// | `/any-unasked` | required, for every method | `everyone` |
/// | `/metadata` | no layer | the metadata of the resource, if there is any |
///
/// After [`guarded`](Self::guarded) it's a different application: one layer around all routes, with a table of their
/// requirements.
///
/// | route | handler |
/// | --- | --- |
/// | `/health`, `/forgotten` | `everyone` |
/// | `/user`, `/admin`, `/reports/{id}` (also `PUT`), `/scoped/allowed` | the claim `name` |
/// | `/policy-later` | the claim `name`, if the policy is met |
/// | `/optional` | the claim `name`, or `nobody` |
/// | `/public/{*rest}`, in actix-web `/public/{rest:.*}` | `everyone` |
#[derive(Clone)]
#[must_use]
pub struct Application {
    pub(crate) verifier: Verifier,
    pub(crate) scopes: Vec<String>,
    pub(crate) requirement: Arc<dyn Requirement>,
    pub(crate) everywhere: Option<Arc<dyn Requirement>>,
    pub(crate) lenient: Arc<dyn Fn(&Error) -> bool + Send + Sync>,
    pub(crate) planted: Option<RequestState>,
    pub(crate) origin: Option<&'static str>,
    pub(crate) tells: bool,
    pub(crate) passes_preflights: bool,
    pub(crate) guard: Option<Authenticator>,
    pub(crate) logout: Option<BackChannelLogout>,
    pub(crate) directory: Directory,
    pub(crate) forward: ForwardClaims,
}

impl Application {
    /// Creates the application with one verifier. `/reports` requires `reports:read`, and `/lenient` lets expired
    /// tokens pass.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            forward: ForwardClaims::keeping_token([]).expect("nothing cannot be wrong"),
            scopes: vec!["reports:read".to_owned()],
            requirement: Arc::new(()),
            everywhere: None,
            lenient: Arc::new(|error| error.code() == "expired" || error.code() == "no_credentials"),
            planted: None,
            origin: None,
            tells: false,
            passes_preflights: false,
            guard: None,
            logout: None,
            directory: Directory::default(),
        }
    }

    /// Requires these scopes on `/reports`.
    pub fn scopes<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.scopes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the requirement of `/allowed` and `/scoped/allowed`.
    pub fn requiring(mut self, requirement: impl Requirement + 'static) -> Self {
        self.requirement = Arc::new(requirement);
        self
    }

    /// Lets the layers of routes that require a token require this too.
    pub fn requiring_everywhere(mut self, requirement: impl Requirement + 'static) -> Self {
        self.everywhere = Some(Arc::new(requirement));
        self
    }

    /// Decides which rejected requests `/lenient` lets pass as anonymous.
    pub fn lenient(mut self, pass: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.lenient = Arc::new(pass);
        self
    }

    /// Inserts an identity into the extensions of every request, before any layer of these crates runs.
    pub fn planted(mut self, state: RequestState) -> Self {
        self.planted = Some(state);
        self
    }

    /// Wraps everything in the framework's CORS middleware, for one origin.
    pub fn cors(mut self, origin: &'static str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Adds an outer layer that writes the error's code into the header `x-error-code`.
    pub fn telling(mut self) -> Self {
        self.tells = true;
        self
    }

    /// Lets CORS preflights pass the layers.
    pub fn passing_preflights(mut self) -> Self {
        self.passes_preflights = true;
        self
    }

    /// Replaces the layers of single routes with one layer that decides by route.
    pub fn guarded(mut self, routes: Routes) -> Self {
        self.guard = Some(self.required().routes(routes));
        self
    }

    /// Loads principals from this directory.
    pub fn directory(mut self, directory: &Directory) -> Self {
        self.directory = directory.clone();
        self
    }

    /// Forwards these claims, but not the token, on `/forwarded`.
    ///
    /// # Panics
    ///
    /// Panics if the claims cannot be forwarded.
    pub fn forwarding(mut self, claims: &[(&str, &str)]) -> Self {
        self.forward = ForwardClaims::new(&self.verifier, claims.iter().copied()).expect("valid settings");
        self
    }

    /// Reads the inner token of `/principal-of-another` from the cookie `inner`.
    pub(crate) fn inner(&self) -> Authenticator {
        self.verifier.with_sources(TokenSources::none().cookie("inner")).into()
    }

    /// Serves `/backchannel-logout`.
    pub fn logout(mut self, logout: BackChannelLogout) -> Self {
        self.logout = Some(logout);
        self
    }

    pub(crate) fn required(&self) -> Authenticator {
        let mut authenticator = Authenticator::from(self.verifier.clone());
        if let Some(requirement) = &self.everywhere {
            authenticator = authenticator.require(Arc::clone(requirement));
        }
        if self.passes_preflights { authenticator.pass_preflights() } else { authenticator }
    }

    /// Returns the verifier.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Sends a request to the application of every adapter and returns the response, which must be identical.
    ///
    /// # Panics
    ///
    /// Panics if the responses differ.
    pub async fn send(&self, ask: &Ask) -> Answer {
        let first = Adapter::Axum.send(self, ask).await;
        let second = Adapter::Actix.send(self, ask).await;
        assert_eq!(first, second, "axum, left, and actix-web, right, to {} {}", ask.method, ask.target);
        first
    }
}

impl Application {
    /// Sends a request to every adapter like [`send`](Self::send), but a new one to each: a proof is accepted only once.
    ///
    /// # Panics
    ///
    /// Panics if the responses differ.
    pub async fn send_new(&self, ask: impl Fn() -> Ask) -> Answer {
        let first = Adapter::Axum.send(self, &ask()).await;
        let second = Adapter::Actix.send(self, &ask()).await;
        assert_eq!(first, second, "axum, left, and actix-web, right");
        first
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}
