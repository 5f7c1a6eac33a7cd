use crate::http::request::RequestView;

/// Whose page sent a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Own,
    Other,
    Unknown,
}

impl Sender {
    /// Where the page that sent the request comes from, as the browser says. A page cannot set these headers itself:
    /// their names are forbidden to scripts.
    pub(super) fn of(request: &dyn RequestView, allowed: &[String]) -> Self {
        let (mut site, mut origin) = (Line::default(), Line::default());
        request.header("sec-fetch-site", &mut |value| site.add(value));
        request.header("origin", &mut |value| origin.add(value));
        // `null`, the origin of whoever hides theirs, is no origin, even if it was allowed by mistake.
        let is_allowed = |origin: &[u8]| allowed.iter().any(|own| own.as_bytes() == origin && is_origin(own));
        let is_named = || origin.only().is_some_and(is_allowed);
        let same = match (&site, &origin) {
            (Line::None, Line::None) => return Self::Unknown,
            (Line::None, _) => origin.only().is_some_and(|origin| is_own(origin, request)),
            (_, _) => matches!(site.only(), Some(b"same-origin" | b"none")),
        };
        if same || is_named() { Self::Own } else { Self::Other }
    }
}

/// A header that must not be repeated.
#[derive(Default)]
pub(super) enum Line<'r> {
    #[default]
    None,
    One(&'r [u8]),
    Several,
}

impl<'r> Line<'r> {
    pub(super) fn add(&mut self, value: &'r [u8]) {
        *self = match self {
            Self::None => Self::One(value),
            _ => Self::Several,
        };
    }

    pub(super) const fn only(&self) -> Option<&'r [u8]> {
        match self {
            Self::One(value) => Some(*value),
            _ => None,
        }
    }
}

/// A WebSocket's handshake is a `GET` that any page can trigger, cookies and all; the answer can be read by that page.
pub(super) fn is_handshake(request: &dyn RequestView) -> bool {
    let mut upgrades = false;
    request.header("upgrade", &mut |value| {
        let mut protocols = value.split(|&byte| byte == b',');
        upgrades |= protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"));
    });
    upgrades
}

/// Whether `origin` names the host and port that the request was sent to. The scheme cannot be compared, because only
/// what terminates TLS knows it.
fn is_own(origin: &[u8], request: &dyn RequestView) -> bool {
    let Some(at) = origin.windows(3).position(|part| part == b"://") else { return false };
    let named = &origin[at + 3..];
    host(request).is_some_and(|host| !host.is_empty() && host.eq_ignore_ascii_case(named))
}

/// The host and port that a request was sent to. RFC 9112 section 3.2: a target with a host of its own goes before the
/// header.
pub(in crate::http) fn host(request: &dyn RequestView) -> Option<&[u8]> {
    if let Some(authority) = request.authority() {
        return Some(authority.as_bytes());
    }
    let mut host = Line::default();
    request.header("host", &mut |value| host.add(value));
    host.only()
}

/// `scheme "://" host [ ":" port ]`, in lower case and without the scheme's own port. RFC 6454 section 6.2.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let legal = |text: &str, others: &[u8]| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || others.contains(&byte))
    };
    let own_port = (scheme == "https" && host.ends_with(":443")) || (scheme == "http" && host.ends_with(":80"));
    let filled = !scheme.is_empty() && !host.is_empty() && !host.starts_with(':') && !host.ends_with(':');
    filled && !own_port && legal(scheme, b"+-.") && legal(host, b".-_:[]")
}
