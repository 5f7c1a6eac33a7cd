use std::any::Any;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as _, Frame, SizeHint};

/// The part of a body that was read but not taken.
#[derive(Default)]
pub(crate) struct Reading {
    next: Option<Result<Frame<Bytes>, BoxError>>,
}

impl Reading {
    /// Reads until `take` has enough, or the body ends. Returns whether it could be read.
    pub(crate) fn poll<B: 'static>(
        &mut self,
        request: &mut Request<B>,
        take: &mut dyn FnMut(&[u8]) -> usize,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        let Some(body) = body_of(request) else { return Poll::Ready(false) };
        self.next = loop {
            match ready!(Pin::new(&mut *body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let taken = take(&data);
                        if taken < data.len() {
                            break Some(Ok(Frame::data(data.split_off(taken))));
                        }
                    }
                    // Trailers end a body. RFC 9110 section 6.5.
                    Err(trailers) => break Some(Ok(trailers)),
                },
                Some(Err(error)) => break Some(Err(error.into_inner())),
                None => break None,
            }
        };
        Poll::Ready(!matches!(self.next, Some(Err(_))))
    }

    /// Puts the taken bytes in front of the rest again, so that the request has its body unchanged.
    pub(crate) fn restore<B: 'static>(&mut self, request: &mut Request<B>, taken: Vec<u8>) {
        let Some(body) = body_of(request) else { return };
        let next = self.next.take();
        let is_over = next.as_ref().is_none_or(|next| next.as_ref().is_ok_and(Frame::is_trailers));
        let rest = (!is_over).then(|| mem::take(body));
        *body = Body::new(Restored { taken: taken.into(), next, rest });
    }
}

fn body_of<B: 'static>(request: &mut Request<B>) -> Option<&mut Body> {
    <dyn Any>::downcast_mut(request.body_mut())
}

/// The complete body again, after its beginning was read.
struct Restored {
    taken: Bytes,
    next: Option<Result<Frame<Bytes>, BoxError>>,
    /// The unread part, or `None` after the end, because some bodies must not be polled again then.
    rest: Option<Body>,
}

impl http_body::Body for Restored {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.taken.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.taken)))));
        }
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(next));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context).map_err(axum_core::Error::into_inner),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.taken.is_empty() && self.next.is_none() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let next = match &self.next {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        // The length of bytes in memory fits into a `u64`.
        let kept = (self.taken.len() + next) as u64;
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}
