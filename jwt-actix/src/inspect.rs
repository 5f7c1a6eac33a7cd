//! Reads the beginning of a request's body, and puts it back.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_core::Stream;

/// The part of a body that was read but not taken.
#[derive(Default)]
pub(crate) struct Reading {
    next: Option<Result<Bytes, PayloadError>>,
}

impl Reading {
    /// Reads until `take` has enough, or the body ends. Returns whether it could be read.
    pub(crate) fn poll(
        &mut self,
        payload: &mut Payload,
        take: &mut dyn FnMut(&[u8]) -> usize,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        self.next = loop {
            match ready!(Pin::new(&mut *payload).poll_next(context)) {
                Some(Ok(mut chunk)) => {
                    let taken = take(&chunk);
                    if taken < chunk.len() {
                        break Some(Ok(chunk.split_off(taken)));
                    }
                }
                Some(Err(error)) => break Some(Err(error)),
                None => break None,
            }
        };
        Poll::Ready(!matches!(self.next, Some(Err(_))))
    }

    /// Puts the taken bytes in front of the rest again.
    pub(crate) fn restore(&mut self, payload: Payload, taken: Vec<u8>) -> Payload {
        let next = self.next.take();
        let rest = if next.is_some() { payload } else { Payload::None };
        Payload::Stream { payload: Box::pin(Restored { taken: taken.into(), next, rest }) }
    }
}

/// The complete body again, after its beginning was read.
struct Restored {
    taken: Bytes,
    next: Option<Result<Bytes, PayloadError>>,
    /// The unread part, or `None` after the end.
    rest: Payload,
}

impl Stream for Restored {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.taken.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(&mut self.taken))));
        }
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(next));
        }
        Pin::new(&mut self.rest).poll_next(context)
    }
}
