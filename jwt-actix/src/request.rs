use std::borrow::Cow;

use actix_web::dev::ServiceRequest;
use actix_web::http::{Uri, header};
use actix_web::{HttpMessage as _, HttpRequest};
use jwt_core::Verified;
use jwt_core::request::RequestView;
use jwt_core::verified::Anonymous;
use jwt_core::verify::{Admission, Identity};

/// An actix request, lent to the core.
pub(crate) struct ActixView<'r> {
    request: &'r HttpRequest,
    form_field: Option<&'r str>,
}

impl<'r> ActixView<'r> {
    pub(crate) const fn of(request: &'r HttpRequest) -> Self {
        Self { request, form_field: None }
    }

    /// Lends the value of a field, too.
    pub(crate) const fn with_form_field(self, form_field: Option<&'r str>) -> Self {
        Self { form_field, ..self }
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
        // Those that every request is asked for are found without being read letter by letter.
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

    fn form_field(&self) -> Option<&str> {
        self.form_field
    }

    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        let (routes, path) = (self.request.resource_map(), self.request.match_info());
        // Around a resource this is what has been matched. Further out nothing has been, and it is a guess by the path as it
        // was sent. So one that is no such guess is certain, and otherwise it is one among guesses.
        let matched = self.request.match_pattern();
        if matched.is_some() && matched != routes.match_pattern(self.request.path()) {
            return each(matched.as_deref());
        }
        matched.iter().for_each(|pattern| each(Some(pattern)));
        let mut extensions = self.request.extensions_mut();
        if !extensions.contains::<LookedUp>() {
            extensions.insert(LookedUp(path.get_ref().uri().clone()));
        }
        drop(extensions);
        // The router reads the path decoded, so this is its route, even if it's `None`.
        let decoded = path.as_str();
        let found = routes.match_pattern(decoded);
        each(found.as_deref());
        // `path_is_changed` finds a `NormalizePath` further in, but only after the handler. So every route that it
        // can lead to must be allowed, too. With doubled slashes that includes handlers of scopes, which aren't found by the whole path.
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

fn merge_slashes(path: &str) -> Cow<'_, str> {
    let mut merged = Cow::Borrowed(path);
    while merged.contains("//") {
        merged = Cow::Owned(merged.replace("//", "/"));
    }
    merged
}

/// The path that the first table of routes looked up.
struct LookedUp(Uri);

/// Whether the path was replaced after a table of routes had looked it up.
pub(crate) fn path_is_changed(request: &HttpRequest) -> bool {
    let path = request.match_info().get_ref().uri().path();
    // Equal paths aren't enough: one normalization may add the slash that another one, in a scope, takes away.
    request.extensions().get::<LookedUp>().is_some_and(|LookedUp(uri)| !std::ptr::eq(uri.path(), path))
}

/// A header that the response gets unless it has it.
pub(crate) type ResponseHeader = Option<(&'static str, &'static str)>;

/// Puts the identity into the request's extensions, in the place of whatever was there.
pub(crate) fn admit(request: &ServiceRequest, admission: Admission) -> ResponseHeader {
    let mut extensions = request.extensions_mut();
    match admission.identity {
        Identity::Verified(verified) => {
            extensions.remove::<Anonymous>();
            extensions.insert(verified);
        }
        Identity::Anonymous(anonymous) => {
            extensions.remove::<Verified>();
            extensions.insert(anonymous);
        }
        // A kind that this version does not know leaves no trace, and extractors answer 500.
        _ => {
            extensions.remove::<Verified>();
            extensions.remove::<Anonymous>();
        }
    }
    admission.response_header
}
