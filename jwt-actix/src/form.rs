//! The form in a request's body: read as far as it is asked for, and put back.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_core::Stream;
use jwt_core::token::FormField;

/// A body that is being read.
pub(crate) struct Reading(Option<(FormField, Payload)>);

impl Reading {
    pub(crate) const fn new(field: FormField, payload: Payload) -> Self {
        Self(Some((field, payload)))
    }

    /// Reads on; at the end the body is in the request as it was, and the field's value, if it is there, is returned.
    pub(crate) fn poll(&mut self, request: &mut ServiceRequest, context: &mut Context<'_>) -> Poll<Option<String>> {
        let (value, payload) = ready!(self.poll_payload(context));
        request.set_payload(payload);
        Poll::Ready(value)
    }

    /// Reads on; at the end it returns the field's value, if it is there, and the body as it was.
    pub(crate) fn poll_payload(&mut self, context: &mut Context<'_>) -> Poll<(Option<String>, Payload)> {
        let Some((field, payload)) = &mut self.0 else { return Poll::Ready((None, Payload::None)) };
        // What stands between the bytes that were taken and the rest of the body.
        let next = loop {
            match ready!(Pin::new(&mut *payload).poll_next(context)) {
                Some(Ok(mut chunk)) => {
                    let taken = field.feed(&chunk);
                    if taken < chunk.len() {
                        break Some(Ok(chunk.split_off(taken)));
                    }
                }
                Some(Err(error)) => break Some(Err(error)),
                None => break None,
            }
        };
        let Some((field, payload)) = self.0.take() else { return Poll::Ready((None, Payload::None)) };
        let is_whole = !matches!(next, Some(Err(_)));
        let value = if is_whole { field.value() } else { None };
        let rest = if next.is_some() { payload } else { Payload::None };
        let restored = Restored { read: field.into_read().into(), next, rest };
        Poll::Ready((value, Payload::Stream { payload: Box::pin(restored) }))
    }
}

/// A body whose beginning was read, as it was before.
struct Restored {
    read: Bytes,
    next: Option<Result<Bytes, PayloadError>>,
    /// `None` at its end.
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
