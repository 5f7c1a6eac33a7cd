//! Addresses with several hosts, like `redis+cluster://user:password@one:7000,two:7001`.

#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
use ::redis::IntoConnectionInfo as _;
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
        Ok(with_resp3(format!("{scheme}://{credentials}{at}{host}{port}/{database}").into_connection_info()?))
    }
}

pub(super) fn invalid(problem: &'static str) -> RedisError {
    (ErrorKind::InvalidClientConfig, problem).into()
}

/// RESP3 carries messages and responses on one connection, in their order.
pub(super) fn with_resp3(server: ConnectionInfo) -> ConnectionInfo {
    let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    server.set_redis_settings(settings)
}
