//! Answers that the core gives by itself: documents that are published, tokens that are exchanged.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::challenge::Refusal;
use crate::error::Error;
use crate::request::RequestView;
use crate::token::FormField;

/// A response, ready to be put into a framework's own.
#[derive(Clone)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// Header names, lower case, and values, of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The reason, for an answer that refuses. Adapters leave it in the response's extensions.
    pub error: Option<Error>,
}

impl Answer {
    /// Makes an answer without headers and body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), error: None }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }
}

impl From<Refusal> for Answer {
    fn from(Refusal { error, challenge, body }: Refusal) -> Self {
        Self { status: challenge.status, headers: challenge.headers, body, error: Some(error) }
    }
}

// The body may hold tokens.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// An answer, or the way to it.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Answering {
    /// The answer: nothing had to be waited for.
    Ready(Answer),
    /// Something must be waited for. The request is no longer needed for it.
    Pending(PendingAnswer),
}

/// An answer that waits for something.
#[must_use = "futures do nothing unless polled"]
pub struct PendingAnswer(Pin<Box<dyn Future<Output = Answer> + Send>>);

impl PendingAnswer {
    /// Makes one of a future.
    pub fn new(answer: impl Future<Output = Answer> + Send + 'static) -> Self {
        Self(Box::pin(answer))
    }
}

impl Future for PendingAnswer {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for PendingAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingAnswer").finish()
    }
}

type Respond = dyn Fn(&dyn RequestView) -> Answering + Send + Sync;
type AskForm = dyn Fn(&dyn RequestView) -> Option<FormField> + Send + Sync;

/// Answers the requests of one route. Both adapters serve it with their function `endpoint`, and answer alike to the byte.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    methods: &'static [&'static str],
    answer: Arc<Respond>,
    form: Option<Arc<AskForm>>,
}

impl Endpoint {
    /// Answers requests of these methods, and all others with 405 and `Allow`. RFC 9110 section 15.5.6.
    #[must_use]
    pub fn new(
        methods: &'static [&'static str],
        answer: impl Fn(&dyn RequestView) -> Answering + Send + Sync + 'static,
    ) -> Self {
        Self { methods, answer: Arc::new(answer), form: None }
    }

    /// Also reads forms, when `ask` asks for a field of them, as
    /// [`Authenticator::form_field`](crate::verify::Authenticator::form_field) does. Default: no body is read.
    #[must_use]
    pub fn asking_forms(mut self, ask: impl Fn(&dyn RequestView) -> Option<FormField> + Send + Sync + 'static) -> Self {
        self.form = Some(Arc::new(ask));
        self
    }

    /// Returns what looks for a field in the request's body, which an adapter reads before it has the request
    /// [answered](Self::answer).
    #[must_use]
    pub fn form_field(&self, request: &dyn RequestView) -> Option<FormField> {
        let ask = self.form.as_ref().filter(|_| self.methods.contains(&request.method()))?;
        ask(request)
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&self, request: &dyn RequestView) -> Answering {
        if self.methods.contains(&request.method()) {
            (self.answer)(request)
        } else {
            Answering::Ready(Answer::new(405).header("allow", self.methods.join(", ")))
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("methods", &self.methods).finish_non_exhaustive()
    }
}
