//! A connection to the server that reconnects by itself and limits the time for each response.

use std::fmt;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisError, ScriptInvocation};

/// Why the server didn't carry out a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// The server has reached `maxmemory`.
    Full,
    /// There was no response, a late one, or an error.
    Unreachable,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the Redis server has reached `maxmemory`",
            Self::Unreachable => "the Redis server is unavailable",
        })
    }
}

impl std::error::Error for Failure {}

#[derive(Clone)]
pub(super) struct Connection {
    pub(super) client: Client,
    manager: ConnectionManager,
    timeout: Duration,
}

impl Connection {
    /// Doesn't connect before the first command.
    pub(super) fn new(server: impl IntoConnectionInfo, timeout: Duration) -> Result<Self, RedisError> {
        let server = server.into_connection_info()?;
        // RESP3 carries messages and responses on one connection, in their order.
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(server.set_redis_settings(settings))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { client, manager, timeout })
    }

    pub(super) async fn query<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, Failure> {
        let mut connection = self.manager.clone();
        self.with_timeout(command.query_async(&mut connection)).await
    }

    pub(super) async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Failure> {
        let mut connection = self.manager.clone();
        self.with_timeout(script.invoke_async(&mut connection)).await
    }

    async fn with_timeout<T>(&self, response: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, response).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::warn!(error = error.category(), code = error.code(), "a command to the Redis server failed");
                Err(if error.code() == Some("OOM") { Failure::Full } else { Failure::Unreachable })
            }
            Err(_) => {
                tracing::warn!("the Redis server did not answer in time: see `RedisSettings::timeout`");
                Err(Failure::Unreachable)
            }
        }
    }
}

// The address may contain a password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
