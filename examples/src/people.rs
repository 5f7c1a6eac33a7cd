//! An issuer for the examples, and four users with tokens from it. Don't copy it into a service: it issues tokens without a login.

use jwt_core::crypto::SigningKey;
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::{Algorithm, TrustedIssuer, Verifier};
use serde_json::json;

type Error = Box<dyn std::error::Error>;

/// A user with a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Person {
    /// The shell variable that holds the token in the printed commands.
    pub variable: &'static str,
    /// A description of the user.
    pub about: &'static str,
    /// The access token, valid for 15 minutes.
    pub token: String,
}

/// The users, and a verifier that accepts their tokens.
#[derive(Debug)]
#[non_exhaustive]
pub struct People {
    /// The issuer of the tokens, for a verifier with settings of its own.
    pub issuer: TrustedIssuer,
    /// A verifier that trusts the issuer.
    pub verifier: Verifier,
    /// The users.
    pub people: Vec<Person>,
}

impl People {
    /// Creates an issuer with a new key, and tokens for the users.
    ///
    /// # Errors
    ///
    /// If the system can't provide random bytes.
    pub fn new() -> Result<Self, Error> {
        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
        let issuer = TokenIssuer::builder("https://id.example", ring)
            .audience("https://api.example")
            .client_id("reports-web")
            .build()?;
        let verifier = Verifier::builder().issuer(issuer.trusted()).build()?;
        let person = |variable, about, name: &str, scopes: &[&str], others| {
            let token = issuer.access(name.to_lowercase()).scope(scopes).claim("name", name).claims(&others).issue()?;
            Ok::<_, Error>(Person { variable, about, token: token.token })
        };
        let (read, write) = (&["reports:read"][..], &["reports:read", "reports:write"][..]);
        let people = vec![
            person("READER", "can read reports", "Ada", read, json!({}))?,
            person("EDITOR", "can also write reports", "Grace", write, json!({"roles": ["editor"]}))?,
            person("ADMIN", "an administrator, logged in with a password", "Joan", write, json!({"roles": ["admin"]}))?,
            person(
                "STRONG",
                "the same administrator, logged in with a security key",
                "Joan",
                write,
                json!({"roles": ["admin"], "acr": "phr"}),
            )?,
        ];
        Ok(Self { issuer: issuer.trusted(), verifier, people })
    }

    /// Prints the tokens as shell variables, and commands to try, each with the status to expect.
    pub fn print(&self, url: &str, calls: &[(&str, &str, Option<&str>, u16)]) {
        println!("# Paste these tokens into another terminal. They are valid for 15 minutes:");
        for Person { variable, about, token } in &self.people {
            println!("{variable}={token} # {about}");
        }
        println!("# Then try these commands, with the status to expect:");
        for (method, path, who, status) in calls {
            let method = if *method == "GET" { String::new() } else { format!(" -X {method}") };
            let token = who.map_or_else(String::new, |who| format!(" -H \"Authorization: Bearer ${who}\""));
            println!("curl -i{method} {url}{path}{token} # {status}");
        }
    }
}

/// Returns the port in the first argument, or the default.
///
/// # Errors
///
/// If the argument isn't a port.
pub fn port(default: u16) -> Result<u16, std::num::ParseIntError> {
    std::env::args().nth(1).map_or(Ok(default), |port| port.parse())
}

/// The commands for both examples with scopes: method, path, user and status.
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
