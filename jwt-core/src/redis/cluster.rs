//! The address of a cluster, by some of its nodes: `redis+cluster://one,two,three`.

use std::time::Duration;

use ::redis::aio::AsyncPushSender;
use ::redis::cluster::ClusterClientBuilder;
use ::redis::{ConnectionInfo, ProtocolVersion, RedisError};

use super::RedisSettings;
use super::hosts::{Hosts, invalid, tcp_settings};
use super::link::Link;

const DEFAULT_PORT: u16 = 6_379;

/// How often the client follows a redirection, or tries another node, before a command fails.
const RETRIES: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LAST_WAIT: Duration = Duration::from_millis(200);

pub(super) fn parse(scheme: &str, rest: &str) -> Result<Vec<ConnectionInfo>, RedisError> {
    let hosts = Hosts::split(scheme, rest);
    if !hosts.path.is_empty() || !hosts.query.is_empty() {
        return Err(invalid("the address of a cluster ends after its hosts"));
    }
    hosts.servers("", DEFAULT_PORT)
}

pub(super) async fn connect(
    nodes: &[ConnectionInfo],
    settings: &RedisSettings,
    push: impl AsyncPushSender,
) -> Result<Link, RedisError> {
    let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    let builder = ClusterClientBuilder::new(nodes.iter().cloned())
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp_settings())
        // A node that hangs is waited for twice: once as one of the address, and once as one of the cluster.
        .connection_timeout(settings.connect_timeout * 2 / 5)
        .response_timeout(settings.timeout)
        // Redirections and new connections add to the time of the response.
        .overall_response_timeout(Some(settings.timeout.saturating_mul(2).saturating_add(settings.connect_timeout)))
        .retries(RETRIES)
        .min_retry_wait(millis(FIRST_WAIT))
        .max_retry_wait(millis(LAST_WAIT))
        .push_sender(push);
    #[cfg(feature = "redis-tls")]
    let builder = match &settings.certificates {
        Some(certificates) => builder.certs(certificates.clone()),
        None => builder,
    };
    Ok(Link::Cluster(builder.build()?.get_async_connection().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_some_nodes() {
        let nodes = parse("redis", "ada:secret@one,two:7001").expect("an address");
        let addresses: Vec<String> = nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(addresses, ["one:6379", "two:7001"]);
        assert!(nodes.iter().all(|node| node.redis_settings().password() == Some("secret")));
        for wrong in ["", "one,,two", "one/1", "one?a=b"] {
            assert!(parse("redis", wrong).is_err(), "{wrong}");
        }
    }
}
