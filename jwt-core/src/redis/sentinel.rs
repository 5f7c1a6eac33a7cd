//! The primary that Sentinels name: `redis+sentinel://one,two,three/name`.

use ::redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use ::redis::{Client, ConnectionAddr, ConnectionInfo, ProtocolVersion, RedisError, TlsMode};

use super::RedisSettings;
use super::hosts::{Hosts, invalid, tcp_settings};

const DEFAULT_PORT: u16 = 26_379;

pub(super) struct Sentinels {
    /// The Sentinels' addresses, each with the database and the credentials of the primary.
    sentinels: Vec<ConnectionInfo>,
    name: String,
    /// The Sentinels' own credentials.
    username: Option<String>,
    password: Option<String>,
}

impl Sentinels {
    pub(super) fn parse(scheme: &str, rest: &str) -> Result<Self, RedisError> {
        let hosts = Hosts::split(scheme, rest);
        let (name, database) = hosts.path.split_once('/').unwrap_or((hosts.path, ""));
        if name.is_empty() {
            return Err(invalid("the address lacks the primary's name: `redis+sentinel://HOSTS/NAME`"));
        }
        let mut credentials = (None, None);
        for (name, value) in form_urlencoded::parse(hosts.query.as_bytes()) {
            match name.as_ref() {
                "sentinel_username" => credentials.0 = Some(value.into_owned()),
                "sentinel_password" => credentials.1 = Some(value.into_owned()),
                _ => return Err(invalid("the address has an unknown parameter")),
            }
        }
        let sentinels = hosts.servers(database, DEFAULT_PORT)?;
        Ok(Self { sentinels, name: name.to_owned(), username: credentials.0, password: credentials.1 })
    }

    pub(super) fn database(&self) -> i64 {
        self.sentinels[0].redis_settings().db()
    }

    /// Asks the Sentinels for the primary. The client checks with the server itself that it's the primary.
    pub(super) async fn primary(&self, settings: &RedisSettings) -> Result<Client, RedisError> {
        self.builder(settings)?.build()?.async_get_client().await
    }

    fn builder(&self, settings: &RedisSettings) -> Result<SentinelClientBuilder, RedisError> {
        let addresses: Vec<ConnectionAddr> = self.sentinels.iter().map(|sentinel| sentinel.addr().clone()).collect();
        let primary = self.sentinels[0].redis_settings();
        let tls = match &addresses[0] {
            ConnectionAddr::TcpTls { insecure: true, .. } => Some(TlsMode::Insecure),
            ConnectionAddr::TcpTls { .. } => Some(TlsMode::Secure),
            _ => None,
        };
        let mut builder = SentinelClientBuilder::new(addresses, &self.name, SentinelServerType::Master)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_tcp_settings(tcp_settings())
            .set_client_to_redis_db(primary.db());
        if let Some(tls) = tls {
            builder = builder.set_client_to_redis_tls_mode(tls);
            #[cfg(feature = "redis-tls")]
            if let Some(certificates) = &settings.certificates {
                builder = builder
                    .set_client_to_redis_certificates(certificates.clone())
                    .set_client_to_sentinel_certificates(certificates.clone());
            }
        }
        #[cfg(not(feature = "redis-tls"))]
        let _ = settings;
        if let Some(username) = primary.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = primary.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(username) = &self.username {
            builder = builder.set_client_to_sentinel_username(username);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_sentinels_and_the_primary() {
        let rest = "ada:p%40ss@one,two:1,[::1]:2/main/3?sentinel_password=s%2Cecret";
        let sentinels = Sentinels::parse("redis", rest).expect("an address");
        let addresses: Vec<String> = sentinels.sentinels.iter().map(|server| server.addr().to_string()).collect();
        assert_eq!(addresses, ["one:26379", "two:1", "::1:2"]);
        let primary = sentinels.sentinels[0].redis_settings();
        assert_eq!((primary.username(), primary.password(), primary.db()), (Some("ada"), Some("p@ss"), 3));
        assert_eq!((sentinels.name.as_str(), sentinels.password.as_deref()), ("main", Some("s,ecret")));
        assert!(sentinels.builder(&RedisSettings::new()).and_then(SentinelClientBuilder::build).is_ok());
        for wrong in ["one,two", "one/", "/main", "one,/main", "one/main/x", "one/main?other=1", "one:x/main"] {
            assert!(Sentinels::parse("redis", wrong).is_err(), "{wrong}");
        }
    }
}
