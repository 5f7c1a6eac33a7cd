use std::any::Any;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum_core::body::Body;
use http::Request;
use http_body::{Body as _, Frame};
use jwt_core::token::FormField;

use super::restored::Restored;
use crate::request::HttpView;

/// A body that is being read.
pub(crate) struct Reading(Option<(FormField, Body)>);

impl Reading {
    /// Takes the body out of a request, if `ask` asks for a field of it. Bodies of other types than axum's cannot be put
    /// back, so nobody is asked about them.
    pub(crate) fn of<B: 'static>(
        request: &mut Request<B>,
        ask: impl FnOnce(&HttpView<'_>) -> Option<FormField>,
    ) -> Option<Self> {
        body_of(request)?;
        let field = ask(&HttpView::of(request))?;
        let body = mem::take(body_of(request)?);
        Some(Self(Some((field, body))))
    }

    /// Reads on; at the end the body is in the request as it was, and the field's value, if it is there, is returned.
    pub(crate) fn poll<B: 'static>(
        &mut self,
        request: &mut Request<B>,
        context: &mut Context<'_>,
    ) -> Poll<Option<String>> {
        let Some((field, body)) = &mut self.0 else { return Poll::Ready(None) };
        // What stands between the bytes that were taken and the rest of the body.
        let next = loop {
            match ready!(Pin::new(&mut *body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(mut data) => {
                        let taken = field.feed(&data);
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
        let Some((field, body)) = self.0.take() else { return Poll::Ready(None) };
        let is_whole = !matches!(next, Some(Err(_)));
        let value = if is_whole { field.value() } else { None };
        if let Some(place) = body_of(request) {
            let is_over = next.as_ref().is_none_or(|next| next.as_ref().is_ok_and(Frame::is_trailers));
            let rest = (!is_over).then_some(body);
            *place = Body::new(Restored { read: field.into_read().into(), next, rest });
        }
        Poll::Ready(value)
    }
}

fn body_of<B: 'static>(request: &mut Request<B>) -> Option<&mut Body> {
    <dyn Any>::downcast_mut(request.body_mut())
}
