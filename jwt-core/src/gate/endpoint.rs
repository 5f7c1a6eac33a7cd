use std::fmt;
use std::sync::Arc;

use super::{Admission, Answer, Gate, Inspection, RequestState};
use crate::http::request::RequestView;
use crate::step::Step;

/// A route whose requests this crate answers, for example published keys or a token refresh. Serve it with the adapter's function
/// `endpoint`. The responses of both adapters are byte-identical.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    methods: &'static [&'static str],
    reply: Arc<ReplyFn>,
}

type ReplyFn = dyn Fn(&dyn RequestView) -> Step<Reply> + Send + Sync;

/// How an endpoint answers a request.
pub(crate) enum Reply {
    Answer(Answer),
    /// The answer depends on the request's body.
    Inspect(Inspection<Answer>),
}

impl Endpoint {
    /// Answers requests with these methods. Others get 405 and `Allow`. RFC 9110 section 15.5.6.
    #[must_use]
    pub fn new(
        methods: &'static [&'static str],
        answer: impl Fn(&dyn RequestView) -> Step<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::replying(methods, move |request| answer(request).map(Reply::Answer))
    }

    /// The same, for endpoints that may read the request's body.
    pub(crate) fn replying(
        methods: &'static [&'static str],
        reply: impl Fn(&dyn RequestView) -> Step<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self { methods, reply: Arc::new(reply) }
    }

    fn reply(&self, request: &dyn RequestView) -> Step<Reply> {
        if self.methods.contains(&request.method()) {
            (self.reply)(request)
        } else {
            Step::Ready(Reply::Answer(Answer::new(405).header("allow", self.methods.join(", "))))
        }
    }
}

/// An endpoint is a gate that never admits: no inner service is called.
impl Gate for Endpoint {
    fn enter(&self, request: &dyn RequestView, _state: &RequestState) -> Step<Result<Admission, Answer>> {
        self.reply(request).map(|reply| match reply {
            Reply::Answer(answer) => Err(answer),
            Reply::Inspect(inspection) => Ok(Admission::inspecting(inspection.then(|answer| Step::Ready(Err(answer))))),
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("methods", &self.methods).finish_non_exhaustive()
    }
}
