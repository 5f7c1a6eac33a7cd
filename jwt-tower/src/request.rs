use http::{Extensions, HeaderMap, Method, Request, Uri, Version, header};
use jwt_core::Verified;
use jwt_core::request::RequestView;
use jwt_core::verified::Anonymous;
use jwt_core::verify::{Admission, Identity};

/// An `http` request, lent to the core.
pub(crate) struct HttpView<'r> {
    method: &'r Method,
    uri: &'r Uri,
    pub(crate) version: Version,
    headers: &'r HeaderMap,
    #[cfg_attr(not(feature = "axum-routing"), expect(dead_code, reason = "only axum leaves its route here"))]
    extensions: &'r Extensions,
    form_field: Option<&'r str>,
}

impl<'r> HttpView<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
            extensions: request.extensions(),
            form_field: None,
        }
    }

    /// Lends the value of a field, too.
    pub(crate) const fn with_form_field(self, form_field: Option<&'r str>) -> Self {
        Self { form_field, ..self }
    }
}

impl RequestView for HttpView<'_> {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> &str {
        self.uri.path_and_query().map_or("/", |target| target.as_str())
    }

    fn authority(&self) -> Option<&str> {
        self.uri.authority().map(|authority| authority.as_str())
    }

    fn header<'r>(&'r self, name: &str, each: &mut dyn FnMut(&'r [u8])) {
        // Those that every request is asked for are found without being read letter by letter.
        let values = match name {
            "authorization" => self.headers.get_all(header::AUTHORIZATION),
            "connection" => self.headers.get_all(header::CONNECTION),
            "cookie" => self.headers.get_all(header::COOKIE),
            _ => self.headers.get_all(name),
        };
        for value in values {
            each(value.as_bytes());
        }
    }

    fn form_field(&self) -> Option<&str> {
        self.form_field
    }

    #[cfg(feature = "axum-routing")]
    fn route(&self, each: &mut dyn FnMut(Option<&str>)) {
        each(self.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str));
    }
}

/// A header that the response gets unless it has it.
pub(crate) type ResponseHeader = Option<(&'static str, &'static str)>;

/// Puts the identity into the request's extensions, in the place of whatever was there.
pub(crate) fn admit<B>(request: &mut Request<B>, admission: Admission) -> ResponseHeader {
    let extensions = request.extensions_mut();
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
