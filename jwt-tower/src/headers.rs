use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};
use jwt_core::http::Headers;

/// The framework's headers, lent to the core.
pub(crate) struct HeadersMut<'h>(pub(crate) &'h mut HeaderMap);

impl Headers for HeadersMut<'_> {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.0.iter().for_each(|(name, value)| each(name.as_str(), value.as_bytes()));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(name == SET_COOKIE);
            self.0.append(name, value);
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}
