//! Why the server did not carry out a command, and whether another connection may help.

use std::fmt;

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

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

/// Codes of a server that may no longer be the primary, or isn't ready: another address or a later attempt may be.
const WRONG_SERVER: [&str; 6] = ["READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "NOREPLICAS"];
const FULL: &str = "OOM";
const FORBIDDEN: &str = "NOPERM";

impl From<&RedisError> for Failure {
    fn from(error: &RedisError) -> Self {
        if code(error) == Some(FULL) { Self::Full } else { Self::Unreachable }
    }
}

/// The server's error code.
///
/// Redis 6 answers `ERR` if a command in a script fails, and has that command's code in the text. Redis 7 answers `ERR` if the
/// user may not run it.
pub(super) fn code(error: &RedisError) -> Option<&str> {
    let code = error.code()?;
    let detail = error.detail().unwrap_or_default();
    let nested = WRONG_SERVER.into_iter().chain([FULL]).find(|code| detail.contains(&format!("-{code} ")));
    let is_forbidden =
        ["no permissions to ", "The user executing the script can't "].iter().any(|text| detail.contains(text));
    Some(match nested {
        _ if code != "ERR" => code,
        Some(nested) => nested,
        None if is_forbidden => FORBIDDEN,
        None => code,
    })
}

/// The command that the user has no right to. Redis 7.0 does not name those of scripts.
pub(super) fn forbidden_command(error: &RedisError) -> Option<&str> {
    let (command, _) = error.detail()?.split_once("run the '")?.1.split_once('\'')?;
    // The rest of the text may have names of keys.
    let is_command = command.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'|');
    (code(error) == Some(FORBIDDEN) && is_command).then_some(command)
}

/// Whether the next command should use another connection.
pub(super) fn breaks_connection(error: &RedisError) -> bool {
    // A response that came too late is an I/O error too: the peer may be gone without a word.
    error.is_io_error()
        || error.is_unrecoverable_error()
        || code(error).is_some_and(|code| WRONG_SERVER.contains(&code))
}

/// Whether a server that isn't the primary rejected the command, so that nothing has changed.
pub(super) fn is_rejected(error: &RedisError) -> bool {
    matches!(code(error), Some("READONLY" | "MASTERDOWN" | "CLUSTERDOWN" | "MOVED"))
}

/// What to call an error in the log. The text of the server's response may contain arguments, so it isn't shown.
pub(super) fn category(error: &RedisError) -> &str {
    #[cfg(feature = "redis-tls")]
    if let Some(problem) = super::tls::certificate_problem(error) {
        return problem;
    }
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoPerm) => "no permission",
        _ if code(error) == Some(FORBIDDEN) => "no permission",
        _ if matches!(code(error), Some("NOAUTH" | "WRONGPASS")) => "authentication failed",
        _ if code(error) == Some("NOREPLICAS") => "too few replicas",
        ErrorKind::Io if error.is_timeout() => "no answer in time",
        ErrorKind::Io if error.is_connection_refusal() => "connection refused",
        _ => error.category(),
    }
}

#[cfg(test)]
mod tests {
    use ::redis::make_extension_error;

    use super::*;

    fn answer(code: &str, detail: &str) -> RedisError {
        make_extension_error(code.to_owned(), Some(detail.to_owned()))
    }

    #[test]
    fn a_server_that_cannot_write_costs_it_its_connection() {
        let readonly = "script: 5f0b, on @user_script:1: -READONLY You can't write against a read only replica.";
        for (error, expected, breaks) in [
            (answer("NOREPLICAS", "Not enough good replicas to write."), "NOREPLICAS", true),
            (answer("READONLY", "You can't write against a read only replica."), "READONLY", true),
            (answer("ERR", readonly), "READONLY", true),
            (answer("ERR", "a name with -OOM in it"), "OOM", false),
            (answer("OOM", "command not allowed when used memory > 'maxmemory'."), "OOM", false),
            (answer("WRONGTYPE", "-READONLY is the name of a key"), "WRONGTYPE", false),
        ] {
            assert_eq!((code(&error), breaks_connection(&error)), (Some(expected), breaks), "{error}");
        }
        assert!(matches!(Failure::from(&answer("OOM", "command not allowed")), Failure::Full));
        assert!(matches!(Failure::from(&answer("READONLY", "replica")), Failure::Unreachable));
    }

    #[test]
    fn a_missing_right_is_called_that_and_its_command_named() {
        let direct = "this user has no permissions to run the 'subscribe' command";
        let select = "this user has no permissions to run the 'select' command";
        let script =
            "The user executing the script can't run this command or subcommand script: e6a8, on @user_script:1.";
        let key = "User app has no permissions to access the 'run the 'Ada'' key";
        for (code, detail, command) in [
            ("NOPERM", direct, Some("subscribe")),
            ("ERR", select, Some("select")),
            ("ERR", "ACL failure in script: User app has no permissions to run the 'xadd' command", Some("xadd")),
            ("ERR", script, None),
            ("NOPERM", key, None),
        ] {
            let error = answer(code, detail);
            assert_eq!(super::code(&error), Some(FORBIDDEN), "{detail}");
            assert_eq!((category(&error), forbidden_command(&error)), ("no permission", command), "{detail}");
        }
        let other = answer("ERR", "unknown command, run the 'other' command");
        assert_eq!((code(&other), forbidden_command(&other)), (Some("ERR"), None));
        assert_eq!(category(&answer("NOREPLICAS", "Not enough good replicas to write.")), "too few replicas");
        assert_eq!(category(&answer("WRONGPASS", "invalid username-password pair")), "authentication failed");
    }

    #[test]
    fn an_io_error_breaks_the_connection() {
        let error = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        assert!(breaks_connection(&error));
        assert_eq!(category(&error), "no answer in time");
    }
}
