//! Finds the one token of a request.

use super::cookies::HOST_PREFIX;
use super::found::{Found, Location, NoToken, RawToken};
use super::removal::{Removal, in_turn};
use super::sources::{Place, TokenSources};
use crate::error::ErrorKind;
use crate::http::request::RequestView;

impl TokenSources {
    /// Finds the one token of the request.
    pub(crate) fn find_token<'r>(&self, request: &'r dyn RequestView) -> Result<RawToken<'r>, NoToken> {
        let (mut found, mut removal) = (Found::default(), None::<&Removal>);
        for place in &self.places {
            let before = found.candidates;
            place.source.find(request, &mut found);
            if before == 0 && found.candidates > 0 {
                removal = place.removal.as_ref();
            }
            if self.first_wins && found.candidates > 0 {
                break;
            }
        }
        // RFC 6750 section 3.1: "uses more than one method for including an access token" is `invalid_request`.
        if found.candidates > 1
            && !self.first_wins
            && let Some((place, own)) = self.host_cookie(request)
        {
            (found, removal) = (own, place.removal.as_ref());
        }
        if found.candidates > 1 {
            return Err(NoToken { kind: ErrorKind::MultipleCredentials, removals: self.removals(request) });
        }
        let (bytes, location) = found.first.ok_or(ErrorKind::NoCredentials)?;
        let csrf = match location {
            Location::Cookie | Location::Custom => self.csrf.check_request(request)?.map(Box::new),
            _ => None,
        };
        Ok(RawToken { bytes, location, csrf, removal: removal.and_then(|removal| removal.own.clone()) })
    }

    /// Returns the `Set-Cookie` values for a request with several tokens, so that at most one cookie is left: the browser would
    /// send all of them with every request.
    fn removals(&self, request: &dyn RequestView) -> Vec<String> {
        let mut places = Vec::new();
        for place in &self.places {
            let mut found = Found::default();
            place.source.find(request, &mut found);
            if found.candidates > 0 {
                places.push((place, found.candidates));
                if self.first_wins {
                    break;
                }
            }
        }
        let is_cookie = |place: &Place| matches!(place.source.place(), Some((Location::Cookie, _)));
        let is_host = |(place, count): &(&Place, usize)| {
            *count == 1 && place.removal.as_ref().is_some_and(|removal| removal.one_per_host)
        };
        let only_cookies = places.iter().all(|(place, _)| is_cookie(place));
        // No other host can have set it.
        let has_own = places.iter().filter(|place| is_host(place)).count() == 1;
        let at_fault = places.iter().filter(|place| place.1 > 1 || (only_cookies && !(has_own && is_host(place))));
        let removals = at_fault.filter_map(|(place, _)| place.removal.as_ref());
        in_turn(removals.flat_map(|removal| removal.of_every_copy(request)).collect())
    }

    /// Finds the token of a `__Host-` cookie if all other tokens are in cookies of the same name without the prefix. Pages of
    /// sibling domains can set those, but not this one.
    fn host_cookie<'r>(&self, request: &'r dyn RequestView) -> Option<(&Place, Found<'r>)> {
        let (mut host, mut bare_name) = (None, None);
        for place in &self.places {
            let mut found = Found::default();
            place.source.find(request, &mut found);
            if found.candidates == 0 {
                continue;
            }
            let Some((Location::Cookie, name)) = place.source.place() else { return None };
            let bare = name.strip_prefix(HOST_PREFIX);
            if *bare_name.get_or_insert(bare.unwrap_or(name)) != bare.unwrap_or(name) {
                return None;
            }
            if bare.is_some() && host.replace((place, found)).is_some() {
                return None;
            }
        }
        host.filter(|(_, found)| found.candidates == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

    fn find(sources: &TokenSources, request: &BareRequest) -> Result<(String, Location), ErrorKind> {
        let found = sources.find_token(request).map_err(|refused| refused.kind)?;
        Ok((found.text()?.to_owned(), found.location))
    }

    fn get(target: &str) -> BareRequest {
        BareRequest::new("GET", target)
    }

    #[test]
    fn the_authorization_header_follows_its_grammar() {
        use ErrorKind::{MalformedCredentials, MultipleCredentials, NoCredentials};
        for (value, expected) in [
            (&b"Bearer abc"[..], Ok("abc")),
            (b"bearer abc", Ok("abc")),
            (b"BEARER  abc", Ok("abc")),
            (b" Bearer abc ", Ok("abc")),
            (b"Bearer", Err(MalformedCredentials)),
            (b"Bearer ", Err(MalformedCredentials)),
            (b"Bearer\tabc", Err(MalformedCredentials)),
            (b"Bearer=abc", Err(MalformedCredentials)),
            (b"Bearer/abc", Err(MalformedCredentials)),
            (b"Bearer a b", Err(MalformedCredentials)),
            (b"Bearer a,b", Err(MalformedCredentials)),
            (b"Bearer a, Bearer b", Err(MalformedCredentials)),
            (b"Bearer \xa0abc", Err(MalformedCredentials)),
            (b"Bearer ab\x7f", Err(MalformedCredentials)),
            (b"Bearer \xff\xfe", Err(MalformedCredentials)),
            (b"BearerX abc", Err(NoCredentials)),
            (b"Basic abc", Err(NoCredentials)),
            (b"DPoP abc", Err(NoCredentials)),
            (b"", Err(NoCredentials)),
        ] {
            let request = get("/").header("Authorization", value);
            let found = find(&TokenSources::new(), &request);
            let expected = expected.map(|token| (token.to_owned(), Location::Authorization));
            assert_eq!(found, expected, "{}", value.escape_ascii());
        }
        let twice = get("/").header("Authorization", "Basic x").header("authorization", "Bearer abc");
        assert_eq!(find(&TokenSources::new(), &twice), Err(MultipleCredentials));
    }

    #[test]
    fn a_header_for_the_next_hop_is_ignored() {
        let request = get("/").header("Authorization", "Bearer abc").header("Connection", "close, authorization");
        assert_eq!(find(&TokenSources::new(), &request), Err(ErrorKind::NoCredentials));
    }

    #[test]
    fn other_sources_are_off_by_default() {
        let request = get("/?access_token=abc").header("Cookie", "access_token=abc").header("X-Token", "abc");
        assert_eq!(find(&TokenSources::new(), &request), Err(ErrorKind::NoCredentials));
        for (sources, location) in [
            (TokenSources::new().cookie("access_token"), Location::Cookie),
            (TokenSources::new().query("access_token"), Location::Query),
            (TokenSources::new().header("X-Token"), Location::Header),
            (TokenSources::new().from_fn(Location::Custom, |_| Some("abc".to_owned())), Location::Custom),
        ] {
            assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), location)));
        }
    }

    #[test]
    fn the_authorization_header_is_read_once_even_if_it_is_added_twice() {
        let request = get("/").header("Authorization", "Bearer abc");
        for sources in [TokenSources::none().authorization(), TokenSources::new().authorization()] {
            assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), Location::Authorization)));
            assert_eq!(sources.bearer_methods(), ["header"]);
        }
    }

    #[test]
    fn two_tokens_are_refused_wherever_they_are() {
        let both = TokenSources::new().cookie("t").query("t").header("x-t");
        for request in [
            get("/?t=a&t=a"),
            get("/?t=a").header("cookie", "t=a"),
            get("/").header("cookie", "t=a; t=a"),
            get("/").header("cookie", "t=a").header("cookie", "t=a"),
            get("/").header("authorization", "Bearer a").header("x-t", "a"),
            get("/").header("x-t", "a").header("x-t", "a"),
        ] {
            assert_eq!(find(&both, &request), Err(ErrorKind::MultipleCredentials));
        }
    }

    #[test]
    fn a_malformed_token_is_refused_in_every_source() {
        let all = TokenSources::new().cookie("t").query("t").header("x-t");
        for request in [
            get("/?t="),
            get("/?t=%FF"),
            get("/?t=a%20b"),
            get("/").header("cookie", "t=a\u{e9}"),
            get("/").header("cookie", b"t=\xff".to_vec()),
            get("/").header("x-t", "a b"),
        ] {
            assert_eq!(find(&all, &request), Err(ErrorKind::MalformedCredentials));
        }
    }

    #[test]
    fn an_empty_cookie_has_no_token() {
        let sources = TokenSources::new().cookie("t");
        assert_eq!(find(&sources, &get("/").header("cookie", "t=")), Err(ErrorKind::NoCredentials));
        let request = get("/").header("cookie", "t=; a=b").header("authorization", "Bearer abc");
        assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), Location::Authorization)));
        let request = get("/").header("cookie", "t=; t=abc");
        assert_eq!(find(&sources, &request), Ok(("abc".to_owned(), Location::Cookie)));
    }

    #[test]
    fn a_host_cookie_counts_before_the_same_name_without_the_prefix() {
        use ErrorKind::MultipleCredentials;
        let sources = TokenSources::new().cookie("t").cookie("__Host-t").cookie("u");
        for (cookies, expected) in [
            ("__Host-t=a; t=b", Ok("a")),
            ("t=b; __Host-t=a", Ok("a")),
            ("t=b; t=c; __Host-t=a", Ok("a")),
            ("t=b; __Host-t=", Ok("b")),
            ("__Host-t=a; __Host-t=b", Err(MultipleCredentials)),
            ("__Host-t=a; __Host-t=b; t=c", Err(MultipleCredentials)),
            ("__Host-t=a; u=b", Err(MultipleCredentials)),
            ("__Host-t=a; t=b; u=c", Err(MultipleCredentials)),
            ("t=a; u=b", Err(MultipleCredentials)),
            ("t=a; t=b", Err(MultipleCredentials)),
        ] {
            let found = find(&sources, &get("/").header("cookie", cookies));
            assert_eq!(found, expected.map(|token| (token.to_owned(), Location::Cookie)), "{cookies}");
        }
        let with_header = get("/").header("cookie", "__Host-t=a; t=b").header("authorization", "Bearer c");
        assert_eq!(find(&sources, &with_header), Err(MultipleCredentials));
        let post = BareRequest::new("POST", "/").header("cookie", "__Host-t=a; t=b");
        let cross = post.header("sec-fetch-site", "cross-site");
        assert_eq!(find(&sources, &cross), Err(ErrorKind::CsrfFailed));
        let secure = TokenSources::none().cookie("t").cookie("__Secure-t");
        let both = get("/").header("cookie", "__Secure-t=a; t=b");
        assert_eq!(find(&secure, &both), Err(MultipleCredentials), "a sibling domain can set either");
    }

    #[test]
    fn a_closure_that_may_read_cookies_gets_the_csrf_check() {
        use Location::{Authorization, Cookie, Custom, Header};
        for (location, refused) in [(Cookie, true), (Custom, true), (Header, false), (Authorization, false)] {
            let sources = TokenSources::none().from_fn(location, |_| Some("abc".to_owned()));
            let post = BareRequest::new("POST", "/").header("sec-fetch-site", "cross-site");
            let expected = if refused { Err(ErrorKind::CsrfFailed) } else { Ok(("abc".to_owned(), location)) };
            assert_eq!(find(&sources, &post), expected, "{location:?}");
        }
    }

    #[test]
    fn a_header_that_keeps_the_scheme_follows_the_grammar_of_authorization() {
        use ErrorKind::{MalformedCredentials, MultipleCredentials, NoCredentials};
        let sources = TokenSources::none().bearer_header("X-Forwarded-Authorization");
        for (value, expected) in [
            ("Bearer abc", Ok("abc")),
            ("bearer  abc", Ok("abc")),
            ("Bearer", Err(MalformedCredentials)),
            ("Bearer a b", Err(MalformedCredentials)),
            ("Basic abc", Err(NoCredentials)),
            ("abc", Err(NoCredentials)),
        ] {
            let found = find(&sources, &get("/").header("x-forwarded-authorization", value));
            assert_eq!(found, expected.map(|token| (token.to_owned(), Location::Header)), "{value}");
        }
        let twice = get("/").header("x-forwarded-authorization", "Bearer a");
        let twice = twice.header("x-forwarded-authorization", "Basic b");
        assert_eq!(find(&sources, &twice), Err(MultipleCredentials));
        let both = get("/").header("x-forwarded-authorization", "Bearer a").header("authorization", "Bearer a");
        assert_eq!(find(&sources.authorization(), &both), Err(MultipleCredentials));
    }

    #[test]
    fn the_first_source_counts_only_if_that_is_asked_for() {
        use ErrorKind::{CsrfFailed, MalformedCredentials, MultipleCredentials};
        let sources = || TokenSources::new().cookie("t").query("t");
        let request = || get("/?t=c").header("cookie", "t=b").header("authorization", "Bearer a");
        assert_eq!(find(&sources(), &request()), Err(MultipleCredentials));
        let first = sources().dangerous_first_source_wins();
        for (request, expected) in [
            (request(), Ok(("a", Location::Authorization))),
            (get("/?t=c").header("cookie", "t=b"), Ok(("b", Location::Cookie))),
            (get("/?t=c").header("cookie", "t="), Ok(("c", Location::Query))),
            (get("/?t=c").header("authorization", "Basic a"), Ok(("c", Location::Query))),
            (get("/?t=c").header("authorization", "Bearer"), Err(MalformedCredentials)),
            (get("/?t=c").header("cookie", "t=a; t=b"), Err(MultipleCredentials)),
            (
                BareRequest::new("POST", "/").header("cookie", "t=a").header("origin", "https://x.example"),
                Err(CsrfFailed),
            ),
        ] {
            let expected = expected.map(|(token, location)| (token.to_owned(), location));
            assert_eq!(find(&first, &request), expected);
        }
    }

    #[test]
    fn a_query_token_is_read_only_from_safe_methods() {
        let sources = TokenSources::new().query("t");
        assert_eq!(find(&sources, &BareRequest::new("POST", "/?t=a")), Err(ErrorKind::NoCredentials));
        assert_eq!(find(&sources, &get("/?x=1&t=a%2Eb")), Ok(("a.b".to_owned(), Location::Query)));
    }
}
