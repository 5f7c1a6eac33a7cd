//! Tokens in `Sec-WebSocket-Protocol`, because pages cannot set other headers of a WebSocket handshake. RFC 6455 section 1.9.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::found::{Found, Location};
use super::source::{TokenSource, end_to_end};
use crate::http::csrf::is_websocket_handshake;
use crate::http::request::RequestView;

pub(super) const HEADER: &str = "sec-websocket-protocol";

/// The protocol that announces a token. The token follows as if it were the next protocol.
pub(crate) const BEARER: &str = "bearer";

/// The protocol of Kubernetes, which has the token in it.
const KUBERNETES: &str = "base64url.bearer.authorization.k8s.io.";

#[derive(Debug)]
pub(super) struct WebSocketProtocol;

impl TokenSource for WebSocketProtocol {
    fn find<'r>(&self, request: &'r dyn RequestView, found: &mut Found<'r>) {
        if !is_websocket_handshake(request) {
            return;
        }
        end_to_end(request, HEADER, |line| {
            for part in parts(line) {
                match part {
                    Part::Token(token) => found.add(token, Location::WebSocketProtocol),
                    // If it cannot be decoded, the token is empty, and so malformed.
                    Part::Encoded(token) => {
                        found.add(URL_SAFE_NO_PAD.decode(token).unwrap_or_default(), Location::WebSocketProtocol);
                    }
                    Part::Other(_) => {}
                }
            }
        });
    }

    fn place(&self) -> Option<(Location, &str)> {
        Some((Location::WebSocketProtocol, HEADER))
    }
}

/// A part of a line.
enum Part<'l> {
    /// The protocol after `bearer`, if the client offered one.
    Token(&'l [u8]),
    Encoded(&'l [u8]),
    Other(&'l [u8]),
}

/// Splits a line. A token must be in the same line as `bearer`.
fn parts(line: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut items = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    std::iter::from_fn(move || {
        let item = items.next()?;
        Some(match item.strip_prefix(KUBERNETES.as_bytes()) {
            Some(token) => Part::Encoded(token),
            None if item == BEARER.as_bytes() => Part::Token(items.next().unwrap_or_default()),
            None => Part::Other(item),
        })
    })
}

/// Returns whether the client offers the protocol `bearer`, so that the server can select it.
pub(crate) fn offers_bearer(request: &dyn RequestView) -> bool {
    let mut offers = false;
    request.header(HEADER, &mut |line| offers |= parts(line).any(|part| matches!(part, Part::Token(_))));
    offers
}

/// Returns the line without tokens, or `None` if nothing is left.
pub(super) fn without_tokens(line: &[u8]) -> Option<Vec<u8>> {
    let kept: Vec<&[u8]> = parts(line)
        .filter_map(|part| match part {
            Part::Other(item) => Some(item),
            Part::Token(_) | Part::Encoded(_) => None,
        })
        .collect();
    (!kept.is_empty()).then(|| kept.join(&b", "[..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BareRequest;

    fn find(lines: &[&str]) -> Vec<String> {
        let request = BareRequest::new("GET", "/").header("upgrade", "websocket");
        let request = lines.iter().fold(request, |request, line| request.header("Sec-WebSocket-Protocol", *line));
        let mut found = Found::default();
        WebSocketProtocol.find(&request, &mut found);
        let first = found.first.map(|(token, _)| String::from_utf8_lossy(&token).into_owned());
        first.into_iter().chain((1..found.candidates).map(|_| "…".to_owned())).collect()
    }

    #[test]
    fn both_forms_are_read_and_others_are_protocols() {
        for (lines, expected, kept) in [
            (&["bearer, a.b.c"][..], &["a.b.c"][..], None),
            (&["chat, bearer,a.b.c ,superchat"], &["a.b.c"], Some("chat, superchat")),
            (
                &["base64url.bearer.authorization.k8s.io.YS5iLmM, v4.channel.k8s.io"],
                &["a.b.c"],
                Some("v4.channel.k8s.io"),
            ),
            (&["base64url.bearer.authorization.k8s.io.?"], &[""], None),
            (&["base64url.bearer.authorization.k8s.io."], &[""], None),
            (&["bearer"], &[""], None),
            (&["bearer, a.b.c, bearer, d.e.f"], &["a.b.c", "…"], None),
            (&["bearer, a.b.c, base64url.bearer.authorization.k8s.io.YS5iLmM"], &["a.b.c", "…"], None),
            (&["chat, superchat"], &[], Some("chat, superchat")),
            (&["Bearer, a.b.c"], &[], Some("Bearer, a.b.c")),
            (&["bearers, a.b.c"], &[], Some("bearers, a.b.c")),
        ] {
            assert_eq!(find(lines), expected, "{lines:?}");
            let left = without_tokens(lines[0].as_bytes());
            assert_eq!(left.as_deref(), kept.map(str::as_bytes), "{lines:?}");
        }
        assert_eq!(find(&["bearer", "a.b.c"]), [""], "the token must be in the same line");
        assert_eq!(find(&["bearer, a", "bearer, b"]), ["a", "…"]);
    }

    #[test]
    fn only_a_handshake_has_a_token_there() {
        let request = BareRequest::new("GET", "/").header("sec-websocket-protocol", "bearer, a.b.c");
        let mut found = Found::default();
        WebSocketProtocol.find(&request, &mut found);
        assert_eq!(found.candidates, 0);
    }
}
