//! The program `gate` as a process: SIGHUP reloads its settings, and SIGTERM ends it.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The process. It's killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.0.id())]).status();
        assert!(status.expect("a shell").success());
    }
}

/// A configuration without an issuer whose keys would have to be fetched.
fn config(audience: &str) -> String {
    format!(
        "listen = '127.0.0.1:0'\n[[verifier.issuers]]\nissuer = 'https://id.example'\naudience = {audience}\nalgorithm = 'Ed25519'\n\
         pem = '''-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n'''\n"
    )
}

#[test]
fn a_hang_up_reloads_and_a_termination_stops() {
    for framework in ["axum", "actix"] {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("gate-signals-{framework}.toml"));
        fs::write(&path, config("'api'")).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.arg("--config").arg(&path).args(["--framework", framework]);
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut running = Running(process);
        let mut output = BufReader::new(running.0.stdout.take().expect("piped")).lines();
        let mut errors = BufReader::new(running.0.stderr.take().expect("piped")).lines();
        assert!(output.next().expect("a line").expect("text").starts_with("gate listens on 127.0.0.1:"));

        fs::write(&path, config("'another'")).expect("a file");
        running.signal("HUP");
        assert_eq!(output.next().expect("a line").expect("text"), "gate uses the new settings");
        fs::write(&path, config("5")).expect("a file");
        running.signal("HUP");
        assert!(errors.next().expect("a line").expect("text").starts_with("gate keeps the old settings: "));
        running.signal("TERM");
        assert!(running.0.wait().expect("an end").success(), "{framework}");
    }
}
