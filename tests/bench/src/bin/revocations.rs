//! Measures a process with millions of revocations on Redis: how long it takes to start, also from a file, its memory, and its
//! look-ups. On Postgres, only how long it takes to start.
//!
//! Start a server without data, and name it: `cargo run --release --manifest-path tests/bench/Cargo.toml --no-default-features
//! --features stores --bin revocations -- redis://127.0.0.1:6379/ 2000000`, or `postgres://...`. A third argument sets
//! `exact_capacity`.
//!
//! With `double` instead of an address, a double of a Redis server is started, which needs no memory for the revocations. So
//! `double 100000000` measures more of them than most servers could hold.

use std::env;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jwt_bench::redis_double;
use jwt_bench::stand::{ISSUER, Stand};
use jwt_core::revocation::{RevocationList, RevocationSettings, Standing, TokenIdentity};
use jwt_core::store::{
    POSTGRES_SCHEMA, PostgresRevocations, PostgresSettings, RedisRevocations, RedisSettings, redis, tokio_postgres,
};
use jwt_core::{Algorithm, Step, Verified, Verifier};

/// How many tokens of each sort are looked up.
const TOKENS: usize = 1_000_000;

/// How many are verified at once, so that only look-ups are timed. So few that their claims are still in the processor's cache,
/// as they are in a request.
const BATCH: usize = 50;

/// After how many batches the list gets time to follow its server.
const PAUSE_AFTER: usize = 10;

/// How long the revocations are remembered.
const REMEMBERED: Duration = Duration::from_secs(3_600 + 301);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().expect("the address of a server, or `double`");
    let number = |text: Option<String>, default| text.map_or(default, |text| text.parse().expect("a number"));
    let count = number(arguments.next(), 2_000_000);
    let exact = number(arguments.next(), 50_000);
    let file = env::temp_dir().join(format!("jwt-revocations-{}", std::process::id()));
    let memory = RevocationSettings::new().capacity(count + 1_000).exact_capacity(exact).snapshot_file(&file);
    let memory = memory.staleness(Duration::from_secs(60));
    let is_double = address == "double";
    if address.starts_with("postgres") {
        start_on_postgres(&address, count, &memory).await;
        return drop(std::fs::remove_file(&file));
    }
    let address = if is_double { redis_double::start(count, (now() + REMEMBERED).as_secs()) } else { address };
    let settings = RedisSettings::new().timeout(Duration::from_secs(5)).recovery_time(Duration::ZERO);
    let connect =
        || RedisRevocations::connect(&address, settings.clone().revocations(memory.clone())).expect("an address");
    if !is_double {
        let first = connect();
        first.synced().await;
        drop(first);
        // It knew no revocation.
        let _ = std::fs::remove_file(&file);
        write(&address, count);
    }

    let (resident, began, busy) = (resident(), Instant::now(), on_processor());
    let list = connect();
    list.synced().await;
    let (elapsed, busy) = (began.elapsed(), (on_processor() - busy).as_secs_f64());
    // Another thread writes the file now, which takes memory.
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It also takes a moment to give that back.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let bytes = self::resident().saturating_sub(resident);
    println!("{count} revocations were read in {:.2} s, with {busy:.2} s of this process", elapsed.as_secs_f64());
    let each = |bytes: usize| bytes as f64 / count as f64;
    let most = peak().saturating_sub(resident);
    println!("memory: {:.2} bytes each, {} MB in all; {:.2} at most", each(bytes), bytes / 1_000_000, each(most));
    assert!(list.is_complete() && list.status().remembered + few(count) > count, "{:?}", list.status());

    let stand = Stand::new(Algorithm::HS256);
    let verifier = stand.verifier();
    let mut good = look_up_all(&list, &stand, &verifier, count).await;
    println!(
        "{TOKENS} good tokens: {:.0} ns each, {} asked the server, {} refused",
        good.nanos(),
        good.asked,
        good.refused
    );
    let mut revoked = look_up_all(&list, &stand, &verifier, 0).await;
    let accepted = TOKENS.min(count) - revoked.refused.min(count);
    println!("revoked tokens: {:.0} ns each, {} asked the server, {accepted} accepted", revoked.nanos(), revoked.asked);
    assert!(good.refused == 0 && accepted == 0);

    drop(list);
    let (began, busy) = (Instant::now(), on_processor());
    let list = connect();
    list.synced().await;
    let (elapsed, busy) = (began.elapsed(), on_processor() - busy);
    let most = peak().saturating_sub(resident);
    println!("memory: {:.2} bytes each at most since the first start", each(most));
    let size = std::fs::metadata(&file).map_or(0, |file| file.len());
    println!("a file of {size} bytes: a process starts from it in {elapsed:.2?}, with {busy:.2?} of its own");
    assert!(list.is_complete() && list.status().remembered + few(count) > count, "{:?}", list.status());
    drop(list);
    let _ = std::fs::remove_file(&file);
}

async fn start_on_postgres(address: &str, count: usize, memory: &RevocationSettings) {
    let config: tokio_postgres::Config = address.parse().expect("an address");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a server");
    tokio::spawn(connection);
    let until = (now() + REMEMBERED).as_secs();
    let rows = format!(
        "INSERT INTO jwt_revocations SELECT 0, convert_to('{ISSUER}', 'UTF8'), \
         convert_to('0b8f6a52-93ac-4f25-a1b5-' || lpad(n::text, 12, '0'), 'UTF8'), 9223372036854775807, {until} \
         FROM generate_series(0, {count} - 1) AS n; ANALYZE jwt_revocations;"
    );
    client.batch_execute(&format!("{POSTGRES_SCHEMA} {rows}")).await.expect("rows");
    for source in ["the table", "a file"] {
        let settings = PostgresSettings::new().timeout(Duration::from_secs(20)).revocations(memory.clone());
        let (began, busy) = (Instant::now(), on_processor());
        let list = PostgresRevocations::connect(config.clone(), tokio_postgres::NoTls, settings);
        list.synced().await;
        let (elapsed, busy) = (began.elapsed(), on_processor() - busy);
        println!("{count} revocations from {source}: {elapsed:.2?}, with {busy:.2?} of this process");
        assert!(list.status().remembered + few(count) > count, "{:?}", list.status());
    }
}

/// More than the number of revocations that have the fingerprint of another one. There are 64 sets of them.
const fn few(count: usize) -> usize {
    let pairs = count as u64 * count as u64 / 2 / 64;
    100 + count / 10_000 + (pairs >> 29) as usize
}

#[derive(Default)]
struct Outcome {
    /// How long each batch took.
    times: Vec<Duration>,
    asked: usize,
    refused: usize,
}

impl Outcome {
    /// The median, because other programs interrupt some batches.
    fn nanos(&mut self) -> f64 {
        self.times.sort();
        self.times[self.times.len() / 2].as_nanos() as f64 / BATCH as f64
    }
}

/// Looks up tokens from a number on. Only the answers from memory are timed.
async fn look_up_all(list: &RedisRevocations, stand: &Stand, verifier: &Verifier, from: usize) -> Outcome {
    let (mut outcome, now) = (Outcome::default(), now());
    for batch in 0..TOKENS / BATCH {
        let numbers = from + batch * BATCH..from + (batch + 1) * BATCH;
        let verify =
            |number| verifier.verify_step(&stand.good(number, 0), None).ready().expect("a known key").expect("good");
        let tokens: Vec<Verified> = numbers.map(verify).collect();
        let claims: Vec<_> = tokens.iter().map(Verified::registered).collect();
        let mut unknown = Vec::new();
        let began = Instant::now();
        for claims in &claims {
            match list.look_up(&TokenIdentity::of(claims, now.into())) {
                Step::Ready(standing) => outcome.refused += usize::from(standing != Standing::Good),
                asking => unknown.push(asking),
            }
        }
        outcome.times.push(began.elapsed());
        if batch % PAUSE_AFTER == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // All at once, as from many requests.
        let unknown: Vec<_> = unknown.into_iter().map(|asking| tokio::spawn(asking.wait())).collect();
        for standing in unknown {
            outcome.asked += 1;
            outcome.refused += usize::from(standing.await.expect("no panic") != Standing::Good);
        }
    }
    outcome
}

/// Writes revocations of the tokens with the numbers up to `count`, as a process does.
fn write(address: &str, count: usize) {
    let mut connection = redis::Client::open(address).and_then(|client| client.get_connection()).expect("a server");
    let value = redis_double::value((now() + REMEMBERED).as_secs());
    let mut pipeline = redis::pipe();
    for number in 0..count {
        let field = redis_double::field(number);
        let hash = field
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let shard = (hash >> 32 ^ hash) % 16;
        pipeline.cmd("HSET").arg(format!("{{jwt}}:revoked:{shard:x}")).arg(field).arg(&value).ignore();
        if number % 10_000 == 9_999 || number + 1 == count {
            let () = pipeline.query(&mut connection).expect("an answer");
            pipeline.clear();
        }
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock")
}

/// How long this thread, the only one, has run on a processor. Other programs don't count.
fn on_processor() -> Duration {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(status.split(' ').next().and_then(|time| time.parse().ok()).expect("a number"))
}

/// The memory of this process in bytes.
fn resident() -> usize {
    memory("VmRSS:")
}

/// The most memory that this process ever had.
fn peak() -> usize {
    memory("VmHWM:")
}

fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let kilobytes = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|number| number.parse::<usize>().ok()).expect("a number") * 1_024
}
