use std::fmt;

use super::{Answer, Inspection, RequestState};
use crate::http::cookies::{SetCookies, may_be_shared};
use crate::http::request::RequestView;
use crate::step::Step;

/// Decides about a request before the inner service sees it.
///
/// Implementations are shared by all requests. They see a request through [`RequestView`], and what gates further out left
/// behind through [`RequestState`].
pub trait Gate: Send + Sync {
    /// Admits the request, or answers it.
    fn enter(&self, request: &dyn RequestView, state: &RequestState) -> Step<Result<Admission, Answer>>;
}

/// The permission to let a request through, with everything that has to be done to it and to its response.
#[derive(Debug)]
#[must_use = "a request that isn't passed on gets no response"]
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
    /// Lets the request through as it is.
    pub const fn unchanged() -> Self {
        Self { state: None, extras: None }
    }

    /// Lets the request through with this state in its extensions.
    pub const fn with_state(state: RequestState) -> Self {
        Self { state: Some(state), extras: None }
    }

    /// Lets the request through if the inspection of its body decides so; nothing else of this admission is used then.
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

    /// Takes the inspection that has to decide before anything else is done.
    pub fn take_inspection(&mut self) -> Option<Inspection<Result<Self, Answer>>> {
        self.extras.as_mut()?.inspection.take()
    }

    /// Takes what has to be changed in the request.
    pub fn take_rewrite(&mut self) -> Option<Rewrite> {
        self.extras.as_mut()?.rewrite.take()
    }

    /// Returns what has to be done to the response.
    #[must_use]
    pub fn into_after_response(self) -> Option<AfterResponse> {
        self.extras?.after
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// What is left of a header line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is nothing else to do with a line")]
pub enum Line {
    /// All of it.
    Keep,
    /// This value.
    Replace(Vec<u8>),
    /// Nothing.
    Drop,
}

/// Changes to a request's headers and target.
pub struct Rewrite {
    line: Box<dyn Fn(&str, &[u8]) -> Line + Send>,
    headers: Vec<(String, String)>,
    target: Option<String>,
}

impl Rewrite {
    pub(crate) fn new(
        line: impl Fn(&str, &[u8]) -> Line + Send + 'static,
        headers: Vec<(String, String)>,
        target: Option<String>,
    ) -> Self {
        Self { line: Box::new(line), headers, target }
    }

    /// Says what is left of a header line of the request. `name` is in lower case.
    #[must_use]
    pub fn line(&self, name: &str, value: &[u8]) -> Line {
        (self.line)(name, value)
    }

    /// Returns the headers to add: names in lower case, values of visible ASCII and spaces.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns the new path and query, unless they stay as they are.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}

// Headers hold claims, and targets may hold tokens.
impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rewrite").finish_non_exhaustive()
    }
}

/// The headers of a response as the core sees them.
pub trait ResponseView {
    /// Calls `each` with the value of every field line named `name`, which is in lower case.
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
    /// Whether it takes the place of all lines of that name; otherwise it's added to them.
    pub replace: bool,
}

impl HeaderEdit {
    /// Adds a line.
    #[must_use]
    pub fn append(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), replace: false }
    }

    /// Replaces every line of that name.
    #[must_use]
    pub fn replace(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, value: value.into(), replace: true }
    }
}

impl HeaderEdit {
    /// Adds cookies to a response which, because they hold tokens, shared caches must not store: `Cache-Control` becomes
    /// `no-store` unless the response already keeps itself out of them.
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

// Values may hold tokens.
impl fmt::Debug for HeaderEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderEdit").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a gate does to the headers of the response once the inner service has given it.
pub struct AfterResponse(Box<dyn FnOnce(&dyn ResponseView) -> Step<Vec<HeaderEdit>> + Send>);

impl AfterResponse {
    /// Creates one from a closure that sees the response's headers.
    pub fn new(edit: impl FnOnce(&dyn ResponseView) -> Step<Vec<HeaderEdit>> + Send + 'static) -> Self {
        Self(Box::new(edit))
    }

    /// Sets a header unless the response has it already.
    pub(crate) fn default_header(name: &'static str, value: &'static str) -> Self {
        Self::new(move |response| {
            let mut is_there = false;
            response.header(name, &mut |_| is_there = true);
            Step::Ready(if is_there { Vec::new() } else { vec![HeaderEdit::append(name, value)] })
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
