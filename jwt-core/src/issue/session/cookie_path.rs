//! Notices endpoints that don't get the refresh token's cookie from browsers.

use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind};
use crate::http::cookies::Cookies;
use crate::http::request::RequestView;
use crate::http::token::{Location, TokenSources};
use crate::verified::Verified;

use super::Sessions;

/// A request to a path that the refresh token's cookie doesn't cover, so browsers don't send it there, unless a proxy has changed the path.
#[derive(Clone)]
pub(super) struct Uncovered {
    sessions: Sessions,
    path: String,
    cookie_path: String,
}

impl Uncovered {
    /// Returns `None` if the cookie's path covers the request's, or if a proxy is known to change it.
    pub(super) fn of(sessions: &Sessions, cookies: &Cookies, request: &dyn RequestView) -> Option<Self> {
        let path = request.original_target().split('?').next().unwrap_or_default();
        if cookies.is_refresh_sent_to(path) || sessions.0.is_path_known.load(Ordering::Relaxed) {
            return None;
        }
        let (_, cookie_path) = cookies.refresh_place();
        Some(Self { sessions: sessions.clone(), path: path.to_owned(), cookie_path: cookie_path.to_owned() })
    }

    /// Logs the two paths once a process if the request had no token.
    pub(super) fn refused(&self, error: &Error) {
        if error.kind() == ErrorKind::NoCredentials && !self.sessions.0.is_path_known.swap(true, Ordering::Relaxed) {
            let Self { path, cookie_path, .. } = self;
            tracing::warn!(
                ?path,
                cookie_path,
                "a request has no refresh token, and browsers don't send its cookie to this path: set \
                 `CookiesBuilder::refresh_path` to the endpoint's path or one above it, as browsers see it. If a proxy removes a \
                 prefix and the cookie's path includes it, ignore this"
            );
        }
    }

    /// If a browser sent the cookie nevertheless, a proxy changes the path.
    pub(super) fn accepted(&self, token: &Verified) {
        if token.location() == Some(Location::Cookie) {
            self.sessions.0.is_path_known.store(true, Ordering::Relaxed);
        }
    }
}

/// Whether an endpoint relies on the refresh token's cookie. An access token's cookie has a path of its own.
pub(super) fn needs_refresh_cookie(sources: &TokenSources, cookies: &Cookies) -> bool {
    let Some(places) = sources.places() else { return false };
    let (refresh, _) = cookies.refresh_place();
    let mut names = places.iter().filter(|(location, _)| *location == Location::Cookie).map(|(_, name)| *name);
    names.next() == Some(refresh) && names.next().is_none()
}
