use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::crypto::SigningKey;

use super::answer::{self, Head};
use super::received::Received;
use super::script::{Document, Script};

/// Longer requests are not for an issuer.
const MAX_HEAD: usize = 16 * 1024;
const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// What the connections of an issuer share.
pub(super) struct Stage {
    pub(super) address: String,
    pub(super) name: String,
    path: String,
    state: Mutex<State>,
    pub(super) received: watch::Sender<Vec<Received>>,
    /// How often held requests were released.
    pub(super) gate: watch::Sender<u64>,
}

pub(super) struct State {
    pub(super) keys: Vec<SigningKey>,
    pub(super) signing: SigningKey,
    pub(super) cache_control: Option<String>,
    pub(super) etags: bool,
    version: u64,
    scripts: [(Script, usize); Document::ALL.len()],
}

impl State {
    pub(super) fn publish(&mut self, keys: Vec<SigningKey>) {
        self.keys = keys;
        self.version += 1;
    }

    pub(super) fn script(&mut self, document: Document, script: Script) {
        self.scripts[index(document)] = (script, 0);
    }

    /// The script of the next request, one of the turns where they are taken.
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

impl Stage {
    pub(super) fn new(address: String, path: String, name: String, key: SigningKey) -> Self {
        let scripts = [Script::Well, Script::Well, Script::Well].map(|script| (script, 0));
        let keys = vec![key.clone()];
        let state = State { keys, signing: key, cache_control: None, etags: false, version: 1, scripts };
        let (received, gate) = (watch::Sender::default(), watch::Sender::default());
        Self { address, name, path, state: Mutex::new(state), received, gate }
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn jwks_uri(&self) -> String {
        format!("{}{}/jwks", self.address, self.path)
    }

    /// OpenID Connect appends to the issuer; RFC 8414 section 3.1 inserts between host and path.
    fn document(&self, target: &str) -> Option<Document> {
        let path = &self.path;
        let addresses = [format!("{path}{OPENID}"), format!("{OAUTH}{path}"), format!("{path}/jwks")];
        Document::ALL.into_iter().zip(addresses).find(|(_, address)| address == target).map(|(document, _)| document)
    }

    /// The document as it is at the moment.
    fn text(&self, document: Document, script: &Script) -> String {
        match document {
            Document::KeySet => self.change(|state| answer::key_set(&state.keys)),
            Document::OpenIdMetadata | Document::OAuthMetadata => {
                answer::metadata(&self.name, &self.jwks_uri(), script)
            }
        }
    }

    /// What is said of the document besides its text.
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

/// Serves until the task is ended, and its connections with it.
pub(super) async fn serve(listener: TcpListener, stage: Arc<Stage>) {
    let mut connections = JoinSet::new();
    loop {
        // A connection that is broken off before it is accepted is nothing to stop for.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let stage = Arc::clone(&stage);
        // So is one that is broken off later.
        connections.spawn(async move { drop(converse(stream, &stage).await) });
        while connections.try_join_next().is_some() {}
    }
}

/// One request and its answer.
async fn converse(mut stream: TcpStream, stage: &Stage) -> io::Result<()> {
    let head = read_head(&mut stream).await?;
    let Some(received) = Received::read(&head, |target| stage.document(target)) else { return Ok(()) };
    let (document, known) = (received.document, received.header("if-none-match").map(str::to_owned));
    let script = document.map(|document| stage.change(|state| state.next(document)));
    // Before the request is counted: whoever waits for it may release it at once.
    let mut gate = stage.gate.subscribe();
    stage.received.send_modify(|all| all.push(received));
    let (Some(document), Some(mut script)) = (document, script) else {
        return stream.write_all(&answer::status(404)).await;
    };
    if script == Script::Slow {
        released(&mut gate).await;
        script = match stage.change(|state| state.next(document)) {
            Script::Slow => Script::Well,
            other => other,
        };
    }
    let (head, text) = (stage.head(document), stage.text(document, &script));
    if script == Script::Well && known.is_some() && known == head.etag {
        return stream.write_all(&head.not_modified()).await;
    }
    match script {
        Script::HangUp => Ok(()),
        Script::BlackHole => stream.read_to_end(&mut Vec::new()).await.map(drop),
        Script::SlowHead => {
            let whole = head.with_body(answer::JSON, text.as_bytes());
            in_two(&mut stream, &mut gate, whole.split_at("HTTP/1.1 200 OK\r\n".len())).await
        }
        Script::SlowBody => {
            let whole = head.with_body(answer::JSON, text.as_bytes());
            in_two(&mut stream, &mut gate, whole.split_at(whole.len() - text.len() / 2)).await
        }
        Script::EndlessHead => endlessly(&mut stream, b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n").await,
        Script::EndlessBody => endlessly(&mut stream, &answer::open_ended(), &[b' '; 16 * 1024]).await,
        script => stream.write_all(&answer::whole(&script, &head, &text)).await,
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
    // It fails when the issuer is gone, and then nobody is held any more.
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
    // Until the other side has enough, which is an error here.
    loop {
        stream.write_all(again).await?;
    }
}
