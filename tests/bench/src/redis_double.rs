//! A double of a Redis server that has any number of revocations and needs no memory for them.
//!
//! It answers a list that reads, follows and asks. It changes nothing, and a process needs no other server to be measured with
//! more revocations than a server on the same machine could hold.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::stand::{ISSUER, token_id};

/// The hashes that a real server spreads the revocations over.
const SHARDS: usize = 16;

/// The name of the data, and its only change.
const EPOCH: &str = "double";
const CHANGE: &str = "1-1";

/// Returns the field of the revocation of a token.
pub fn field(number: usize) -> String {
    format!("0 {} {ISSUER}{}", ISSUER.len(), token_id(number))
}

/// Returns the value of a revocation that is remembered until this second.
pub fn value(until: u64) -> String {
    format!("* {until}")
}

/// Starts a server on which the first `count` tokens are revoked until this second. Returns its address.
pub fn start(count: usize, until: u64) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Server { count, value: value(until) };
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let server = server.clone();
            // An error means that the client has gone.
            thread::spawn(move || drop(server.serve(&stream)));
        }
    });
    format!("redis://{address}/")
}

#[derive(Clone)]
struct Server {
    count: usize,
    value: String,
}

impl Server {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (mut input, mut output) = (BufReader::new(stream), Vec::new());
        while let Some(command) = read(&mut input)? {
            self.answer(&command, &mut output)?;
            // Commands that came together are answered together.
            if input.buffer().is_empty() || output.len() > 1 << 16 {
                (&mut &*stream).write_all(&output)?;
                output.clear();
            }
        }
        Ok(())
    }

    fn answer(&self, command: &[String], output: &mut Vec<u8>) -> io::Result<()> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match *words {
            ["HELLO", ..] => write!(output, "%1\r\n+proto\r\n:3\r\n"),
            ["SUBSCRIBE", channel] => {
                write!(output, ">3\r\n+subscribe\r\n${}\r\n{channel}\r\n:1\r\n", channel.len())
            }
            // What changed after a position: the only script with a key for each shard and one for the log.
            ["EVALSHA", _, "17", ..] => {
                let status = if words[20] == EPOCH && words[21] == CHANGE { "known" } else { "new" };
                let time = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?.as_micros();
                write!(output, "*5\r\n+{status}\r\n+{EPOCH}\r\n+3600000\r\n+{CHANGE}\r\n+{time}\r\n")
            }
            // The description of the server.
            ["EVALSHA", _, "1", ..] => write!(output, "+run_id:{EPOCH}\r\n"),
            ["HSCAN", key, cursor, "COUNT", most] => self.scan(shard(key), number(cursor), number(most), output),
            ["HGET", _, "epoch"] => write!(output, "+{EPOCH}\r\n"),
            ["HGET", _, found] if self.has(found) => write!(output, "+{}\r\n", self.value),
            ["HGET", ..] => write!(output, "_\r\n"),
            // It has the last change.
            ["XRANGE", ..] => write!(output, "*1\r\n*2\r\n+{CHANGE}\r\n*0\r\n"),
            _ => write!(output, "+OK\r\n"),
        }
    }

    /// Writes the next tokens of a shard, which has an equal part of them.
    fn scan(&self, shard: usize, cursor: usize, most: usize, output: &mut Vec<u8>) -> io::Result<()> {
        let (first, end) = (shard * self.count / SHARDS, (shard + 1) * self.count / SHARDS);
        let from = first + cursor;
        let to = end.min(from + most);
        let next = if to == end { 0 } else { to - first };
        write!(output, "*2\r\n+{next}\r\n*{}\r\n", 2 * (to - from))?;
        for number in from..to {
            let field = field(number);
            write!(output, "${}\r\n{field}\r\n${}\r\n{}\r\n", field.len(), self.value.len(), self.value)?;
        }
        Ok(())
    }

    fn has(&self, wanted: &str) -> bool {
        let number = wanted.rsplit('-').next().and_then(|number| number.parse().ok());
        number.is_some_and(|number| number < self.count && field(number) == wanted)
    }
}

fn shard(key: &str) -> usize {
    let digit = key.rsplit(':').next().unwrap_or_default();
    usize::from_str_radix(digit, SHARDS as u32).expect("a shard")
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

/// Reads a command, which is an array of texts. Returns `None` at the end.
fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<String>>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let count = number(line.trim_start_matches('*').trim_end());
    let mut text = |line: &mut String| {
        line.clear();
        input.read_line(line)?;
        let mut bytes = vec![0; number(line.trim_start_matches('$').trim_end()) + 2];
        input.read_exact(&mut bytes)?;
        bytes.truncate(bytes.len() - 2);
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    (0..count).map(|_| text(&mut line)).collect::<io::Result<_>>().map(Some)
}
