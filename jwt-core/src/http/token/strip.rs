//! Removes tokens from requests that are forwarded.

use super::cookies::{Pair, pairs};
use super::found::Location;
use super::sources::TokenSources;
use super::websocket;

/// The parts of a request that are removed before it's forwarded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    authorization: bool,
    cookies: Vec<String>,
    parameters: Vec<String>,
    headers: Vec<String>,
    websocket: bool,
    proof: bool,
}

/// Headers with a URL: of the page that sent the request, or of the request before a proxy changed it.
const ADDRESSES: [&str; 5] = ["referer", "x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-uri"];

/// The part of a header line that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Whole,
    Part(Vec<u8>),
    Nothing,
}

impl Strip {
    /// Removes the tokens that these sources read. Returns `None` if one of them does not know its place.
    pub(crate) fn of(sources: &TokenSources) -> Option<Self> {
        let mut strip = Self::default();
        for place in sources.places()? {
            match place {
                (Location::Authorization, _) => strip.authorization = true,
                // A proof is for this service only.
                (Location::Dpop, _) => (strip.authorization, strip.proof) = (true, true),
                (Location::Cookie, name) => strip.cookies.push(name.to_owned()),
                (Location::Query, name) => strip.parameters.push(name.to_owned()),
                (Location::Header, name) => strip.headers.push(name.to_ascii_lowercase()),
                (Location::WebSocketProtocol, _) => strip.websocket = true,
                (Location::Custom, _) => return None,
            }
        }
        Some(strip)
    }

    /// Returns the part of a header line to keep. `name` is in lower case. Headers for the next hop only are included, unlike in
    /// a source.
    pub(crate) fn header(&self, name: &str, value: &[u8]) -> Kept {
        match name {
            // Credentials of another scheme are not tokens.
            "authorization" if self.authorization && is_token(value) => Kept::Nothing,
            "dpop" if self.proof => Kept::Nothing,
            "cookie" if !self.cookies.is_empty() => self.cookie(value),
            websocket::HEADER if self.websocket => match websocket::without_tokens(value) {
                Some(kept) if kept == value => Kept::Whole,
                Some(kept) => Kept::Part(kept),
                None => Kept::Nothing,
            },
            _ if self.headers.iter().any(|header| header == name) => Kept::Nothing,
            _ if ADDRESSES.contains(&name) && !self.parameters.is_empty() => self.address(value),
            _ => Kept::Whole,
        }
    }

    /// Returns the path and query without tokens, or `None` if there are no tokens in them.
    pub(crate) fn target(&self, target: &str) -> Option<String> {
        let (path, query) = target.split_once('?').filter(|_| !self.parameters.is_empty())?;
        let is_kept = |parameter: &&str| {
            let name = form_urlencoded::parse(parameter.as_bytes()).next().map(|(name, _)| name);
            !name.is_some_and(|name| self.parameters.iter().any(|other| *other == name))
        };
        let kept: Vec<&str> = query.split('&').filter(is_kept).collect();
        if kept.len() == query.split('&').count() {
            return None;
        }
        Some(if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) })
    }

    /// Returns a URL without tokens and without a fragment. RFC 9110 section 10.1.3 forbids fragments in `Referer` anyway.
    fn address(&self, value: &[u8]) -> Kept {
        // URLs are ASCII. Servers may read anything else in different ways.
        let Some(value) = std::str::from_utf8(value).ok().filter(|value| value.is_ascii()) else {
            return Kept::Nothing;
        };
        let (address, fragment) = match value.split_once('#') {
            Some((address, _)) => (address, true),
            None => (value, false),
        };
        match self.target(address) {
            Some(address) => Kept::Part(address.into_bytes()),
            None if fragment => Kept::Part(address.as_bytes().to_vec()),
            None => Kept::Whole,
        }
    }

    fn cookie(&self, line: &[u8]) -> Kept {
        let is_kept = |pair: &Pair<'_>| !self.cookies.iter().any(|cookie| cookie.as_bytes() == pair.name);
        if pairs(line).all(|pair| is_kept(&pair)) {
            return Kept::Whole;
        }
        let kept: Vec<&[u8]> = pairs(line).filter(is_kept).map(|pair| pair.whole).collect();
        if kept.is_empty() { Kept::Nothing } else { Kept::Part(kept.join(&b"; "[..])) }
    }
}

/// Returns whether the credentials are a token, even a malformed one.
fn is_token(credentials: &[u8]) -> bool {
    let credentials = credentials.trim_ascii();
    let end = credentials.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(credentials.len());
    ["bearer", "dpop"].iter().any(|scheme| credentials[..end].eq_ignore_ascii_case(scheme.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::token::Location;

    fn strip() -> Strip {
        let sources = TokenSources::new().cookie("session").query("access_token").header("X-Token");
        let sources = sources.bearer_header("X-Forwarded-Authorization").websocket_protocol();
        Strip::of(&sources).expect("known places")
    }

    #[test]
    fn only_tokens_are_removed() {
        for (name, value, kept) in [
            ("authorization", "Bearer a", Kept::Nothing),
            ("authorization", " bearer  a", Kept::Nothing),
            ("authorization", "Bearer", Kept::Nothing),
            ("authorization", "Bearer=a", Kept::Nothing),
            ("authorization", "DPoP a", Kept::Nothing),
            ("authorization", "Basic a", Kept::Whole),
            ("authorization", "", Kept::Whole),
            ("cookie", "a=b", Kept::Whole),
            ("cookie", "session=x", Kept::Nothing),
            ("cookie", "a=b; session=x;c=d; session = y ;session", Kept::Part(b"a=b; c=d".to_vec())),
            ("cookie", "Session=x; sessions=y", Kept::Whole),
            ("x-token", "a", Kept::Nothing),
            ("x-tokens", "a", Kept::Whole),
            ("x-forwarded-authorization", "Bearer a", Kept::Nothing),
            ("sec-websocket-protocol", "bearer, a.b.c", Kept::Nothing),
            ("sec-websocket-protocol", "chat, bearer, a.b.c, x", Kept::Part(b"chat, x".to_vec())),
            (
                "sec-websocket-protocol",
                "base64url.bearer.authorization.k8s.io.YQ, v4.channel.k8s.io",
                Kept::Part(b"v4.channel.k8s.io".to_vec()),
            ),
            ("sec-websocket-protocol", "chat, superchat", Kept::Whole),
            ("referer", "https://a.example/b?access_token=c", Kept::Part(b"https://a.example/b".to_vec())),
            (
                "referer",
                "https://a.example/?b=c&access%5Ftoken=d&e#f",
                Kept::Part(b"https://a.example/?b=c&e".to_vec()),
            ),
            ("referer", "https://a.example/#access_token=b", Kept::Part(b"https://a.example/".to_vec())),
            ("referer", "https://a.example/?b=c", Kept::Whole),
            ("referer", "https://a.example/?é=1", Kept::Nothing),
            ("x-original-uri", "/a?access_token=b&c", Kept::Part(b"/a?c".to_vec())),
        ] {
            assert_eq!(strip().header(name, value.as_bytes()), kept, "{name}: {value}");
        }
        for (target, kept) in [
            ("/a?access_token=b", Some("/a")),
            ("/a?b=c&access_token=d&e&access_token", Some("/a?b=c&e")),
            ("/a?access%5Ftoken=b&c=%20", Some("/a?c=%20")),
            ("/a?b=access_token", None),
            ("/a?Access_token=b", None),
            ("/access_token=b", None),
            ("/a", None),
        ] {
            assert_eq!(strip().target(target).as_deref(), kept, "{target}");
        }
    }

    #[test]
    fn tokens_of_a_source_without_a_place_cannot_be_removed() {
        let closure = TokenSources::new().from_fn(Location::Header, |_| None);
        assert!(Strip::of(&closure).is_none());
        let only_cookie = Strip::of(&TokenSources::none().cookie("session")).expect("a known place");
        assert_eq!(only_cookie.header("authorization", b"Bearer a"), Kept::Whole);
        assert_eq!(only_cookie.target("/a?access_token=b"), None);
        assert_eq!(only_cookie.header("referer", b"/a?access_token=b"), Kept::Whole);
    }
}
