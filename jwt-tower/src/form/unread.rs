use std::task::{Context, Poll};

use http::Request;
use jwt_core::token::FormField;

use crate::request::HttpView;

/// Nothing: without axum's body there is none that could be put back.
pub(crate) enum Reading {}

impl Reading {
    pub(crate) fn of<B>(
        _request: &mut Request<B>,
        _ask: impl FnOnce(&HttpView<'_>) -> Option<FormField>,
    ) -> Option<Self> {
        None
    }

    pub(crate) fn poll<B>(&mut self, _: &mut Request<B>, _: &mut Context<'_>) -> Poll<Option<String>> {
        match *self {}
    }
}
