use std::task::{Context, Poll};

use http::Request;
use jwt_core::Step;
use jwt_core::gate::Inspection;

/// A body that cannot be read.
pub(crate) struct Reading<T>(Option<Inspection<T>>);

impl<T> Reading<T> {
    pub(crate) fn start<B>(inspection: Inspection<T>, _request: &mut Request<B>) -> Self {
        Self(Some(inspection))
    }

    pub(crate) fn poll<B>(&mut self, _request: &mut Request<B>, _context: &mut Context<'_>) -> Poll<Step<T>> {
        // It's never pending, so it's polled once.
        let inspection = self.0.take().expect("`Reading` polled after completion");
        Poll::Ready(inspection.finish(true).1)
    }
}
