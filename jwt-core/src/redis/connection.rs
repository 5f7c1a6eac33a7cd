//! The connection for commands. It reconnects by itself, and limits the time for each response.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::redis::{FromRedisValue, PushInfo, PushKind, RedisError, ScriptInvocation};
use tokio::sync::Mutex;

use super::RedisSettings;
use super::address::{Address, without_secrets};
use super::failure::{Failure, breaks_connection, category, code, forbidden_command, is_rejected};
use super::link::Link;
use crate::observe::Warned;

#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    address: Address,
    server: String,
    settings: RedisSettings,
    /// Held while connecting, so that concurrent commands share one attempt.
    current: Mutex<Option<Current>>,
    /// How many attempts to connect have failed.
    failed_attempts: AtomicU64,
    warned: Warned,
}

#[derive(Clone)]
struct Current {
    link: Link,
    /// Whether the connection is lost, or its server is the wrong one.
    is_broken: Arc<AtomicBool>,
}

/// A command or a script that a connection carries out.
#[derive(Clone, Copy)]
enum Request<'r> {
    #[cfg(feature = "issue")]
    Command(&'r ::redis::Cmd),
    Script(&'r ScriptInvocation<'r>),
}

impl Connection {
    /// Does not connect before the first command.
    pub(super) fn new(address: &str, settings: &RedisSettings) -> Result<Self, RedisError> {
        let server = without_secrets(address).to_owned();
        let (address, settings) = (Address::parse(address, settings)?, settings.clone());
        let (current, failed_attempts) = (Mutex::new(None), AtomicU64::new(0));
        Ok(Self(Arc::new(Shared { address, server, settings, current, failed_attempts, warned: Warned::default() })))
    }

    pub(super) fn address(&self) -> &Address {
        &self.0.address
    }

    /// The hosts of the address, for the log.
    pub(super) fn server(&self) -> &str {
        &self.0.server
    }

    #[cfg(feature = "issue")]
    pub(super) async fn query<T: FromRedisValue>(&self, command: &::redis::Cmd) -> Result<T, Failure> {
        self.run(Request::Command(command)).await
    }

    pub(super) async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Failure> {
        self.run(Request::Script(script)).await
    }

    /// Carries a request out, and once more on a new connection if the server rejected it because it's not the primary.
    async fn run<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, Failure> {
        let mut is_first = true;
        loop {
            let mut current = self.current().await?;
            let response = match request {
                #[cfg(feature = "issue")]
                Request::Command(command) => command.query_async(&mut current.link).await,
                Request::Script(script) => script.invoke_async(&mut current.link).await,
            };
            let error = match response {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if breaks_connection(&error) {
                current.is_broken.store(true, Ordering::SeqCst);
            }
            self.report(&error, "a command to the Redis server failed");
            if !(is_first && is_rejected(&error)) {
                return Err(Failure::from(&error));
            }
            is_first = false;
        }
    }

    async fn current(&self) -> Result<Current, Failure> {
        let failed_attempts = self.0.failed_attempts.load(Ordering::SeqCst);
        let mut current = self.0.current.lock().await;
        if let Some(current) = &*current
            && !current.is_broken.load(Ordering::SeqCst)
        {
            return Ok(current.clone());
        }
        // An attempt that failed while this command waited counts for it too.
        if self.0.failed_attempts.load(Ordering::SeqCst) != failed_attempts {
            return Err(Failure::Unreachable);
        }
        let is_broken = Arc::new(AtomicBool::new(false));
        let on_push = Arc::clone(&is_broken);
        let on_push = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                on_push.store(true, Ordering::SeqCst);
            }
            Ok::<(), ()>(())
        };
        match self.0.address.connect(&self.0.settings, on_push).await {
            Ok(link) => Ok(current.insert(Current { link, is_broken }).clone()),
            Err(error) => {
                *current = None;
                self.0.failed_attempts.fetch_add(1, Ordering::SeqCst);
                self.report(&error, "can't connect to the Redis server");
                Err(Failure::from(&error))
            }
        }
    }

    /// While the server is down, every operation fails. So each kind of error is logged at once, and then once a minute.
    pub(super) fn report(&self, error: &RedisError, what: &str) {
        self.report_end(Some(error), what);
    }

    /// Reports that a connection has ended, without an error if the server closed it.
    pub(super) fn report_end(&self, error: Option<&RedisError>, what: &str) {
        let (code, command) = (error.and_then(code), error.and_then(forbidden_command));
        let error = error.map_or("disconnected", category);
        let fault = format!("{what}: {error} {code:?} {command:?}");
        let monotonic = self.0.settings.revocations.clock.monotonic();
        if let Some(times) = self.0.warned.due(&fault, monotonic) {
            tracing::warn!(server = self.server(), error, code, command, times, "{what}");
        }
    }
}

// The address may contain a password.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
