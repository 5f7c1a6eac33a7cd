//! A network between processes and servers: it can be slow, be cut, and lead to another server.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::server::Server;

pub(crate) struct Proxy {
    port: u16,
    target: Arc<AtomicU16>,
    accepted: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
    connections: Arc<Mutex<JoinSet<()>>>,
    _listener: JoinSet<()>,
}

impl Proxy {
    /// Leads to a server; each way takes this long.
    pub(crate) async fn to(server: &Server, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (target, accepted) = (Arc::new(AtomicU16::new(server.port())), Arc::new(AtomicU64::new(0)));
        let (connections, most) = (Arc::new(Mutex::new(JoinSet::new())), Arc::new(AtomicU64::new(u64::MAX)));
        let mut task = JoinSet::new();
        let (to, count, all) = (Arc::clone(&target), Arc::clone(&accepted), Arc::clone(&connections));
        let bytes = Arc::clone(&most);
        task.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                count.fetch_add(1, Ordering::SeqCst);
                let to = to.load(Ordering::SeqCst);
                all.lock().expect("no panic").spawn(carry(client, to, delay, bytes.load(Ordering::SeqCst)));
            }
        });
        Self { port, target, accepted, most, connections, _listener: task }
    }

    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Leads new connections to another server. Existing ones stay.
    pub(crate) fn lead_to(&self, server: &Server) {
        self.target.store(server.port(), Ordering::SeqCst);
    }

    /// Cuts each new connection after so many bytes from the server.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.most.store(bytes, Ordering::SeqCst);
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        self.connections.lock().expect("no panic").abort_all();
    }

    /// The number of connections so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, to: u16, delay: Duration, most: u64) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = forward(from_client, to_server, delay) => {}
        () = forward(from_server.take(most), to_client, delay) => {}
    }
}

/// Delivers everything in order, each part after the delay.
async fn forward(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: Duration) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length) = from.read(&mut buffer).await
            && length > 0
            && sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_ok()
        {}
    };
    let write = async move {
        while let Some((due, part)) = receiver.recv().await {
            if delay > Duration::ZERO {
                sleep_until(due).await;
            }
            if to.write_all(&part).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(read, write);
}
