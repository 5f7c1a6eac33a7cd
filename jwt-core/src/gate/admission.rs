use std::fmt;

use super::rewrite::Rewrite;
use super::{Answer, Inspection, RequestState};
use crate::http::Headers;
use crate::http::cookies::SetCookies;
use crate::http::request::RequestView;
use crate::step::{Pending, Step};

/// Decides about a request before the inner service sees it.
///
/// One gate is shared by all requests. It sees the request as a [`RequestView`], and the results of outer gates as a
/// [`RequestState`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    label = "does not decide about requests",
    note = "gates are `Authenticator`, `ForwardClaims`, `Endpoint`, requirements such as `scopes([..])`, principal loading with \
            `load_async(closure)`, and your own types that implement `jwt_core::gate::Gate`",
    note = "a `Verifier` goes into `JwtLayer` or `JwtMiddleware` instead"
)]
pub trait Gate: Send + Sync {
    /// Admits the request, or answers it without the inner service.
    fn enter(&self, request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>>;
}

/// Lets a request through, with the changes to make to it and to its response.
#[derive(Debug)]
#[must_use = "an admission does nothing until an adapter applies it"]
pub struct Admission {
    /// Replaces the state in the request's extensions. `None` leaves it as it is.
    pub state: Option<RequestState>,
    // Rare, so it costs other requests no more than this pointer.
    extras: Option<Box<Extras>>,
}

pub(super) type AfterResponse = Box<dyn FnOnce(&mut dyn Headers) -> Option<Pending<SetCookies>> + Send>;

#[derive(Default)]
struct Extras {
    inspection: Option<Inspection<Result<Admission, Answer>>>,
    rewrite: Option<Rewrite>,
    after: Option<AfterResponse>,
}

impl Admission {
    /// Lets the request through unchanged.
    pub const fn unchanged() -> Self {
        Self { state: None, extras: None }
    }

    /// Lets the request through with `state` in its extensions.
    pub const fn with_state(state: RequestState) -> Self {
        Self { state: Some(state), extras: None }
    }

    /// Reads the beginning of the body first, and then follows the inspection's decision. Anything else in this admission is
    /// ignored.
    pub(crate) fn inspecting(inspection: Inspection<Result<Self, Answer>>) -> Self {
        Self::unchanged().with_inspection(inspection)
    }

    pub(super) fn with_inspection(mut self, inspection: Inspection<Result<Self, Answer>>) -> Self {
        self.extras().inspection = Some(inspection);
        self
    }

    /// Changes the request before the inner service sees it.
    pub(crate) fn rewriting(mut self, rewrite: Rewrite) -> Self {
        self.extras().rewrite = Some(rewrite);
        self
    }

    /// Changes the headers of the response with a closure, once the inner service has responded. The cookies that it returns are
    /// [applied](SetCookies::apply) afterwards; return `SetCookies::default()` to set none.
    pub fn after_response(mut self, after: impl FnOnce(&mut dyn Headers) -> Step<SetCookies> + Send + 'static) -> Self {
        self.extras().after = Some(Box::new(move |headers| match after(headers) {
            Step::Ready(cookies) => {
                cookies.apply(headers);
                None
            }
            Step::Pending(pending) => Some(pending),
        }));
        self
    }

    /// Whether the gate decides only after reading the beginning of the body. Nothing else in this admission counts then. A
    /// [`ResponseFuture`](super::ResponseFuture) reads it.
    #[must_use]
    #[inline]
    pub fn needs_body(&self) -> bool {
        self.extras.as_ref().is_some_and(|extras| extras.inspection.is_some())
    }

    /// Takes the inspection, which must decide before anything else is applied.
    pub(crate) fn take_inspection(&mut self) -> Option<Inspection<Result<Self, Answer>>> {
        self.extras.as_mut()?.inspection.take()
    }

    /// Changes the headers of the request. Returns its new path and query, or `None` to keep them.
    #[inline]
    pub fn rewrite(&mut self, headers: &mut dyn Headers) -> Option<String> {
        self.extras.as_mut()?.rewrite.take()?.apply(headers)
    }

    /// Changes the headers of the response, for adapters without a [`ResponseFuture`](super::ResponseFuture). Returns cookies that
    /// have to be awaited and [applied](SetCookies::apply).
    pub fn edit_response(mut self, headers: &mut dyn Headers) -> Option<Pending<SetCookies>> {
        self.take_after_response()?(headers)
    }

    #[inline]
    pub(super) fn take_after_response(&mut self) -> Option<AfterResponse> {
        self.extras.as_mut()?.after.take()
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras").finish_non_exhaustive()
    }
}
