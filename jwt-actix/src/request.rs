use std::borrow::Cow;
use std::cell::Cell;
use std::mem;
use std::net::IpAddr;

use actix_web::dev::{Extensions, ServiceRequest, Url};
use actix_web::http::Uri;
use actix_web::http::header;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::TrailingSlash;
use actix_web::{HttpMessage as _, HttpRequest};
use jwt_core::gate::{Admission, RequestState};
use jwt_core::http::{Peer, RequestView};

use crate::headers::HeadersMut;

/// An actix-web request, borrowed by the core.
pub(crate) struct ActixView<'r> {
    request: &'r HttpRequest,
    /// How inner middleware normalizes the path, if that is known.
    normalization: Option<TrailingSlash>,
    /// Whether a table of routes used a path that inner middleware may still change.
    guessed: Cell<bool>,
}

impl<'r> ActixView<'r> {
    pub(crate) const fn of(request: &'r HttpRequest, normalization: Option<TrailingSlash>) -> Self {
        Self { request, normalization, guessed: Cell::new(false) }
    }

    /// Returns the path that the decision about this request was made for.
    pub(crate) fn allowed_path(&self) -> AllowedPath {
        if !self.guessed.get() {
            return AllowedPath::Any;
        }
        let uri = self.request.match_info().get_ref().uri();
        match self.normalization {
            None => AllowedPath::Unchanged(Box::new(uri.clone())),
            Some(normalization) => AllowedPath::Normalized(normalize(uri.path(), normalization).into()),
        }
    }
}

impl RequestView for ActixView<'_> {
    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn target(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    fn authority(&self) -> Option<&str> {
        self.request.uri().authority().map(|authority| authority.as_str())
    }

    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        // These are read from every request, and a constant name is found faster than a string.
        let headers = self.request.headers();
        let values = match name {
            "authorization" => headers.get_all(header::AUTHORIZATION),
            "connection" => headers.get_all(header::CONNECTION),
            "cookie" => headers.get_all(header::COOKIE),
            _ => headers.get_all(name),
        };
        for value in values {
            each(value.as_bytes());
        }
    }

    fn peer_address(&self) -> Option<IpAddr> {
        let known = self.request.conn_data::<Peer>().and_then(Peer::peer_address);
        known.or_else(|| self.request.peer_addr().map(|address| address.ip()))
    }

    fn peer_certificate(&self) -> Option<&[u8]> {
        self.request.conn_data::<Peer>()?.peer_certificate()
    }

    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        let (routes, path) = (self.request.resource_map(), self.request.match_info());
        // Around a resource, this is the route that matched. Further out nothing has matched, and it's only a guess from the
        // path as sent. If it differs from that guess, it's certain.
        let matched = self.request.match_pattern();
        if matched.is_some() && matched != routes.match_pattern(self.request.path()) {
            return each(matched.as_deref());
        }
        self.guessed.set(true);
        if let Some(normalization) = self.normalization {
            let normalized = normalize(path.get_ref().uri().path(), normalization);
            // The router matches the decoded path, as a `Url` has it.
            let found = Uri::try_from(&*normalized).ok().and_then(|uri| routes.match_pattern(Url::new(uri).path()));
            return each(found.as_deref());
        }
        matched.iter().for_each(|pattern| each(Some(pattern)));
        // The router matches the decoded path, so it will choose this route, even if it's `None`.
        let decoded = path.as_str();
        let found = routes.match_pattern(decoded);
        each(found.as_deref());
        // `AllowedPath` detects an inner `NormalizePath`, but only after the handler ran. So every route that it can lead to must
        // be allowed too. With doubled slashes these include handlers of scopes, which the whole path does not find.
        let merged = merge_slashes(decoded);
        let trimmed = merged.trim_end_matches('/');
        let (trimmed, ended) = (if trimmed.is_empty() { "/" } else { trimmed }, format!("{trimmed}/"));
        for path in [&merged, trimmed, &ended] {
            let changed = if path == decoded { continue } else { routes.match_pattern(path) };
            if changed != found {
                changed.iter().for_each(|pattern| each(Some(pattern)));
                if merged != decoded {
                    each(None);
                }
            }
        }
    }
}

/// Returns the results of gates for a request.
pub(crate) fn state(extensions: &Extensions) -> &RequestState {
    static MISSING: RequestState = RequestState::missing("JwtMiddleware");
    extensions.get().unwrap_or(&MISSING)
}

fn merge_slashes(path: &str) -> Cow<'_, str> {
    let mut merged = Cow::Borrowed(path);
    while merged.contains("//") {
        merged = Cow::Owned(merged.replace("//", "/"));
    }
    merged
}

/// Returns a path as `NormalizePath` changes it.
fn normalize(path: &str, normalization: TrailingSlash) -> String {
    let path = match normalization {
        _ if path.is_empty() => return String::new(),
        TrailingSlash::Trim => Cow::Borrowed(path.trim_end_matches('/')),
        TrailingSlash::Always => Cow::Owned(format!("{path}/")),
        _ => Cow::Borrowed(path),
    };
    if path.is_empty() { "/".to_owned() } else { merge_slashes(&path).into_owned() }
}

/// The path that a table of routes allowed.
pub(crate) enum AllowedPath {
    /// No table has looked at it, or the router has matched it already.
    Any,
    Unchanged(Box<Uri>),
    Normalized(Box<str>),
}

impl AllowedPath {
    /// Returns whether the path was replaced by another one after the table looked it up.
    pub(crate) fn is_replaced(&self, request: &HttpRequest) -> bool {
        let path = request.match_info().get_ref().uri().path();
        match self {
            Self::Any => false,
            // Equal text isn't enough: one normalization may add the slash that another one, in a scope, removes.
            Self::Unchanged(allowed) => !std::ptr::eq(allowed.path(), path),
            Self::Normalized(allowed) => **allowed != *path,
        }
    }
}

/// Applies an admission to a request.
pub(crate) fn admit(request: &mut ServiceRequest, admission: &mut Admission) {
    if let Some(state) = admission.state.take() {
        request.extensions_mut().insert(state);
    }
    if let Some(target) = admission.rewrite(&mut HeadersMut(request.headers_mut())) {
        let mut parts = mem::take(&mut request.head_mut().uri).into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(target).unwrap_or(PathAndQuery::from_static("/")));
        request.head_mut().uri = Uri::from_parts(parts).unwrap_or_default();
    }
}
