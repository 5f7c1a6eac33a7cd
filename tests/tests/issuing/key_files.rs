//! Key rings that read their keys from files or from a function, and take a new list while they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::issue::{KeyPhase, KeyRing, TokenIssuer};
use jwt_core::keys::KeySource as _;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildError, BuildErrorKind, ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::setup::stranger;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// A folder that is removed in the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("jwt-keys-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        fs::write(self.0.join(name), content).expect("a file");
    }

    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.0.join(name)).expect("a file");
    }

    pub(super) fn ring(&self, clock: &ManualClock) -> Result<KeyRing, BuildError> {
        ring_of(&self.0, clock)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ring_of(path: &Path, clock: &ManualClock) -> Result<KeyRing, BuildError> {
    KeyRing::builder().read_keys(path).clock(clock.clone()).build()
}

pub(super) fn new_key() -> SigningKey {
    stranger(Algorithm::ES256)
}

pub(super) fn pem(key: &SigningKey) -> String {
    key.export_pkcs8_pem().expect("a key pair").to_owned()
}

/// The private JWK with more members, as text after the last one.
pub(super) fn jwk(key: &SigningKey, more: &str) -> String {
    let jwk = key.export_private_jwk().expect("a key");
    format!("{}{more}}}", jwk.strip_suffix('}').expect("an object"))
}

pub(super) fn kid(key: &SigningKey) -> String {
    let backend = Backend::compiled_in().expect("a back end");
    key.kid().map_or_else(|| backend.thumbprint(&key.verification_key()).expect("a key pair"), str::to_owned)
}

fn kind<T>(result: Result<T, BuildError>) -> Option<BuildErrorKind> {
    result.err().map(|error| error.kind())
}

/// Kid, phase and algorithm of each key, sorted by the moment from which it signs.
fn states(ring: &KeyRing) -> Vec<(String, KeyPhase, Algorithm)> {
    ring.keys().iter().map(|key| (key.kid.to_string(), key.phase, key.algorithm)).collect()
}

/// A process of a fleet: it issues tokens, and accepts those of the others.
pub(super) struct Process {
    pub(super) ring: KeyRing,
    pub(super) tokens: TokenIssuer,
    verifier: Verifier,
}

impl Process {
    pub(super) fn new(ring: KeyRing, clock: &ManualClock) -> Self {
        let tokens = TokenIssuer::builder(ISSUER, ring.clone()).audience(AUDIENCE).build().expect("an issuer");
        let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).build().expect("a verifier");
        Self { ring, tokens, verifier }
    }

    pub(super) fn issue(&self, lifetime: u64) -> String {
        self.tokens.access("joe").lifetime(Duration::from_secs(lifetime)).issue().expect("a token").token
    }

    pub(super) async fn refuses(&self, token: &str) -> Option<ErrorKind> {
        self.verifier.verify(token).await.err().map(|error| error.kind())
    }
}

#[test]
fn keys_are_read_with_their_moments_and_algorithms() {
    use KeyPhase::{Published, Retired, Signing};
    let folder = Folder::new();
    let clock = ManualClock::at(1_798_761_600);
    let (first, second) = (new_key(), stranger(Algorithm::PS256));
    let (third, fourth) = (new_key().with_kid("in a file"), stranger(Algorithm::Ed25519).with_kid("in a set"));
    folder.write("start.pem", &pem(&first));
    folder.write("20270101T000000Z.PS256.pem", &pem(&second));
    folder.write("third.jwk", &jwk(&third, ",\"nbf\":1798761700"));
    folder.write("set.json", &format!("{{\"keys\":[{}]}}", jwk(&fourth, ",\"nbf\":1798761800.5,\"revoked\":null")));
    folder.write(".hidden", "not a key");
    fs::create_dir(folder.0.join("more")).expect("a folder");
    let ring = folder.ring(&clock).expect("a ring");
    assert_eq!(
        states(&ring),
        [
            (kid(&first), Retired, Algorithm::ES256),
            (kid(&second), Signing, Algorithm::PS256),
            ("in a file".to_owned(), Published, Algorithm::ES256),
            ("in a set".to_owned(), Published, Algorithm::Ed25519),
        ]
    );
    let until: Vec<_> = ring.keys().iter().filter_map(|key| key.until).map(|until| until.as_secs()).collect();
    assert_eq!(until, [1_798_761_600 + 30 * DAY + 300, 1_798_761_700, 1_798_761_700, 1_798_761_800]);

    let set = folder.0.join("set.json");
    assert_eq!(ring_of(&set, &clock).expect("a ring of one file").signing_kid().as_ref(), "in a set");
    let (rsa, secret) = (stranger(Algorithm::RS256), stranger(Algorithm::HS256).with_kid("s"));
    for (name, content, algorithm) in [
        ("rsa.pem", pem(&rsa), Algorithm::RS256),
        ("secret.json", jwk(&secret, ""), Algorithm::HS256),
        ("marked.json", format!("\u{feff}{}", jwk(&stranger(Algorithm::PS512), "")), Algorithm::PS512),
    ] {
        folder.write(name, &content);
        let ring = ring_of(&folder.0.join(name), &clock).expect(name);
        assert_eq!(states(&ring)[0].2, algorithm, "{name}");
    }
}

#[test]
fn a_bad_list_is_refused_and_logged_and_the_ring_keeps_its_keys() {
    use BuildErrorKind::{Contradiction, Duplicate, Missing, OutOfRange, Undecided, Unreadable, UnusableKey};
    let clock = ManualClock::at(NOW);
    let folder = Folder::new();
    let key = new_key().with_kid("a");
    folder.write("a.json", &jwk(&key, ""));
    let ring = folder.ring(&clock).expect("a ring");
    let generation = ring.generation(Duration::ZERO);
    let other = jwk(&new_key().with_kid("b"), "");
    let malformed = UnusableKey;
    let later = |member: &str| jwk(&new_key().with_kid("b"), member);
    for (name, content, expected, part) in [
        ("b.json", other.clone(), Undecided, "at most one"),
        ("b.key", other.clone(), Unreadable, ".pem"),
        ("b", other, Unreadable, ".pem"),
        ("b.json", "{".to_owned(), malformed, "b.json"),
        ("b.json", String::new(), malformed, "b.json"),
        ("b.json", "{\"keys\":[5]}".to_owned(), malformed, "b.json[0]`"),
        ("b.json", format!("{{\"keys\":[{},{{}}]}}", later(",\"nbf\":5")), malformed, "b.json[1]"),
        ("b.json", later(",\"nbf\":\"2027\""), malformed, "`nbf`"),
        ("b.json", later(",\"nbf\":-5"), malformed, "`nbf`"),
        ("b.json", later(",\"exp\":5"), malformed, "`exp`"),
        ("b.json", later(",\"nbf\":5").replace("ES256", "ES384"), UnusableKey, "b.json"),
        ("b.json", later(",\"nbf\":5").replace("ES256", "none"), UnusableKey, "b.json"),
        ("b.json", new_key().public_jwk().expect("public").to_string(), malformed, "b.json"),
        ("b.json", jwk(&key, ",\"nbf\":5"), Duplicate, "`kid`"),
        ("b.json", jwk(&stranger(Algorithm::HS256), ",\"nbf\":5"), Contradiction, "secrets"),
        ("b.json", " ".repeat(512 * 1024 + 1), OutOfRange, "512 KiB"),
        ("b.pem", "no PEM".to_owned(), malformed, "b.pem"),
        ("b.ES384.pem", pem(&new_key()), UnusableKey, "b.ES384.pem"),
        ("b.pem", pem(&new_key())[..60].to_owned(), malformed, "cut off"),
    ] {
        folder.write(name, &content);
        let log = Log::start();
        let error = ring.reload().expect_err(name);
        let text = log.text();
        assert_eq!(error.kind(), expected, "{name}: {error}");
        assert!(error.to_string().contains(part), "{name}: {error}");
        assert!(text.contains("the ring keeps those it has") && text.contains(part), "{text}");
        assert!(!text.contains("\"d\"") && !text.contains("PRIVATE"), "{text}");
        assert_eq!((ring.signing_kid().as_ref(), ring.generation(Duration::ZERO)), ("a", generation), "{name}");
        folder.remove(name);
    }
    // Another key under a name that is in use.
    folder.write("a.json", &jwk(&new_key().with_kid("a"), ""));
    assert_eq!(kind(ring.reload()), Some(Duplicate));
    folder.write("a.json", &jwk(&stranger(Algorithm::HS256).with_kid("c"), ""));
    assert_eq!(kind(ring.reload()), Some(Contradiction));
    folder.remove("a.json");
    assert_eq!(kind(ring.reload()), Some(Missing), "an empty folder");
    fs::remove_dir_all(&folder.0).expect("a folder");
    assert_eq!(kind(ring.reload()), Some(Unreadable), "no folder");
    assert_eq!(kind(folder.ring(&clock)), Some(Unreadable), "no folder at the start");
    assert_eq!(ring.generation(Duration::ZERO), generation);

    assert_eq!(kind(KeyRing::new(new_key()).expect("a ring").reload()), Some(Undecided), "nothing to read");
    let both = KeyRing::builder().key(new_key()).read_keys("/nowhere").build();
    assert_eq!(kind(both), Some(Contradiction));
}

#[cfg(unix)]
#[test]
fn the_links_of_a_kubernetes_secret_are_followed() {
    use std::os::unix::fs::symlink;
    let clock = ManualClock::at(NOW);
    let folder = Folder::new();
    let version = |name: &str, keys: &[(&str, &SigningKey)]| {
        fs::create_dir(folder.0.join(name)).expect("a folder");
        keys.iter().for_each(|(file, key)| folder.write(&format!("{name}/{file}"), &pem(key)));
    };
    let swap = |to: &str| {
        symlink(to, folder.0.join("..new")).expect("a link");
        fs::rename(folder.0.join("..new"), folder.0.join("..data")).expect("a link");
    };
    let (old, new) = (new_key(), new_key());
    version("..1", &[("old.pem", &old)]);
    swap("..1");
    symlink("..data/old.pem", folder.0.join("old.pem")).expect("a link");
    let ring = folder.ring(&clock).expect("a ring");
    let one_file = ring_of(&folder.0.join("old.pem"), &clock).expect("a ring");
    assert_eq!(states(&ring), states(&one_file));
    assert_eq!(ring.reload(), Ok(false));

    // The kubelet writes a new folder and moves the link. Links of files come and go before and after that.
    version("..2", &[("old.pem", &old), ("20991231T000000Z.pem", &new)]);
    assert_eq!(ring.reload(), Ok(false), "the new folder isn't linked yet");
    swap("..2");
    assert_eq!(ring.reload(), Ok(true));
    assert_eq!(ring.keys().len(), 2);
    fs::remove_dir_all(folder.0.join("..1")).expect("a folder");
    assert_eq!(ring.reload(), Ok(false));
    assert_eq!(one_file.reload(), Ok(false));
}

/// A map of a vault's client may list them in any order.
#[test]
fn of_keys_with_the_same_moment_every_process_signs_with_the_same() {
    let moment = Duration::from_secs(NOW - 60);
    let keys: Vec<_> = (0..6).map(|_| (new_key(), moment)).collect();
    let signing = |keys: Vec<(SigningKey, Duration)>| {
        let (first, listed) = (keys[0].clone(), keys.clone());
        let clock = ManualClock::at(NOW);
        let loaded = KeyRing::builder().load_keys(move || Ok::<_, String>(listed.clone())).clock(clock.clone());
        let loaded = loaded.build().expect("a ring");
        let set = KeyRing::builder().key_at(first.0, first.1).clock(clock).build().expect("a ring");
        set.set_keys(keys).expect("a list");
        assert_eq!(loaded.signing_kid(), set.signing_kid());
        set.signing_kid()
    };
    let expected = signing(keys.clone());
    for turn in 1..keys.len() {
        let mut turned = keys.clone();
        turned.rotate_left(turn);
        assert_eq!(signing(turned), expected);
    }
}

/// The list changes in three steps, and the processes reload at different times after each.
#[tokio::test]
async fn processes_accept_each_others_tokens_in_any_order_of_reloading() {
    let (old, new) = (new_key(), new_key());
    for (first, second) in [(0, 0), (0, 23), (23, 0), (5, 6), (23, 23)] {
        let folder = Folder::new();
        let clock = ManualClock::at(NOW);
        folder.write("old.json", &jwk(&old, ""));
        let start = || Process::new(folder.ring(&clock).expect("a ring"), &clock);
        let processes = [start(), start()];
        let mut long = Vec::new();
        for hour in 0..24 * 34 {
            clock.set(Duration::from_secs(NOW + hour * HOUR));
            match hour {
                // The new key is announced a day before it signs.
                0 => folder.write("new.json", &jwk(&new, &format!(",\"nbf\":{}", NOW + DAY))),
                // Two days later the old one is removed, although its tokens live.
                72 => folder.remove("old.json"),
                _ => {}
            }
            let in_step = hour % 24;
            for (process, at) in processes.iter().zip([first, second]) {
                if in_step == at {
                    process.ring.reload().expect("a good list");
                }
            }
            assert_eq!(processes[0].ring.signing_kid(), processes[1].ring.signing_kid(), "{first} {second}: {hour}");
            assert_eq!(processes[0].ring.signing_kid().as_ref(), kid(if hour < 24 { &old } else { &new }));
            // Nothing happens at the other hours.
            if (in_step > 2 && in_step < 22 && hour > 30) || (in_step != 0 && hour > 97 && hour < 743) {
                continue;
            }
            for from in &processes {
                let token = from.issue(900);
                for to in &processes {
                    assert_eq!(to.refuses(&token).await, None, "{first} {second}: {hour}");
                }
                if hour < 24 {
                    long.push((hour, from.issue(30 * DAY)));
                }
            }
            // A token of the old key is good until it expires, and not longer.
            for (issued, token) in long.iter().step_by(7) {
                let expected = (hour * HOUR >= (issued + 24 * 30) * HOUR + 60).then_some(ErrorKind::Expired);
                for to in &processes {
                    let refused = to.refuses(token).await;
                    let gone = hour * HOUR >= 31 * DAY + 300;
                    assert_eq!(refused, if gone { Some(ErrorKind::UnknownKey) } else { expected }, "{hour} {issued}");
                }
            }
        }
        for process in &processes {
            assert_eq!(process.ring.keys().len(), 1, "the old key is gone");
        }
    }
}

#[tokio::test]
async fn a_removed_key_is_retired_and_a_revoked_one_is_gone() {
    use KeyPhase::{Published, Retired, Signing};
    let clock = ManualClock::at(NOW);
    let keys = ["a", "b", "c"].map(|name| new_key().with_kid(name));
    let [a, b, c] = &keys;
    let at = |key: &SigningKey, seconds: u64| (key.clone(), Duration::from_secs(seconds));
    let ring = KeyRing::builder().key(a.clone()).clock(clock.clone()).build().expect("a ring");
    let process = Process::new(ring.clone(), &clock);
    let phases = || ring.keys().iter().map(|key| (key.kid.to_string(), key.phase)).collect::<Vec<_>>();
    let state = |name: &str, phase| (name.to_owned(), phase);
    let by_a = process.issue(30 * DAY);

    // A key that never signed has no tokens.
    assert_eq!(ring.set_keys([at(a, 0), at(b, NOW + DAY)]), Ok(true));
    assert_eq!(phases(), [state("a", Signing), state("b", Published)]);
    assert_eq!(ring.set_keys([at(a, 0)]), Ok(true));
    assert_eq!(phases(), [state("a", Signing)]);

    // A signing key that is removed stops at once, and the next one signs early.
    assert_eq!(ring.set_keys([at(c, NOW + 2 * DAY)]), Ok(true));
    assert_eq!(phases(), [state("a", Retired), state("c", Signing)]);
    assert_eq!(process.refuses(&by_a).await, None);
    let generation = ring.generation(Duration::ZERO);
    assert_eq!(ring.set_keys([at(c, NOW + 2 * DAY)]), Ok(false));
    assert_eq!(ring.generation(Duration::ZERO), generation, "verifiers keep what they know");

    // The newest key is taken back, and the one before signs again, with no end.
    assert_eq!(ring.set_keys([at(b, 0), at(c, 5)]), Ok(true));
    assert_eq!(ring.signing_kid().as_ref(), "c");
    clock.advance(Duration::from_secs(DAY));
    let by_c = process.issue(900);
    assert_eq!(ring.set_keys([at(b, 0)]), Ok(true));
    assert_eq!(phases(), [state("b", Signing), state("a", Retired), state("c", Retired)]);
    assert_eq!(ring.keys()[0].until, None);
    assert_eq!(process.refuses(&by_c).await, None);
    ring.withdraw("c").expect("a key");
    assert_eq!(process.refuses(&by_c).await, Some(ErrorKind::UnknownKey));
    assert_eq!(kind(ring.withdraw("b")), Some(BuildErrorKind::Missing), "the only one that can sign");
    clock.set(Duration::from_secs(NOW + 30 * DAY + 300));
    assert_eq!(phases(), [state("b", Signing)]);

    let folder = Folder::new();
    let clock = ManualClock::at(NOW);
    let set = |revoked: &str| format!("{{\"keys\":[{},{}]}}", jwk(a, revoked), jwk(b, ",\"nbf\":5"));
    folder.write("keys.json", &set(""));
    let process = Process::new(folder.ring(&clock).expect("a ring"), &clock);
    let by_b = process.issue(900);
    folder.write(
        "keys.json",
        &format!("{{\"keys\":[{},{}]}}", jwk(a, ""), jwk(b, ",\"nbf\":5,\"revoked\":{\"revoked_at\":9}")),
    );
    assert_eq!(process.ring.reload(), Ok(true));
    assert_eq!(process.ring.signing_kid().as_ref(), "a");
    assert_eq!(process.refuses(&by_b).await, Some(ErrorKind::UnknownKey));
    assert_eq!(folder.ring(&clock).expect("a ring").keys().len(), 1, "at the start as well");
    folder.write("keys.json", &set(",\"revoked\":true"));
    assert_eq!(process.ring.reload(), Ok(true));
    assert_eq!(process.ring.signing_kid().as_ref(), "b");
}

#[tokio::test]
async fn a_scheduled_key_is_the_same_in_every_process_that_schedules_it() {
    let (clock, old, new) = (ManualClock::at(NOW), new_key(), new_key());
    let start = || KeyRing::builder().key(old.clone()).clock(clock.clone()).build().expect("a ring");
    let processes = [start(), start()].map(|ring| Process::new(ring, &clock));
    let moment = Duration::from_secs(NOW + 2 * DAY);
    let log = Log::start();
    processes[0].ring.rotate_at(new.clone(), moment).expect("a new key");
    assert!(!log.text().contains("sooner"));
    for hour in 0..72 {
        clock.set(Duration::from_secs(NOW + hour * HOUR));
        if hour == 47 {
            processes[1].ring.rotate_at(new.clone(), moment).expect("a new key");
            assert!(log.text().contains("a new key signs sooner than it's published ahead"));
        }
        for (from, to) in [(0, 1), (1, 0)] {
            assert_eq!(processes[to].refuses(&processes[from].issue(900)).await, None, "{hour}");
            assert_eq!(processes[to].ring.signing_kid().as_ref(), kid(if hour < 48 { &old } else { &new }));
        }
    }
    assert_eq!(kind(processes[0].ring.rotate_at(new, moment)), Some(BuildErrorKind::Duplicate));
    let past = new_key().with_kid("past");
    processes[0].ring.rotate_at(past, Duration::from_secs(5)).expect("a key that has retired already");
    assert_ne!(processes[0].ring.signing_kid().as_ref(), "past");
}

/// A key is added with a moment that is long past. The one before has signed until now.
#[tokio::test]
async fn a_key_that_comes_too_late_ends_no_token() {
    let (clock, old, new) = (ManualClock::at(NOW), new_key(), new_key().with_kid("new"));
    let late = Duration::from_secs(NOW - 100 * DAY);
    let start = || KeyRing::builder().key(old.clone()).clock(clock.clone()).build().expect("a ring");
    let processes = [start(), start()].map(|ring| Process::new(ring, &clock));
    let token = processes[0].issue(29 * DAY);
    processes[0].ring.rotate_at(new.clone(), late).expect("a new key");
    let list = || [(old.clone(), Duration::ZERO), (new.clone(), late)];
    assert_eq!(processes[1].ring.set_keys(list()), Ok(true));
    for day in 0..31 {
        clock.set(Duration::from_secs(NOW + day * DAY));
        assert_eq!(processes[1].ring.set_keys(list()), Ok(false));
        for process in &processes {
            assert_eq!(process.ring.signing_kid().as_ref(), "new");
            let expired = (day * DAY >= 29 * DAY + 60).then_some(ErrorKind::Expired);
            assert_eq!(process.refuses(&token).await, expired, "{day}");
        }
    }
    clock.set(Duration::from_secs(NOW + 30 * DAY + 300));
    for process in &processes {
        assert_eq!(process.refuses(&token).await, Some(ErrorKind::UnknownKey));
    }
}

#[tokio::test]
async fn a_function_of_yours_is_asked_at_each_interval_and_may_fail() {
    let clock = ManualClock::at(NOW);
    let list = Arc::new(Mutex::new(Ok(vec![(new_key(), Duration::ZERO)])));
    let asked = Arc::new(AtomicUsize::new(0));
    let (from, count) = (Arc::clone(&list), Arc::clone(&asked));
    let load = move || -> Result<Vec<(SigningKey, Duration)>, String> {
        count.fetch_add(1, Ordering::Relaxed);
        from.lock().expect("no panic").clone()
    };
    let ring = KeyRing::builder().load_keys(load).clock(clock.clone()).build().expect("a ring");
    let first = ring.signing_kid();
    let sleeps = Arc::new(Mutex::new(Vec::new()));
    let log = Log::start();
    let slept = Arc::clone(&sleeps);
    let reloading = ring.reload_every(Duration::from_secs(60), move |interval| {
        let mut slept = slept.lock().expect("no panic");
        slept.push(interval);
        let step = slept.len();
        *list.lock().expect("no panic") = match step {
            1 => Err("the vault is sealed".to_owned()),
            2 => Ok(Vec::new()),
            _ => Ok(vec![(new_key().with_kid("new"), Duration::from_secs(NOW))]),
        };
        async move {
            if step == 4 {
                std::future::pending::<()>().await;
            }
        }
    });
    let waits = tokio::select! {
        biased;
        () = reloading => false,
        () = std::future::ready(()) => true,
    };
    assert!(waits, "it goes on until it's dropped");
    assert_eq!(*sleeps.lock().expect("no panic"), [Duration::from_secs(60); 4]);
    assert_eq!(asked.load(Ordering::Relaxed), 4);
    assert!(log.text().contains("the vault is sealed") && log.text().contains("is missing"), "{}", log.text());
    assert_eq!(ring.signing_kid().as_ref(), "new");
    assert!(ring.keys().iter().any(|key| key.kid == first && key.phase == KeyPhase::Retired));

    let failing = KeyRing::builder().load_keys(|| Err::<Vec<(SigningKey, Duration)>, _>("sealed"));
    let error = failing.build().expect_err("no keys");
    assert_eq!((error.kind(), error.to_string().contains("sealed")), (BuildErrorKind::Unreadable, true));
}
