use std::borrow::Cow;
use std::fmt;

use super::{Answer, Inspection, RequestState};
use crate::http::cookies::{SetCookies, may_be_shared};
use crate::http::request::RequestView;
use crate::step::Step;

/// Decides about a request before the inner service sees it.
///
/// One gate is shared by all requests. It sees the request as a [`RequestView`], and the results of outer gates as a
/// [`RequestState`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    label = "does not decide about requests",
    note = "gates are `Authenticator`, `ForwardClaims`, `Endpoint`, requirements such as `scopes([..])`, and your own types that \
            implement `jwt_core::gate::Gate`",
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

#[derive(Debug, Default)]
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

    /// Reads the beginning of the body first, and then does what the inspection decides. Anything else in this admission is
    /// ignored.
    pub fn inspecting(inspection: Inspection<Result<Self, Answer>>) -> Self {
        let mut admission = Self::unchanged();
        admission.extras().inspection = Some(inspection);
        admission
    }

    /// Changes the request before the inner service sees it.
    pub fn rewriting(mut self, rewrite: Rewrite) -> Self {
        self.extras().rewrite = Some(rewrite);
        self
    }

    /// Changes the response's headers.
    pub fn after_response(mut self, after: AfterResponse) -> Self {
        self.extras().after = Some(after);
        self
    }

    /// Takes the inspection, which must decide before anything else is applied.
    pub fn take_inspection(&mut self) -> Option<Inspection<Result<Self, Answer>>> {
        self.extras.as_mut()?.inspection.take()
    }

    /// Takes the changes to the request.
    pub fn take_rewrite(&mut self) -> Option<Rewrite> {
        self.extras.as_mut()?.rewrite.take()
    }

    /// Returns the changes to the response.
    #[must_use]
    pub fn into_after_response(self) -> Option<AfterResponse> {
        self.extras?.after
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

type LineEdit = dyn for<'v> Fn(&str, &'v [u8]) -> Option<Cow<'v, [u8]>> + Send;

/// Changes to a request's headers and target.
pub struct Rewrite {
    line: Box<LineEdit>,
    headers: Vec<(String, String)>,
    target: Option<String>,
}

impl Rewrite {
    pub(crate) fn new(
        line: impl for<'v> Fn(&str, &'v [u8]) -> Option<Cow<'v, [u8]>> + Send + 'static,
        headers: Vec<(String, String)>,
        target: Option<String>,
    ) -> Self {
        Self { line: Box::new(line), headers, target }
    }

    /// Returns the new value of a header line of the request, borrowed if it stays the same, or `None` to remove the line.
    /// `name` is in lower case.
    #[must_use]
    pub fn line<'v>(&self, name: &str, value: &'v [u8]) -> Option<Cow<'v, [u8]>> {
        (self.line)(name, value)
    }

    /// Returns the headers to add: names in lower case, values of visible ASCII and spaces.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns the new path and query, or `None` if they stay the same.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}

// Headers have claims, and targets may have tokens.
impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrite").finish_non_exhaustive()
    }
}

/// The headers of a response, borrowed from a framework.
pub trait ResponseView {
    /// Calls `each` with the value of every field line called `name`, which is in lower case.
    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8]));
}

/// A change of one header of a response.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderEdit {
    /// The name, in lower case.
    pub name: &'static str,
    /// The value, of visible ASCII and spaces.
    pub value: String,
    /// Whether it replaces all lines with that name. If not, it's added to them.
    pub replace: bool,
}

impl HeaderEdit {
    /// Adds a line.
    #[must_use]
    pub fn append(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), replace: false }
    }

    /// Replaces every line with that name.
    #[must_use]
    pub fn replace(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), replace: true }
    }

    /// Adds cookies to a response. Shared caches must not store it, because cookies may contain tokens: `Cache-Control` becomes
    /// `no-store`, unless [`may_be_shared`] says that it already excludes shared caches.
    #[must_use]
    pub fn set_cookies(cookies: SetCookies, response: &dyn ResponseView) -> Vec<Self> {
        let mut edits: Vec<_> = cookies.into_iter().map(|value| Self::append("set-cookie", value)).collect();
        let mut cache_control = Vec::new();
        response.header("cache-control", &mut |value| cache_control.push(value));
        if may_be_shared(cache_control) {
            edits.push(Self::replace("cache-control", "no-store"));
        }
        edits
    }
}

// Values may contain tokens.
impl fmt::Debug for HeaderEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderEdit").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A change to the headers of the inner service's response.
pub struct AfterResponse(Box<ResponseEdit>);

type ResponseEdit = dyn FnOnce(&dyn ResponseView) -> Step<Vec<HeaderEdit>> + Send;

impl AfterResponse {
    /// Creates a change from a closure that sees the response's headers.
    pub fn new(edit: impl FnOnce(&dyn ResponseView) -> Step<Vec<HeaderEdit>> + Send + 'static) -> Self {
        Self(Box::new(edit))
    }

    /// Adds a header unless the response already has it.
    pub(crate) fn default_header(name: &'static str, value: &'static str) -> Self {
        Self::new(move |response| {
            let mut is_there = false;
            response.header(name, &mut |_| is_there = true);
            Step::Ready(if is_there { Vec::new() } else { vec![HeaderEdit::append(name, value)] })
        })
    }

    /// Adds a header unless the response already has it, but only beside the header `other`.
    pub(crate) fn header_beside(other: &'static str, name: &'static str, value: &'static str) -> Self {
        Self::new(move |response| {
            let (mut is_there, mut has_other) = (false, false);
            response.header(name, &mut |_| is_there = true);
            response.header(other, &mut |_| has_other = true);
            let is_needed = has_other && !is_there;
            Step::Ready(if is_needed { vec![HeaderEdit::append(name, value)] } else { Vec::new() })
        })
    }

    /// Returns the changes to make.
    pub fn edits(self, response: &dyn ResponseView) -> Step<Vec<HeaderEdit>> {
        (self.0)(response)
    }
}

impl fmt::Debug for AfterResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AfterResponse").finish()
    }
}
