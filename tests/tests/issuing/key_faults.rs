//! Keys that must not be used, and lists of keys that a process shouldn't have been given.

use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, BuildErrorKind, ErrorKind};
use jwt_tests::forge::NOW;
use jwt_tests::log::Log;
use jwt_tests::signer::ScriptedSigner;

use super::key_files::{Folder, Process, jwk, kid, new_key, pem};

const DAY: u64 = 24 * 60 * 60;

/// The key is still listed elsewhere, maybe under another name, or was listed under another name until now.
#[tokio::test]
async fn a_revoked_key_is_refused_under_every_name_that_it_has() {
    let clock = ManualClock::at(NOW);
    let (old, stolen) = (new_key().with_kid("old"), new_key());
    let named = stolen.clone().with_kid("named by another tool");
    let file = "20110101T000000Z.pem";
    for (revoked, keeps_file) in [(&stolen, true), (&named, true), (&named, false)] {
        let folder = Folder::new();
        folder.write("old.json", &jwk(&old, ""));
        folder.write(file, &pem(&stolen));
        let process = Process::new(folder.ring(&clock).expect("a ring"), &clock);
        assert_eq!(process.ring.signing_kid().as_ref(), kid(&stolen));
        let token = process.issue(900);
        folder.write("stolen.json", &jwk(revoked, ",\"revoked\":{\"revoked_at\":9}"));
        if !keeps_file {
            folder.remove(file);
        }
        assert_eq!(process.ring.reload(), Ok(true));
        let started = Process::new(folder.ring(&clock).expect("a ring"), &clock);
        for process in [&process, &started] {
            assert_eq!(process.ring.signing_kid().as_ref(), "old");
            assert_eq!(process.ring.keys().len(), 1);
            assert_eq!(process.refuses(&token).await, Some(ErrorKind::UnknownKey));
        }
    }
}

/// Opening a pipe waits until another process writes to it, and would stop the thread that serves requests.
#[cfg(unix)]
#[test]
fn a_pipe_among_the_keys_is_an_error_and_does_not_block() {
    let (done, result) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let folder = Folder::new();
        folder.write("old.json", &jwk(&new_key(), ""));
        let ring = folder.ring(&ManualClock::at(NOW)).expect("a ring");
        let pipe = folder.0.join("20270101T000000Z.pem");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is installed");
        assert!(made.success());
        let _ = done.send((ring.reload(), folder));
    });
    let (reloaded, _folder) = result.recv_timeout(Duration::from_secs(10)).expect("it doesn't block");
    let error = reloaded.expect_err("a pipe");
    assert!(error.to_string().ends_with("20270101T000000Z.pem` can't be read: it isn't a regular file"), "{error}");
}

#[test]
fn a_list_with_too_much_too_little_or_the_same_twice_says_so() {
    use BuildErrorKind::{Duplicate, Missing, OutOfRange};
    let (clock, key) = (ManualClock::at(NOW), new_key().with_kid("a"));
    let of_files = |files: &[(String, String)]| {
        let folder = Folder::new();
        files.iter().for_each(|(name, content)| folder.write(name, content));
        let error = folder.ring(&clock).expect_err("a wrong list");
        let text = error.to_string();
        (error.kind(), text.replace(&folder.0.display().to_string(), "keys"))
    };
    let file = |name: &str, content: String| (name.to_owned(), content);
    let empty = of_files(&[]);
    assert_eq!((empty.0, &*empty.1), (Missing, "`keys` has no key: put at least one there"));
    let large = of_files(&[file("a.pem", " ".repeat(512 * 1024 + 1))]);
    assert_eq!((large.0, &*large.1), (OutOfRange, "`keys/a.pem` has more than 512 KiB: it must have only keys in it"));
    let twice = of_files(&[file("a.json", jwk(&key, "")), file("b.json", jwk(&key, ",\"nbf\":5"))]);
    assert_eq!((twice.0, &*twice.1), (Duplicate, "`key` has the same `kid` as another key of the ring: `a`"));
    // The files after the hundredth aren't even read.
    let mut files: Vec<_> = (0..101).map(|index| file(&format!("{index:03}.json"), jwk(&key, ",\"nbf\":5"))).collect();
    files.push(file("101.json", "not a key".to_owned()));
    let many = of_files(&files);
    assert_eq!((many.0, &*many.1), (OutOfRange, "`keys` has more than 100 keys: remove those that have ended"));
}

/// The signing key is replaced by one whose moment is to come, so the new key signs before other processes have read it.
#[test]
fn a_new_key_that_signs_because_no_other_is_left_is_logged() {
    let clock = ManualClock::at(NOW);
    let [old, new] = [new_key(), new_key().with_kid("new")];
    let at = |key: &SigningKey, seconds: u64| (key.clone(), Duration::from_secs(seconds));
    for (list, is_early) in [(vec![at(&new, NOW + 2 * DAY)], true), (vec![at(&old, 0), at(&new, NOW + 2 * DAY)], false)]
    {
        let ring = jwt_core::issue::KeyRing::builder().key(old.clone()).clock(clock.clone()).build().expect("a ring");
        let log = Log::start();
        assert_eq!(ring.set_keys(list), Ok(true));
        assert_eq!(&*ring.signing_kid() == "new", is_early);
        assert_eq!(log.text().contains("a new key signs sooner than it's published ahead"), is_early, "{}", log.text());
    }
}

/// A key is moved to an HSM, or the connection to it is a new one.
#[tokio::test]
async fn a_list_with_the_same_keys_brings_their_new_signers() {
    let (clock, key) = (ManualClock::at(NOW), new_key());
    let ring = jwt_core::issue::KeyRing::builder().key(key.clone()).clock(clock.clone()).build().expect("a ring");
    let process = Process::new(ring.clone(), &clock);
    let token = process.issue(900);
    let generation = jwt_core::keys::KeySource::generation(&ring, Duration::ZERO);
    let signer = ScriptedSigner::new([("moved", key.clone())]);
    let moved = SigningKey::remote(Algorithm::ES256, &key.verification_key(), "moved", signer.clone()).expect("a key");
    assert_eq!(ring.set_keys([(moved, Duration::ZERO)]), Ok(false));
    assert_eq!(
        jwt_core::keys::KeySource::generation(&ring, Duration::ZERO),
        generation,
        "verifiers keep what they know"
    );
    let second = process.tokens.access("joe").issue_step().wait().await.expect("a token").token;
    assert_eq!(signer.asked(), 1);
    for token in [token, second] {
        assert_eq!(process.refuses(&token).await, None);
    }
}
