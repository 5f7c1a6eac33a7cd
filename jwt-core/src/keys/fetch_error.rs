#[cfg(feature = "remote")]
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::error::BoxError;

/// Why a document could not be fetched or used.
///
/// A [`Fetch`](super::Fetch) of your own says it with [`new`](Self::new), and passes its client's error on as the cause. The
/// log shows the whole chain of causes.
///
/// ```
/// use jwt_core::keys::{FetchError, FetchErrorKind};
///
/// let error = FetchError::new(FetchErrorKind::Status, "status 404");
/// assert_eq!(error.to_string(), "the status isn't 200: status 404");
/// ```
#[derive(Clone, Debug)]
pub struct FetchError {
    kind: FetchErrorKind,
    detail: Option<Arc<str>>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`FetchError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The connection failed or broke off.
    Transport,
    /// The response did not arrive in time.
    Timeout,
    /// The response's status isn't 200.
    Status,
    /// The body is larger than the limit.
    TooLarge,
    /// The body isn't the expected document, or the address isn't a URL.
    Content,
    /// The discovery document names another issuer. RFC 8414 section 3.3.
    IssuerMismatch,
    /// The address is neither `https` nor on a loopback host.
    InsecureUrl,
    /// The verifier's `IssuerResolver::hosts` does not allow the address's host.
    HostNotAllowed,
    /// The key set has no usable key.
    NoUsableKey,
}

impl FetchErrorKind {
    /// Returns the stable, machine-readable name in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Status => "status",
            Self::TooLarge => "too_large",
            Self::Content => "content",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::InsecureUrl => "insecure_url",
            Self::HostNotAllowed => "host_not_allowed",
            Self::NoUsableKey => "no_usable_key",
        }
    }
}

impl FetchError {
    /// Creates an error with its cause: the error of an HTTP client, or a text. It must not contain anything secret, because it's
    /// logged.
    #[must_use]
    pub fn new(kind: FetchErrorKind, cause: impl Into<BoxError>) -> Self {
        let cause: BoxError = cause.into();
        let detail = describe(&*cause);
        Self { kind, detail: Some(detail.into()), cause: Some(cause.into()) }
    }

    /// Creates an error with a sentence for the operator.
    #[cfg(feature = "remote")]
    pub(crate) fn explained(kind: FetchErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail: Cow<'static, str> = detail.into();
        Self { kind, detail: Some(detail.into()), cause: None }
    }

    #[cfg(feature = "remote")]
    pub(super) fn too_large(max_bytes: usize) -> Self {
        let detail =
            format!("the body has more than the {max_bytes} bytes that `KeyRefreshSettings::max_bytes` allows");
        Self::explained(FetchErrorKind::TooLarge, detail)
    }

    /// Names the address that was asked.
    #[cfg(feature = "remote")]
    pub(super) fn at(self, url: &str) -> Self {
        let address = url.split(['?', '#']).next().unwrap_or_default();
        let detail = self.detail.as_deref().unwrap_or_else(|| self.kind.text());
        Self { detail: Some(format!("`{}`: {detail}", printable(address)).into()), ..self }
    }

    /// Returns a sentence for the operator: the address, the cause in words, and what to change if that is known. The log has it
    /// too. Its words may change in any release. `None` if there is nothing to add to the kind.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Returns the detail, or the meaning of the kind.
    pub(crate) fn explanation(&self) -> Arc<str> {
        self.detail.clone().unwrap_or_else(|| self.kind.text().into())
    }

    /// Returns what went wrong.
    #[must_use]
    pub const fn kind(&self) -> FetchErrorKind {
        self.kind
    }
}

impl From<FetchErrorKind> for FetchError {
    fn from(kind: FetchErrorKind) -> Self {
        Self { kind, detail: None, cause: None }
    }
}

/// Two errors are equal if their kinds are: the cause is for people.
impl PartialEq for FetchError {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for FetchError {}

impl FetchErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::Transport => "connection failed",
            Self::Timeout => "no response in time",
            Self::Status => "the status isn't 200",
            Self::TooLarge => "the body is larger than the limit",
            Self::Content => "not the expected document",
            Self::IssuerMismatch => "the discovery document names another issuer",
            Self::InsecureUrl => "the address isn't https",
            Self::HostNotAllowed => "`IssuerResolver::hosts` doesn't allow the host",
            Self::NoUsableKey => "the key set has no usable key",
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = &**self.cause.as_ref()?;
        Some(cause)
    }
}

/// The longest part of a foreign text that is logged, in characters.
const MAX_CHARS: usize = 300;

/// Returns a foreign text in a form that cannot break a log.
pub(crate) fn printable(text: &str) -> String {
    let mut chars = text.chars();
    let mut start: String = chars.by_ref().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    if chars.next().is_some() {
        start.push('…');
    }
    start.replace("\\'", "'").replace("\\\"", "\"")
}

/// Words of a client's error in lower case, and what to do about it. The first match counts.
const ADVICE: &[(&[&str], &str)] = &[
    (&["certificate expired"], "the server must renew its certificate, unless this machine's clock is wrong"),
    (&["certificate not valid yet", "certificate not yet valid"], "this machine's clock is probably wrong"),
    (
        &["not valid for name", "not valid for any names"],
        "the certificate is for another host: correct the address, or have the certificate name this host too",
    ),
    (
        &["certificaterequired", "certificate required"],
        "the server wants a client's certificate: pass `HttpFetch::from_client` a client that has one",
    ),
    (
        &["certificate"],
        "if the server has a certificate of a private authority, pass `HttpFetch::from_client` a client that trusts it",
    ),
    (
        &["invalidcontenttype", "corrupt message", "wrong version number"],
        "the server doesn't speak TLS at this port: is it plain `http`?",
    ),
    (
        &["handshakefailure", "handshake failure", "protocolversion", "protocol version"],
        "the server and this client have no version or cipher of TLS in common",
    ),
    (&["invalid dns name"], "no host can have this name: correct the host in the address"),
    (
        &["dns error", "failed to lookup", "name resolution"],
        "DNS doesn't know the host: is the name right, and known inside this container or network?",
    ),
    (
        &["tunnel", "proxy"],
        "the proxy of this machine doesn't let the request through: set `HTTPS_PROXY` and `NO_PROXY`, or pass \
         `HttpFetch::from_client` a client with the right proxy",
    ),
    (
        &["connection refused"],
        "nothing listens at this address: is the server up and the port right? In a container, `localhost` is the container \
         itself",
    ),
    (
        &["no route to host", "unreachable"],
        "this machine has no route to the address: look at its network, and whether it needs a proxy",
    ),
];

/// Joins the messages of an error and its causes, and adds what to do about the well-known ones.
fn describe(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    let mut refused = "";
    while let Some(error) = next {
        let message = error.to_string();
        if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            refused = "connection refused";
        }
        // Some errors repeat their cause's message.
        if !text.contains(&message) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&message);
        }
        next = error.source();
    }
    let lower = text.to_ascii_lowercase() + refused;
    let advice = ADVICE.iter().find(|(words, _)| words.iter().any(|word| lower.contains(word)));
    match advice {
        Some((_, advice)) => format!("{}; {advice}", printable(&text)),
        None => printable(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Self>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[test]
    fn the_chain_of_causes_is_shown_with_advice() {
        let chain =
            |cause| Layer("error sending request", Some(Box::new(Layer("client error (Connect)", Some(cause)))));
        for (cause, advice) in [
            ("invalid peer certificate: UnknownIssuer", "private authority"),
            ("invalid peer certificate: certificate expired: verification time 5", "must renew its certificate"),
            ("invalid peer certificate: certificate not valid yet: verification time 5", "clock"),
            ("received fatal alert: CertificateRequired", "client's certificate"),
            ("received fatal alert: HandshakeFailure", "in common"),
            ("tcp connect error: Network is unreachable (os error 101)", "no route"),
            ("received corrupt message of type InvalidContentType", "plain `http`"),
            ("dns error: failed to lookup address information", "DNS doesn't know"),
            ("tunnel error: unsuccessful", "HTTPS_PROXY"),
            ("tcp connect error: Connection refused (os error 111)", "nothing listens"),
            ("connection closed before message completed", "message completed"),
        ] {
            let error = FetchError::new(FetchErrorKind::Transport, chain(Box::new(Layer(cause, None))));
            let detail = error.detail().expect("a detail");
            assert!(detail.starts_with("error sending request: client error (Connect): "), "{detail}");
            assert!(detail.contains(cause) && detail.contains(advice), "{detail}");
            assert!(error.source().is_some() && error.to_string().ends_with(detail));
        }
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        assert!(FetchError::new(FetchErrorKind::Transport, io).to_string().contains("nothing listens"));
    }

    #[test]
    fn a_foreign_text_is_bounded_and_breaks_no_log() {
        let error = FetchError::new(FetchErrorKind::Transport, "a\r\nb\u{1b}".repeat(500));
        let detail = error.detail().expect("a detail");
        assert!(detail.starts_with("a\\r\\nb\\u{1b}a") && detail.len() < 3_000 && detail.ends_with('…'), "{detail}");
        assert_eq!(printable("`a` isn't \"b\""), "`a` isn't \"b\"");
    }
}
