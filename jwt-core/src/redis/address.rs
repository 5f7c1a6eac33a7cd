//! The address of a server, of the Sentinels that know the primary, or of a cluster's nodes.

use std::fmt;

use ::redis::aio::AsyncPushSender;
use ::redis::{AsyncConnectionConfig, Client, IntoConnectionInfo as _, RedisError};
use tokio::time::timeout;

use super::RedisSettings;
use super::hosts::prepared;
use super::link::Link;

/// Where to connect to.
pub(super) enum Address {
    Server(Client),
    #[cfg(feature = "redis-sentinel")]
    Sentinel(super::sentinel::Sentinels),
    #[cfg(feature = "redis-cluster")]
    Cluster(Vec<::redis::ConnectionInfo>),
}

impl Address {
    pub(super) fn parse(address: &str, settings: &RedisSettings) -> Result<Self, RedisError> {
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        match scheme.split_once('+') {
            #[cfg(feature = "redis-sentinel")]
            Some((scheme, "sentinel")) => Ok(Self::Sentinel(super::sentinel::Sentinels::parse(scheme, rest)?)),
            #[cfg(feature = "redis-cluster")]
            Some((scheme, "cluster")) => Ok(Self::Cluster(super::cluster::parse(scheme, rest)?)),
            #[cfg(not(feature = "redis-sentinel"))]
            Some((_, "sentinel")) => Err(super::hosts::invalid("`redis+sentinel:` needs the feature `redis-sentinel`")),
            #[cfg(not(feature = "redis-cluster"))]
            Some((_, "cluster")) => Err(super::hosts::invalid("`redis+cluster:` needs the feature `redis-cluster`")),
            _ => {
                let _ = rest;
                let server = prepared(address.into_connection_info()?);
                #[cfg(feature = "redis-tls")]
                if let Some(certificates) = &settings.certificates {
                    return Ok(Self::Server(Client::build_with_tls(server, certificates.clone())?));
                }
                #[cfg(not(feature = "redis-tls"))]
                let _ = settings;
                Ok(Self::Server(Client::open(server)?))
            }
        }
    }

    /// The number of the database. A cluster has only one.
    pub(super) fn database(&self) -> i64 {
        match self {
            Self::Server(client) => client.get_connection_info().redis_settings().db(),
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinels) => sentinels.database(),
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => 0,
        }
    }

    /// Opens a connection; `push` gets the messages that the server sends unasked.
    pub(super) async fn connect(
        &self,
        settings: &RedisSettings,
        push: impl AsyncPushSender,
    ) -> Result<Link, RedisError> {
        #[cfg(feature = "redis-tls")]
        super::tls::ensure_provider();
        let late = || std::io::Error::from(std::io::ErrorKind::TimedOut).into();
        timeout(settings.connect_timeout, self.open(settings, push)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn open(&self, settings: &RedisSettings, push: impl AsyncPushSender) -> Result<Link, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.timeout));
        match self {
            Self::Server(client) => {
                let config = config.set_push_sender(push);
                Ok(Link::Node(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(sentinels) => {
                let primary = sentinels.primary(settings).await?;
                let config = config.set_push_sender(push);
                Ok(Link::Node(primary.get_multiplexed_async_connection_with_config(&config).await?))
            }
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(nodes) => super::cluster::connect(nodes, settings, push).await,
        }
    }
}

/// The part of an address that names hosts and a database.
pub(super) fn without_secrets(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, hosts)| hosts)
}

// Addresses may contain a password.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server(_) => "Server",
            #[cfg(feature = "redis-sentinel")]
            Self::Sentinel(_) => "Sentinel",
            #[cfg(feature = "redis-cluster")]
            Self::Cluster(_) => "Cluster",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_secrets_names_hosts_and_a_database() {
        for (address, expected) in [
            ("redis://127.0.0.1/", "127.0.0.1/"),
            ("rediss://ada:secret@one:7000/3#insecure", "one:7000/3"),
            ("redis+sentinel://ada:p@ss@one,two/main/0?sentinel_password=s@cret", "one,two/main/0"),
            ("redis+unix:///run/redis.sock?pass=secret", "/run/redis.sock"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(address), expected);
        }
    }
}
