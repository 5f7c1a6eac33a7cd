use std::any::Any;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::BoxError;
use axum_core::body::Body;
use bytes::Bytes;
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use jwt_core::Step;
use jwt_core::gate::Inspection;

/// A body that is being read.
pub(crate) struct Reading<T> {
    inspection: Option<Inspection<T>>,
    /// `None` if the body has another type.
    body: Option<Body>,
}

impl<T> Reading<T> {
    /// Takes the body out of the request.
    pub(crate) fn start<B: 'static>(inspection: Inspection<T>, request: &mut Request<B>) -> Self {
        Self { inspection: Some(inspection), body: body_of(request).map(mem::take) }
    }

    /// Continues reading. At the end the request has its body back, unchanged.
    pub(crate) fn poll<B: 'static>(&mut self, request: &mut Request<B>, context: &mut Context<'_>) -> Poll<Step<T>> {
        // It's polled again only after it was pending, when the inspection is still there.
        let inspection = self.inspection.as_mut().expect("`Reading` polled after completion");
        let mut next = None;
        while let Some(body) = &mut self.body {
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let taken = inspection.feed(&data);
                        if taken < data.len() {
                            next = Some(Ok(Frame::data(data.split_off(taken))));
                            break;
                        }
                    }
                    // Trailers end a body. RFC 9110 section 6.5.
                    Err(trailers) => {
                        next = Some(Ok(trailers));
                        break;
                    }
                },
                Some(Err(error)) => {
                    next = Some(Err(error.into_inner()));
                    break;
                }
                None => break,
            }
        }
        let inspection = self.inspection.take().expect("it was there above");
        let failed = self.body.is_none() || matches!(next, Some(Err(_)));
        let (read, step) = inspection.finish(failed);
        if let (Some(body), Some(place)) = (self.body.take(), body_of(request)) {
            let is_over = next.as_ref().is_none_or(|next| next.as_ref().is_ok_and(Frame::is_trailers));
            let rest = (!is_over).then_some(body);
            *place = Body::new(Restored { read: read.into(), next, rest });
        }
        Poll::Ready(step)
    }
}

fn body_of<B: 'static>(request: &mut Request<B>) -> Option<&mut Body> {
    <dyn Any>::downcast_mut(request.body_mut())
}

/// The complete body again, after its beginning was read.
struct Restored {
    read: Bytes,
    next: Option<Result<Frame<Bytes>, BoxError>>,
    /// The unread part, or `None` after the end, because some bodies must not be polled again then.
    rest: Option<Body>,
}

impl http_body::Body for Restored {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.read.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.read)))));
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
        self.read.is_empty() && self.next.is_none() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let next = match &self.next {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        // The length of bytes in memory fits into a `u64`.
        let kept = (self.read.len() + next) as u64;
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}
