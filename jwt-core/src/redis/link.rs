//! The way to the server: one connection that mends itself, and a limit for every answer.

use std::fmt;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisError, ScriptInvocation};

/// What keeps the server from doing what it is asked to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// Its memory is full, and it may drop nothing.
    Full,
    /// It did not answer, not in time, or with an error.
    Unreachable,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "Redis is full",
            Self::Unreachable => "Redis does not answer",
        })
    }
}

impl std::error::Error for Failure {}

#[derive(Clone)]
pub(super) struct Link {
    pub(super) client: Client,
    manager: ConnectionManager,
    timeout: Duration,
}

impl Link {
    /// Connects when something is asked.
    pub(super) fn new(server: impl IntoConnectionInfo, timeout: Duration) -> Result<Self, RedisError> {
        let server = server.into_connection_info()?;
        // The third version of the protocol carries messages and answers on one connection, in their order.
        let settings = server.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(server.set_redis_settings(settings))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_number_of_retries(1);
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Self { client, manager, timeout })
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, Failure> {
        let mut connection = self.manager.clone();
        self.within(command.query_async(&mut connection)).await
    }

    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Failure> {
        let mut connection = self.manager.clone();
        self.within(script.invoke_async(&mut connection)).await
    }

    async fn within<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(error = error.category(), code = error.code(), "Redis failed");
                Err(if error.code() == Some("OOM") { Failure::Full } else { Failure::Unreachable })
            }
            Err(_) => {
                tracing::warn!("Redis did not answer in time");
                Err(Failure::Unreachable)
            }
        }
    }
}

// An address may hold a password.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
