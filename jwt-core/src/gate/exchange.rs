use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::admission::AfterResponse;
use super::{Admission, Answer};
use crate::http::Headers;
use crate::http::cookies::SetCookies;
use crate::step::{Pending, Step};

/// A request, and the service that it's for. An adapter implements it for its framework, and a [`ResponseFuture`] does the rest.
pub trait Exchange: Sized {
    /// The response, of the service or of a gate.
    type Response;
    /// The error of the service.
    type Error;
    /// A call of the service.
    type Call;

    /// Gives the request's body to `take`, piece by piece, until `take` returns less than the length of a piece, or the body ends.
    /// Returns whether the body could be read that far.
    fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, context: &mut Context<'_>) -> Poll<bool>;

    /// Puts the taken bytes in front of the rest of the body again.
    fn restore_body(&mut self, taken: Vec<u8>);

    /// Changes the request as the admission wants, and calls the service.
    fn call(self, admission: &mut Admission) -> Self::Call;

    /// Continues a call. `Break` has a response that isn't the service's, and that the gate doesn't change.
    #[expect(clippy::type_complexity, reason = "it has no parts that deserve a name")]
    fn poll_call(
        call: Pin<&mut Self::Call>,
        context: &mut Context<'_>,
    ) -> Poll<Result<ControlFlow<Self::Response, Self::Response>, Self::Error>>;

    /// Answers the request without the service.
    fn answer(self, answer: Answer) -> Self::Response;

    /// Lends the headers of a response.
    fn headers(response: &mut Self::Response) -> impl Headers;
}

pin_project! {
    /// The response to a request that goes through a gate.
    ///
    /// It waits for the gate's decision, reads the beginning of the body if the decision depends on it, calls the service, and
    /// changes the response as the gate wants.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<X: Exchange> {
        #[pin]
        state: State<X>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<X: Exchange> {
        Answered { response: Option<X::Response> },
        // Boxed, because it's rare and would make every future large.
        Waiting { waiting: Option<Box<Waiting<X>>> },
        Calling { #[pin] call: X::Call, after: Option<AfterResponse> },
        Editing { editing: Option<Box<(X::Response, Pending<SetCookies>)>> },
    }
}

struct Waiting<X> {
    /// Taken while it's polled.
    step: Option<Step<Result<Admission, Answer>>>,
    exchange: X,
}

// Like any future, this one may panic if it's polled again after completion.
const POLLED_AFTER_COMPLETION: &str = "`ResponseFuture` polled after completion";

impl<X: Exchange> ResponseFuture<X> {
    /// Continues with the decision of a gate.
    #[inline]
    pub fn new(entry: Step<Result<Admission, Answer>>, exchange: X) -> Self {
        match entry {
            Step::Ready(Ok(mut admission)) if !admission.needs_body() => {
                let call = exchange.call(&mut admission);
                Self::calling(call, admission)
            }
            Step::Ready(Err(answer)) => Self::answered(exchange.answer(answer)),
            entry => Self::waiting(entry, exchange),
        }
    }

    /// Answers the request.
    pub const fn answered(response: X::Response) -> Self {
        Self { state: State::Answered { response: Some(response) } }
    }

    /// Continues with a call of the service, whose request was changed as the admission wants.
    #[inline]
    pub fn calling(call: X::Call, mut admission: Admission) -> Self {
        Self { state: State::Calling { call, after: admission.take_after_response() } }
    }

    #[cold]
    fn waiting(step: Step<Result<Admission, Answer>>, exchange: X) -> Self {
        Self { state: State::Waiting { waiting: Some(Box::new(Waiting { step: Some(step), exchange })) } }
    }
}

impl<X: Exchange> Waiting<X> {
    /// Waits until the gate has decided, and needs no more of the body.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Admission, Answer>> {
        loop {
            let (pending, step) = match self.step.take().expect(POLLED_AFTER_COMPLETION) {
                Step::Pending(mut pending) => match Pin::new(&mut pending).poll(context) {
                    Poll::Ready(entry) => (false, Step::Ready(entry)),
                    Poll::Pending => (true, Step::Pending(pending)),
                },
                Step::Ready(Ok(mut admission)) => {
                    let Some(mut inspection) = admission.take_inspection() else { return Poll::Ready(Ok(admission)) };
                    match self.exchange.poll_body(&mut |piece| inspection.feed(piece), context) {
                        Poll::Ready(is_read) => {
                            let (taken, step) = inspection.finish(!is_read);
                            self.exchange.restore_body(taken);
                            (false, step)
                        }
                        Poll::Pending => (true, Step::Ready(Ok(admission.with_inspection(inspection)))),
                    }
                }
                Step::Ready(Err(answer)) => return Poll::Ready(Err(answer)),
            };
            self.step = Some(step);
            if pending {
                return Poll::Pending;
            }
        }
    }
}

impl<X: Exchange> Future for ResponseFuture<X> {
    type Output = Result<X::Response, X::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProjection::Answered { response } => {
                    return Poll::Ready(Ok(response.take().expect(POLLED_AFTER_COMPLETION)));
                }
                StateProjection::Waiting { waiting } => {
                    let entry = ready!(waiting.as_mut().expect(POLLED_AFTER_COMPLETION).poll(context));
                    let Waiting { exchange, .. } = *waiting.take().expect(POLLED_AFTER_COMPLETION);
                    match entry {
                        Ok(mut admission) => State::Calling {
                            call: exchange.call(&mut admission),
                            after: admission.take_after_response(),
                        },
                        Err(answer) => return Poll::Ready(Ok(exchange.answer(answer))),
                    }
                }
                StateProjection::Calling { call, after } => {
                    let mut response = match ready!(X::poll_call(call, context))? {
                        ControlFlow::Continue(response) => response,
                        ControlFlow::Break(response) => return Poll::Ready(Ok(response)),
                    };
                    let Some(after) = after.take() else { return Poll::Ready(Ok(response)) };
                    let pending = after(&mut X::headers(&mut response));
                    match pending {
                        None => return Poll::Ready(Ok(response)),
                        Some(pending) => State::Editing { editing: Some(Box::new((response, pending))) },
                    }
                }
                StateProjection::Editing { editing } => {
                    let (_, pending) = &mut **editing.as_mut().expect(POLLED_AFTER_COMPLETION);
                    let cookies = ready!(Pin::new(pending).poll(context));
                    let (mut response, _) = *editing.take().expect(POLLED_AFTER_COMPLETION);
                    cookies.apply(&mut X::headers(&mut response));
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(next);
        }
    }
}

impl<X: Exchange> fmt::Debug for ResponseFuture<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use super::*;
    use crate::gate::Inspection;

    /// A request whose body arrives in pieces, with a pause before each. Its response is a list of header lines.
    struct Paused {
        pieces: Vec<&'static str>,
        ready: bool,
        is_own: bool,
    }

    type Lines = Vec<(String, Vec<u8>)>;

    impl Exchange for &mut Paused {
        type Response = Lines;
        type Error = Infallible;
        type Call = bool;

        fn poll_body(&mut self, take: &mut dyn FnMut(&[u8]) -> usize, context: &mut Context<'_>) -> Poll<bool> {
            self.ready = !self.ready;
            if self.ready {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.pieces.pop() {
                None => Poll::Ready(true),
                Some(piece) => {
                    take(piece.as_bytes());
                    self.poll_body(take, context)
                }
            }
        }

        fn restore_body(&mut self, taken: Vec<u8>) {
            self.pieces.push(String::from_utf8(taken).expect("text").leak());
        }

        fn call(self, _admission: &mut Admission) -> bool {
            self.is_own
        }

        fn poll_call(
            call: Pin<&mut bool>,
            _context: &mut Context<'_>,
        ) -> Poll<Result<ControlFlow<Lines, Lines>, Infallible>> {
            let response = Lines::new();
            Poll::Ready(Ok(if *call { ControlFlow::Continue(response) } else { ControlFlow::Break(response) }))
        }

        fn answer(self, answer: Answer) -> Lines {
            vec![("status".to_owned(), answer.status.to_string().into_bytes())]
        }

        fn headers(response: &mut Lines) -> impl Headers {
            LentLines(response)
        }
    }

    struct LentLines<'l>(&'l mut Lines);

    impl Headers for LentLines<'_> {
        fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
            self.0.lines(each);
        }

        fn append(&mut self, name: &str, value: Vec<u8>) {
            Headers::append(self.0, name, value);
        }

        fn remove(&mut self, name: &str) {
            Headers::remove(self.0, name);
        }
    }

    fn run(entry: Step<Result<Admission, Answer>>, exchange: &mut Paused) -> (usize, Lines) {
        let mut future = std::pin::pin!(ResponseFuture::new(entry, exchange));
        let mut pauses = 0;
        loop {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(response)) => return (pauses, response),
                Poll::Pending => pauses += 1,
            }
        }
    }

    fn inspecting(next: impl FnOnce(&[u8]) -> Step<Result<Admission, Answer>> + Send + 'static) -> Admission {
        Admission::inspecting(Inspection::new(100, move |body, _| next(body)))
    }

    fn marked() -> Admission {
        Admission::unchanged().after_response(|headers| {
            headers.append("marked", Vec::new());
            Step::pending(async { SetCookies::default() })
        })
    }

    #[test]
    fn a_gate_waits_and_reads_the_body_as_often_as_it_wants() {
        let mut exchange = Paused { pieces: vec!["b", "a"], ready: false, is_own: true };
        let entry = Step::pending(async {
            Ok(inspecting(|body| {
                assert_eq!(body, b"ab");
                Step::pending(async {
                    Ok(inspecting(|again| {
                        assert_eq!(again, b"ab");
                        Step::Ready(Ok(marked()))
                    }))
                })
            }))
        });
        let (pauses, response) = run(entry, &mut exchange);
        assert_eq!((pauses, response), (5, vec![("marked".to_owned(), Vec::new())]));
        assert_eq!(exchange.pieces, ["ab"], "the body is there again");
    }

    #[test]
    fn a_gate_answers_after_reading_the_body() {
        let mut exchange = Paused { pieces: vec!["a"], ready: false, is_own: true };
        let entry = Step::Ready(Ok(inspecting(|_| Step::Ready(Err(Answer::new(403))))));
        assert_eq!(run(entry, &mut exchange).1, [("status".to_owned(), b"403".to_vec())]);
    }

    #[test]
    fn a_gate_changes_only_the_response_of_the_service() {
        for is_own in [true, false] {
            let mut exchange = Paused { pieces: Vec::new(), ready: false, is_own };
            let (_, response) = run(Step::Ready(Ok(marked())), &mut exchange);
            assert_eq!(!response.is_empty(), is_own);
        }
    }
}
