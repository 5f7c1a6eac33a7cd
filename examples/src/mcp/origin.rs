use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// The names of the user's own machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Refuses requests that name another host, or that a page of another host sent.
///
/// A web page can send requests to servers on its visitor's machine: its own name then has the address 127.0.0.1 (DNS
/// rebinding). The browser puts that name into `Host` and `Origin`. Use this as the state of [`allow_hosts`].
#[derive(Clone, Debug)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Allows the host and the port of this address. If the host is this machine, its other names are allowed too.
    #[must_use]
    pub fn of(resource: &str) -> Self {
        let authority = resource.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let authority = authority.to_ascii_lowercase();
        let port = LOOPBACK.iter().find_map(|host| authority.strip_prefix(host));
        match port.filter(|port| port.is_empty() || port.starts_with(':')) {
            Some(port) => Self(LOOPBACK.iter().map(|host| format!("{host}{port}")).collect()),
            None => Self(vec![authority]),
        }
    }

    fn allow(&self, authority: &str) -> bool {
        self.0.iter().any(|host| host.eq_ignore_ascii_case(authority))
    }

    fn allow_request(&self, request: &Request) -> bool {
        let one = |name: HeaderName| {
            let mut values = request.headers().get_all(name).iter();
            (values.next().and_then(|value| value.to_str().ok()), values.next().is_none())
        };
        let origin = match one(header::ORIGIN) {
            (Some(origin), true) => origin.split_once("://").is_some_and(|(_, authority)| self.allow(authority)),
            (None, _) => !request.headers().contains_key(header::ORIGIN),
            (Some(_), false) => false,
        };
        let host = match one(header::HOST) {
            (Some(host), only) => only && self.allow(host),
            // HTTP/2 has it in the address.
            (None, _) => request.uri().authority().is_some_and(|authority| self.allow(authority.as_str())),
        };
        host && origin
    }
}

/// Middleware that answers 403 unless `Host` is one of the hosts and `Origin` is absent or one of them.
pub async fn allow_hosts(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if hosts.allow_request(&request) { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}
