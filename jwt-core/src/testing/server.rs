use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::crypto::SigningKey;

use super::response::{self, Head};
use super::script::{Document, Script};

/// The maximum length of a request's head.
const MAX_HEAD: usize = 16 * 1024;
const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// A request that a [`ScriptedIssuer`](super::ScriptedIssuer) received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The requested document, or `None` if this path has no document.
    pub document: Option<Document>,
    /// The method.
    pub method: String,
    /// The path and the query, as they were sent.
    pub target: String,
    /// The header lines in order, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// Returns the value of the first header line called `name`, which must be in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Parses the part of a request before the first blank line.
    fn parse(head: &str, document: impl FnOnce(&str) -> Option<Document>) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut request = lines.next()?.split(' ');
        let (method, target) = (request.next()?.to_owned(), request.next()?.to_owned());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { document: document(&target), method, target, headers })
    }
}

/// State shared by an issuer and its connections.
pub(super) struct ServerState {
    pub(super) address: String,
    pub(super) name: String,
    path: String,
    behavior: Mutex<Behavior>,
    pub(super) received: watch::Sender<Vec<Received>>,
    /// How often waiting requests were released.
    pub(super) gate: watch::Sender<u64>,
}

/// The issuer's documents, and how it answers.
pub(super) struct Behavior {
    pub(super) keys: Vec<SigningKey>,
    pub(super) signing: SigningKey,
    pub(super) cache_control: Option<String>,
    pub(super) etags: bool,
    version: u64,
    scripts: [(Script, usize); Document::ALL.len()],
}

impl Behavior {
    pub(super) fn publish(&mut self, keys: Vec<SigningKey>) {
        self.keys = keys;
        self.version += 1;
    }

    pub(super) fn script(&mut self, document: Document, script: Script) {
        self.scripts[index(document)] = (script, 0);
    }

    /// Returns the script of the next request.
    fn next(&mut self, document: Document) -> Script {
        let (script, turn) = &mut self.scripts[index(document)];
        match script {
            Script::Turns(scripts) if !scripts.is_empty() => {
                *turn += 1;
                scripts[(*turn - 1) % scripts.len()].clone()
            }
            script => script.clone(),
        }
    }
}

impl ServerState {
    pub(super) fn new(address: String, path: String, name: String, key: SigningKey) -> Self {
        let scripts = [Script::Well, Script::Well, Script::Well].map(|script| (script, 0));
        let keys = vec![key.clone()];
        let behavior = Behavior { keys, signing: key, cache_control: None, etags: false, version: 1, scripts };
        let (received, gate) = (watch::Sender::default(), watch::Sender::default());
        Self { address, name, path, behavior: Mutex::new(behavior), received, gate }
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Behavior) -> T) -> T {
        change(&mut self.behavior.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn jwks_uri(&self) -> String {
        format!("{}{}/jwks", self.address, self.path)
    }

    /// Returns the document at this path. OpenID Connect appends the well-known part to the issuer, RFC 8414 section 3.1 inserts it
    /// between host and path.
    fn document(&self, target: &str) -> Option<Document> {
        let path = &self.path;
        let addresses = [format!("{path}{OPENID}"), format!("{OAUTH}{path}"), format!("{path}/jwks")];
        Document::ALL.into_iter().zip(addresses).find(|(_, address)| address == target).map(|(document, _)| document)
    }

    /// Returns the document's current text.
    fn text(&self, document: Document, script: &Script) -> String {
        match document {
            Document::KeySet => self.change(|state| response::key_set(&state.keys)),
            Document::OpenIdMetadata | Document::OAuthMetadata => {
                response::metadata(&self.name, &self.jwks_uri(), script)
            }
        }
    }

    /// Returns the document's headers.
    fn head(&self, document: Document) -> Head {
        if document != Document::KeySet {
            return Head::default();
        }
        self.change(|state| Head {
            cache_control: state.cache_control.clone(),
            etag: state.etags.then(|| format!("\"set-{}\"", state.version)),
        })
    }
}

const fn index(document: Document) -> usize {
    match document {
        Document::OpenIdMetadata => 0,
        Document::OAuthMetadata => 1,
        Document::KeySet => 2,
    }
}

/// Serves until the task is aborted, which also ends its connections.
pub(super) async fn serve(listener: TcpListener, state: Arc<ServerState>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that fails before it's accepted does not stop the server.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = Arc::clone(&state);
        // Neither does one that fails later.
        connections.spawn(async move { drop(answer(stream, &state).await) });
        while connections.try_join_next().is_some() {}
    }
}

/// Reads one request and answers it.
async fn answer(mut stream: TcpStream, state: &ServerState) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    let Some(received) = Received::parse(&head, |target| state.document(target)) else { return Ok(()) };
    let (document, known) = (received.document, received.header("if-none-match").map(str::to_owned));
    let script = document.map(|document| state.change(|state| state.next(document)));
    // Subscribe before the request is counted, because a test that waits for it may release it immediately.
    let mut gate = state.gate.subscribe();
    state.received.send_modify(|all| all.push(received));
    let (Some(document), Some(mut script)) = (document, script) else {
        return stream.write_all(&response::status(404)).await;
    };
    if script == Script::Slow {
        released(&mut gate).await;
        script = match state.change(|state| state.next(document)) {
            Script::Slow => Script::Well,
            other => other,
        };
    }
    let (head, text) = (state.head(document), state.text(document, &script));
    if script == Script::Well && known.is_some() && known == head.etag {
        return stream.write_all(&head.not_modified()).await;
    }
    match script {
        Script::HangUp => Ok(()),
        Script::BlackHole => stream.read_to_end(&mut Vec::new()).await.map(drop),
        Script::SlowHead => {
            let whole = head.with_body(response::JSON, text.as_bytes());
            in_two(&mut stream, &mut gate, whole.split_at("HTTP/1.1 200 OK\r\n".len())).await
        }
        Script::SlowBody => {
            let whole = head.with_body(response::JSON, text.as_bytes());
            in_two(&mut stream, &mut gate, whole.split_at(whole.len() - text.len() / 2)).await
        }
        Script::EndlessHead => endlessly(&mut stream, b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n").await,
        Script::EndlessBody => endlessly(&mut stream, &response::open_ended(), &[b' '; 16 * 1024]).await,
        script => stream.write_all(&response::whole(&script, &head, &text)).await,
    }
}

async fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            bytes.truncate(end);
            return String::from_utf8(bytes).map_err(io::Error::other);
        }
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn released(gate: &mut watch::Receiver<u64>) {
    // It fails only if the issuer was dropped.
    let _ = gate.changed().await;
}

async fn in_two(
    stream: &mut TcpStream,
    gate: &mut watch::Receiver<u64>,
    (first, second): (&[u8], &[u8]),
) -> io::Result<()> {
    stream.write_all(first).await?;
    stream.flush().await?;
    released(gate).await;
    stream.write_all(second).await
}

async fn endlessly(stream: &mut TcpStream, first: &[u8], again: &[u8]) -> io::Result<()> {
    stream.write_all(first).await?;
    // The loop ends with an error when the client closes the connection.
    loop {
        stream.write_all(again).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_parsed_unchanged() {
        let received = Received::parse("GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: a: b", |_| None).unwrap();
        assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", "/a?b"));
        assert_eq!((received.header("host"), received.header("x")), (Some("h:1"), Some("a: b")));
        assert_eq!(Received::parse("", |_| None), None);
    }
}
