//! Addresses with several hosts, like `redis+cluster://user:password@one:7000,two:7001`.

use std::time::Duration;

#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
use ::redis::IntoConnectionInfo as _;
use ::redis::io::tcp::TcpSettings;
use ::redis::io::tcp::socket2::TcpKeepalive;
use ::redis::{ConnectionInfo, ErrorKind, ProtocolVersion, RedisError};

/// The part of an address after the scheme, split.
#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
pub(super) struct Hosts<'a> {
    scheme: &'a str,
    credentials: &'a str,
    hosts: &'a str,
    /// What follows the hosts, without the slash and without the query.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
impl<'a> Hosts<'a> {
    /// `rest` is the address after `://`.
    pub(super) fn split(scheme: &'a str, rest: &'a str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        Self { scheme, credentials, hosts, path: path.trim_end_matches('/'), query }
    }

    /// Each host with its port, with the same credentials and database.
    pub(super) fn servers(&self, database: &str, default_port: u16) -> Result<Vec<ConnectionInfo>, RedisError> {
        let servers = self.hosts.split(',').map(|host| self.server(host.trim(), database, default_port));
        servers.collect()
    }

    fn server(&self, host: &str, database: &str, default_port: u16) -> Result<ConnectionInfo, RedisError> {
        if host.is_empty() {
            return Err(invalid("the address lacks a host"));
        }
        // The colons of an IPv6 address are in brackets.
        let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let port = if has_port { String::new() } else { format!(":{default_port}") };
        let Self { scheme, credentials, .. } = self;
        let at = if credentials.is_empty() { "" } else { "@" };
        Ok(prepared(format!("{scheme}://{credentials}{at}{host}{port}/{database}").into_connection_info()?))
    }
}

pub(super) fn invalid(problem: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, problem).into()
}

/// A server, with the settings of every connection to it. RESP3 carries messages and responses on one connection, in their order.
pub(super) fn prepared(server: ConnectionInfo) -> ConnectionInfo {
    let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    server.set_redis_settings(settings).set_tcp_settings(tcp_settings())
}

/// Firewalls and load balancers forget idle connections without a word, and the next command would wait in vain. Packets without
/// data keep them, and show that a server has vanished.
pub(super) fn tcp_settings() -> TcpSettings {
    const IDLE: Duration = Duration::from_secs(5);
    let keepalive = TcpKeepalive::new().with_time(IDLE);
    #[cfg(target_os = "linux")]
    let keepalive = keepalive.with_interval(IDLE).with_retries(3);
    TcpSettings::default().set_keepalive(keepalive)
}
