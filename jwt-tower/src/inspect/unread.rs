use std::task::{Context, Poll};

use http::Request;

/// A body that cannot be read.
#[derive(Default)]
pub(crate) struct Reading {}

impl Reading {
    pub(crate) fn poll<B>(
        &mut self,
        _request: &mut Request<B>,
        _take: &mut dyn FnMut(&[u8]) -> usize,
        _context: &mut Context<'_>,
    ) -> Poll<bool> {
        Poll::Ready(false)
    }

    pub(crate) fn restore<B>(&mut self, _request: &mut Request<B>, _taken: Vec<u8>) {}
}
