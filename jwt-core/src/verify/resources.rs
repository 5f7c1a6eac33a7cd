//! The protected resources of a verifier that has several: which of them a request is for.

use std::borrow::Cow;
use std::sync::Arc;

use super::pipeline::Pipeline;
use crate::gate::ResourceMetadata;

/// The resources. All of them have the same origin, and no two the same path.
pub(super) struct Resources {
    list: Vec<Resource>,
    /// Checks requests whose path is in no resource.
    outside: Arc<Pipeline>,
}

/// One resource, and the checks of requests for it.
pub(super) struct Resource {
    pub(super) name: String,
    /// The path of its URL, without a slash at the end.
    pub(super) path: String,
    pub(super) pipeline: Arc<Pipeline>,
}

impl Resources {
    pub(super) const fn new(list: Vec<Resource>, outside: Arc<Pipeline>) -> Self {
        Self { list, outside }
    }

    /// Returns the checks for a request with this path and query.
    pub(super) fn pipeline(&self, target: &str) -> &Arc<Pipeline> {
        let path = target.split('?').next().unwrap_or_default();
        self.find(path).map_or(&self.outside, |resource| &resource.pipeline)
    }

    pub(super) fn named(&self, name: &str) -> Option<&Arc<Pipeline>> {
        self.list.iter().find(|resource| resource.name == name).map(|resource| &resource.pipeline)
    }

    /// Returns the metadata that is published at this path.
    pub(super) fn metadata(&self, target: &str) -> Option<&ResourceMetadata> {
        let path = target.split('?').next();
        let mut all = self.list.iter().filter_map(|resource| resource.pipeline.metadata.as_ref());
        all.find(|metadata| path == Some(metadata.path()))
    }

    /// Finds the resource with the longest path that includes `path`. Routers disagree about escapes, doubled slashes and dots.
    /// If these would decide the resource, the request has no resource.
    fn find(&self, path: &str) -> Option<&Resource> {
        let path = path.as_bytes();
        let found = self.longest(path);
        let once = unescaped(path);
        let twice = unescaped(&once);
        let is_clear = |path: &[u8]| {
            let same = self.longest(path).map(|resource| &resource.path) == found.map(|resource| &resource.path);
            same && !has_dots(path)
        };
        found.filter(|_| is_clear(path) && is_clear(&once) && is_clear(&twice))
    }

    fn longest(&self, path: &[u8]) -> Option<&Resource> {
        let includes = |resource: &&Resource| {
            let rest = path.strip_prefix(resource.path.as_bytes());
            rest.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
        };
        self.list.iter().filter(includes).max_by_key(|resource| resource.path.len())
    }
}

/// Returns the path without escapes and doubled slashes.
fn unescaped(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') && !path.windows(2).any(|pair| pair == b"//") {
        return Cow::Borrowed(path);
    }
    let (mut plain, mut at) = (Vec::with_capacity(path.len()), 0);
    while let Some(&byte) = path.get(at) {
        let digits = path.get(at + 1..at + 3).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok()).filter(|_| byte == b'%');
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        at += if escaped.is_some() { 3 } else { 1 };
        let byte = escaped.unwrap_or(byte);
        if byte != b'/' || plain.last() != Some(&b'/') {
            plain.push(byte);
        }
    }
    Cow::Owned(plain)
}

/// Whether a segment is `.` or `..`, also with parameters, as some frameworks have them, or between backslashes.
fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| matches!(segment.split(|byte| *byte == b';').next(), Some(b"." | b"..")))
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests {
    use crate::gate::ProtectedResource;
    use crate::jose::{Algorithm, Key};
    use crate::{TrustedIssuer, Verifier};

    fn verifier(paths: &[&str]) -> Verifier {
        let key = Key::from_secret(Algorithm::HS256, [7; 32]).expect("long enough");
        let issuer = TrustedIssuer::new("https://id.example").key(key);
        let declare = |builder: crate::VerifierBuilder, path: &&str| {
            builder.resource(ProtectedResource::new(format!("https://api.example{path}")))
        };
        paths.iter().fold(Verifier::builder().issuer(issuer), declare).build().expect("a verifier")
    }

    #[test]
    fn a_request_is_for_the_resource_with_the_longest_path() {
        let parts = verifier(&["/a", "/a/b", "/c/"]);
        let whole = verifier(&["", "/a"]);
        for (target, expected, with_root) in [
            ("/a", Some("/a"), Some("/a")),
            ("/a/", Some("/a"), Some("/a")),
            ("/a/x", Some("/a"), Some("/a")),
            ("/a?x=/a/b", Some("/a"), Some("/a")),
            ("/a/b", Some("/a/b"), Some("/a")),
            ("/a/b/x", Some("/a/b"), Some("/a")),
            ("/a/bx", Some("/a"), Some("/a")),
            ("/a/x%2Fy/caf%C3%A9", Some("/a"), Some("/a")),
            ("/a/100%25", Some("/a"), Some("/a")),
            ("/a/..b/.c", Some("/a"), Some("/a")),
            ("/a//x", Some("/a"), Some("/a")),
            ("/c", Some("/c/"), Some("")),
            ("/c/x", Some("/c/"), Some("")),
            ("/ax", None, Some("")),
            ("/A", None, Some("")),
            ("/a;x", None, Some("")),
            ("/", None, Some("")),
            ("/x", None, Some("")),
            ("/.well-known/x", None, Some("")),
            ("", None, Some("")),
            ("*", None, None),
            ("//a", None, None),
            ("/%61", None, None),
            ("/%2561", None, None),
            ("/a%2f", None, None),
            ("/a%2fb", None, None),
            ("/a/../c", None, None),
            ("/x/../a", None, None),
            ("/a/./b", None, None),
            ("/a/..%2fc", None, None),
            ("/a/%2e%2e/c", None, None),
            ("/a/%252e%252e/c", None, None),
            ("/a/..;x/c", None, None),
            ("/a/..\\c", None, None),
        ] {
            for (verifier, expected) in [(&parts, expected), (&whole, with_root)] {
                let found = verifier.pipeline_for(target).metadata.as_ref().map(|metadata| metadata.url().to_owned());
                let url = |path| format!("https://api.example/.well-known/oauth-protected-resource{path}");
                assert_eq!(found, expected.map(url), "{target}");
            }
        }
        // Escapes and slashes that change nothing but the resource inside of `/a`.
        let found = |target| parts.pipeline_for(target).metadata.is_some();
        assert!(found("/a/b") && !found("/a//b") && !found("/a/%62"));
    }

    #[test]
    fn a_verifier_with_one_resource_does_not_look_at_the_path() {
        assert!(verifier(&["/a"]).pipeline_for("/b").metadata.is_some());
        assert!(verifier(&["/a"]).for_resource("https://api.example/a").is_none());
        assert!(verifier(&["/a", "/b"]).for_resource("https://api.example/c").is_none());
        let one = verifier(&["/a", "/b"]).for_resource("https://api.example/b").expect("declared");
        assert!(one.pipeline_for("/a").metadata.as_ref().is_some_and(|metadata| metadata.path().ends_with("/b")));
        assert!(one.resource_metadata().is_some_and(|metadata| metadata.path().ends_with("/b")));
    }
}
