//! An issuer inside of an example, and people whom it gives tokens: for trying things out, and for nothing else.

use jwt_core::crypto::SigningKey;
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::{Algorithm, Verifier};
use serde_json::json;

type Error = Box<dyn std::error::Error>;

/// Somebody with a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Person {
    /// The name, as the variable of a shell.
    pub variable: &'static str,
    /// Who it is.
    pub about: &'static str,
    /// The token, for 15 minutes.
    pub token: String,
}

/// The people, and what a service needs to know them.
#[derive(Debug)]
#[non_exhaustive]
pub struct People {
    /// Trusts their issuer.
    pub verifier: Verifier,
    /// All of them.
    pub people: Vec<Person>,
}

impl People {
    /// Makes an issuer and its people. The keys are new each time.
    ///
    /// # Errors
    ///
    /// When the machine has no randomness.
    pub fn new() -> Result<Self, Error> {
        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
        let issuer = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
        let verifier = Verifier::builder().issuer(issuer.trusted()).build()?;
        let person = |variable, about, name: &str, scopes: &[&str], others| {
            let token = issuer.access(name.to_lowercase()).scope(scopes).claim("name", name).claims(&others).issue()?;
            Ok::<_, Error>(Person { variable, about, token: token.token })
        };
        let (read, write) = (&["reports:read"][..], &["reports:read", "reports:write"][..]);
        let people = vec![
            person("READER", "may read reports", "Ada", read, json!({}))?,
            person("EDITOR", "may also write them", "Grace", write, json!({"roles": ["editor"]}))?,
            person("ADMIN", "may do anything, after a strong login", "Joan", write, json!({"roles": ["admin"]}))?,
            person(
                "STRONG",
                "has just logged in with a key",
                "Joan",
                write,
                json!({"roles": ["admin"], "acr": "phr"}),
            )?,
        ];
        Ok(Self { verifier, people })
    }

    /// Prints the tokens as variables of a shell, and commands to try, each with the status that it gets.
    pub fn print(&self, url: &str, calls: &[(&str, &str, Option<&str>, u16)]) {
        println!("# Whom the issuer of this example knows, for 15 minutes:");
        for Person { variable, about, token } in &self.people {
            println!("{variable}={token} # {about}");
        }
        println!("# What they may do:");
        for (method, path, who, status) in calls {
            let method = if *method == "GET" { String::new() } else { format!(" -X {method}") };
            let token = who.map_or_else(String::new, |who| format!(" -H \"Authorization: Bearer ${who}\""));
            println!("curl -i{method} {url}{path}{token} # {status}");
        }
    }
}

/// The port that the first argument names, or another.
///
/// # Errors
///
/// When the argument is no port.
pub fn port(otherwise: u16) -> Result<u16, std::num::ParseIntError> {
    std::env::args().nth(1).map_or(Ok(otherwise), |port| port.parse())
}

/// What both examples with scopes have in common: who may do what.
pub const REPORTS: [(&str, &str, Option<&str>, u16); 10] = [
    ("GET", "/me", None, 401),
    ("GET", "/me", Some("READER"), 200),
    ("GET", "/reports", Some("READER"), 200),
    ("POST", "/reports", Some("READER"), 403),
    ("POST", "/reports", Some("EDITOR"), 201),
    ("DELETE", "/reports", Some("EDITOR"), 403),
    ("DELETE", "/reports", Some("ADMIN"), 401),
    ("DELETE", "/reports", Some("STRONG"), 204),
    ("GET", "/welcome", None, 200),
    ("GET", "/welcome", Some("READER"), 200),
];
