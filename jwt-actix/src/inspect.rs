//! Reads the beginning of a request's body, and puts it back.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_core::Stream;
use jwt_core::Step;
use jwt_core::gate::Inspection;

/// A body that is being read.
pub(crate) struct Reading<T>(Option<(Inspection<T>, Payload)>);

impl<T> Reading<T> {
    pub(crate) const fn new(inspection: Inspection<T>, payload: Payload) -> Self {
        Self(Some((inspection, payload)))
    }

    /// Continues reading. At the end it returns the body unchanged.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Step<T>, Payload)> {
        // It's polled again only after it was pending, when both are still there.
        let (inspection, payload) = self.0.as_mut().expect("`Reading` polled after completion");
        let next = loop {
            match ready!(Pin::new(&mut *payload).poll_next(context)) {
                Some(Ok(mut chunk)) => {
                    let taken = inspection.feed(&chunk);
                    if taken < chunk.len() {
                        break Some(Ok(chunk.split_off(taken)));
                    }
                }
                Some(Err(error)) => break Some(Err(error)),
                None => break None,
            }
        };
        let (inspection, payload) = self.0.take().expect("they were there above");
        let (read, step) = inspection.finish(matches!(next, Some(Err(_))));
        let rest = if next.is_some() { payload } else { Payload::None };
        let restored = Restored { read: read.into(), next, rest };
        Poll::Ready((step, Payload::Stream { payload: Box::pin(restored) }))
    }
}

/// The complete body again, after its beginning was read.
struct Restored {
    read: Bytes,
    next: Option<Result<Bytes, PayloadError>>,
    /// The unread part, or `None` after the end.
    rest: Payload,
}

impl Stream for Restored {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(&mut self.read))));
        }
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(next));
        }
        Pin::new(&mut self.rest).poll_next(context)
    }
}
