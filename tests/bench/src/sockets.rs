//! Requests over real sockets: a server in a thread of its own, and enough connections to keep it busy.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::race::Contender;
use crate::requests;

/// How long one turn takes: long enough that starting and ending don't matter.
pub const TURN: Duration = Duration::from_millis(50);
pub const CONNECTIONS: u64 = 32;

/// Returns a contender that sends requests with one token to a router, over all connections.
///
/// The server runs until the process ends, and is idle between its turns.
pub fn axum(name: &str, router: Router, token: &str) -> Contender {
    let address = serve(router);
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n");
    let length = answer(address, &request);
    let runtime = requests::runtime();
    let mut connections = runtime.block_on(async {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            connections.push((stream, request.clone(), vec![0; length]));
        }
        connections
    });
    Contender::new(name, move |times| {
        runtime.block_on(async {
            let mut tasks = Vec::new();
            for (number, (mut stream, request, mut answer)) in (0..).zip(connections.drain(..)) {
                let own = times / CONNECTIONS + u64::from(number < times % CONNECTIONS);
                tasks.push(tokio::spawn(async move {
                    for _ in 0..own {
                        stream.write_all(request.as_bytes()).await.expect("a connection");
                        stream.read_exact(&mut answer).await.expect("an answer as long as the first");
                        assert!(answer.starts_with(b"HTTP/1.1 200 "));
                    }
                    (stream, request, answer)
                }));
            }
            for task in tasks {
                connections.push(task.await.expect("no panic"));
            }
        });
    })
}

fn serve(router: Router) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        requests::runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("a server that does not end");
        });
    });
    address
}

/// Returns the length of a response. It's the same for all responses, because only the date changes.
fn answer(address: SocketAddr, request: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("a connection");
    let (head, rest) = request.split_at(request.len() - 2);
    write!(stream, "{head}connection: close\r\n{rest}").expect("a connection");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    text.len() - "connection: close\r\n".len()
}
