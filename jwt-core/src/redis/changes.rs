//! Asks the server for changes, and about itself.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use ::redis::{ErrorKind, RedisError, Script, ScriptInvocation};

use super::link::Link;
use super::position::{ChangeId, Progress};
use super::scripts::{BEGIN, FOLLOW, INFO};
use super::server::Server;
use crate::clock::Moment;
use crate::revocation::{Origin, Record};

/// The message that says that an epoch has begun.
pub(super) const NEW_EPOCH: &[u8] = b"epoch";

/// How many changes a response has at most.
const PAGE: usize = 1_000;

/// How the server's data relates to the process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The server lacks the mark of an epoch: it's new, was flushed, or lost a part.
    Lost,
    /// This process does not know the epoch.
    New,
    /// The log does not reach back to the position.
    Gap,
    /// The server lacks a change that this process knows, as after a failover that lost writes.
    Forked,
    /// The changes after the position follow.
    Known,
}

pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) epoch: String,
    /// How long ago the epoch began, or data was last restored.
    pub(super) age: Duration,
    pub(super) last: ChangeId,
    pub(super) has_more: bool,
}

/// A server's description of itself; empty if the user may not ask.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Info {
    /// Names one run of one server.
    pub(super) run: Option<String>,
    pub(super) eviction_policy: Option<String>,
}

/// Adds the changes after the position to the memory. Only a primary answers.
pub(super) async fn ask(
    server: &Server,
    link: &mut Link,
    epoch: &str,
    progress: &Progress,
    asked: Moment,
) -> Result<Reply, RedisError> {
    let position = progress.position();
    let mut script = on_all_keys(server, &FOLLOW);
    script.arg(epoch).arg(position.map(|position| position.to_string()).unwrap_or_default()).arg(PAGE);
    let reply: Vec<String> = script.invoke_async(link).await?;
    let answered = server.moment();
    let mut reply = reply.into_iter();
    let mut next = || reply.next().ok_or_else(unreadable);
    let status = match next()?.as_str() {
        "lost" => Status::Lost,
        "new" => Status::New,
        "gap" => Status::Gap,
        "forked" => Status::Forked,
        "known" => Status::Known,
        _ => return Err(unreadable()),
    };
    let epoch = next()?;
    if status == Status::Lost {
        let last = ChangeId::default();
        return Ok(Reply { status, epoch, age: Duration::ZERO, last, has_more: false });
    }
    let age = Duration::from_millis(next()?.parse().unwrap_or(0));
    let last = ChangeId::parse(&next()?).ok_or_else(unreadable)?;
    let time = Duration::from_micros(next()?.parse().map_err(|_| unreadable())?);
    server.feed.compare_clocks(asked, answered, time);
    let mut reached = position;
    while let (Some(id), Some(record)) = (reply.next(), reply.next()) {
        match Record::parse_message(&record) {
            Some((record, key)) => server.remember(record, key, Origin::Store),
            None => server.report_unreadable(),
        }
        reached = Some(ChangeId::parse(&id).ok_or_else(unreadable)?);
    }
    if let (Status::Known, Some(from), Some(to)) = (status, position, reached) {
        progress.advance(from, to);
    }
    Ok(Reply { status, epoch, age, last, has_more: reached != Some(last) })
}

/// Begins an epoch on a server that lacks one.
pub(super) async fn begin(server: &Server, link: &mut Link) -> Result<(), RedisError> {
    let mut script = on_all_keys(server, &BEGIN);
    // Each state of hashers is random.
    script.arg(format!("{:016x}", RandomState::new().hash_one(()))).arg(&server.channel);
    let _: i64 = script.invoke_async(link).await?;
    Ok(())
}

pub(super) async fn info(server: &Server, link: &mut Link) -> Info {
    let text: Result<String, RedisError> = INFO.key(&server.shards[0]).invoke_async(link).await;
    text.map(|text| Info::parse(&text)).unwrap_or_default()
}

impl Info {
    fn parse(text: &str) -> Self {
        let value = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.trim().to_owned())
        };
        Self { run: value("run_id"), eviction_policy: value("maxmemory_policy") }
    }
}

fn on_all_keys<'s>(server: &Server, script: &'s Script) -> ScriptInvocation<'s> {
    let mut script = script.prepare_invoke();
    for shard in &server.shards {
        script.key(shard);
    }
    script.key(&server.log);
    script
}

fn unreadable() -> RedisError {
    (ErrorKind::Parse, "the revocations on the server are unreadable: were they written by another version?").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_about_itself_is_read() {
        let text = "# Server\r\nredis_version:7.0.15\r\nrun_id:5f0b\r\n# Memory\r\nmaxmemory_policy:allkeys-lru\r\n";
        let info = Info { run: Some("5f0b".to_owned()), eviction_policy: Some("allkeys-lru".to_owned()) };
        assert_eq!(Info::parse(text), info);
        assert_eq!(Info::parse(""), Info::default());
    }
}
