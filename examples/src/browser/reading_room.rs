use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::gate::Endpoint;
use jwt_core::http::{Cookies, Csrf, SetCookies};
use jwt_core::issue::{KeyRing, MemorySessions, Session, Sessions, TokenIssuer, TokenPair};
use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
use jwt_core::{Algorithm, Error, ErrorKind, Verified, Verifier};
use serde::{Deserialize, Serialize};

use super::Options;

/// The users: name, password, and the name to show. Your application must store password hashes, for example from Argon2.
const USERS: [(&str, &str, &str); 2] = [("ada", "engine", "Ada Lovelace"), ("grace", "compiler", "Grace Hopper")];

const BOOKS: [(u32, &str, &str); 5] = [
    (1, "Elements", "Euclid"),
    (2, "Liber Abaci", "Leonardo of Pisa"),
    (3, "Ars Conjectandi", "Jakob Bernoulli"),
    (4, "The Laws of Thought", "George Boole"),
    (5, "Begriffsschrift", "Gottlob Frege"),
];

/// The part of the application that doesn't depend on the framework. Cheap to clone.
#[derive(Clone)]
pub struct ReadingRoom(Arc<Inner>);

struct Inner {
    cookies: Cookies,
    sessions: Sessions,
    /// Accepts access tokens from cookies.
    verifier: Verifier,
    fresh: Duration,
    /// The books of each user.
    books: Mutex<HashMap<String, Vec<Book>>>,
}

/// The body of a login request.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// The body of a request that confirms the login.
#[derive(Deserialize)]
pub(super) struct Password {
    password: String,
}

/// The claims that the application uses.
#[derive(Deserialize, Serialize)]
pub(super) struct Reader {
    #[serde(rename(deserialize = "sub"))]
    pub(super) id: String,
    name: String,
}

#[derive(Clone, Serialize)]
pub(super) struct Book {
    id: u32,
    title: &'static str,
    author: &'static str,
}

/// A session as the page shows it.
#[derive(Serialize)]
pub(super) struct SessionInfo {
    id: String,
    device: String,
    /// In seconds since 1970.
    since: i64,
    current: bool,
}

impl ReadingRoom {
    /// Creates the application with a new key, which is lost when the process ends.
    ///
    /// # Errors
    ///
    /// If an option is out of range.
    pub fn new(options: &Options) -> Result<Self, Box<dyn std::error::Error>> {
        let cookies = Cookies::new();
        // Every token contains a CSRF value, so every request that changes something must repeat it.
        let csrf = Csrf::new().require_claim();

        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
        let tokens = TokenIssuer::builder("https://reading-room.example", ring)
            .audience("https://reading-room.example")
            .client_id("reading-room-pages")
            .lifetime(options.access())
            .build()?;

        // When a session ends, its access tokens are refused at once instead of when they expire. A revocation is kept as long
        // as an access token can be valid.
        let settings = RevocationSettings::new().longest_lifetime(options.access());
        let revocations = MemoryRevocations::with_settings(settings);
        let sessions = Sessions::builder(tokens.clone(), MemorySessions::new())
            .sources(cookies.refresh_sources().csrf(csrf.clone()))
            // Over HTTPS, a browser with support for it binds the session to its device. Copied cookies are worthless then.
            .device_bound("/auth/refresh")
            .grace(options.grace())
            .revocations(revocations.clone())
            .build()?;
        let verifier = Verifier::builder()
            .issuer(tokens.trusted())
            .sources(cookies.sources().csrf(csrf))
            // The issuer and the verifier share a clock, so there's no difference to tolerate.
            .leeway(Duration::ZERO)
            .revocations(revocations)
            .build()?;
        let books = Mutex::default();
        Ok(Self(Arc::new(Inner { cookies, sessions, verifier, fresh: options.fresh(), books })))
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    pub(super) fn refresh_endpoint(&self) -> Endpoint {
        self.0.sessions.refresh_endpoint_with(&self.0.cookies)
    }

    /// Starts a session and returns its cookies, or `None` if the name or the password is wrong.
    pub(super) async fn log_in(&self, given: &Credentials, user_agent: &str) -> Result<Option<SetCookies>, Error> {
        let known = USERS.iter().find(|(id, password, _)| *id == given.name && *password == given.password);
        let Some((id, _, name)) = known else { return Ok(None) };
        let login = self.0.sessions.login(*id).claim("name", *name).csrf().fresh_for(self.0.fresh);
        let pair = login.device(device(user_agent)).for_cookies(&self.0.cookies).start().await?;
        self.with_books(id, |books| {
            if books.is_empty() {
                books.extend(BOOKS.map(|(id, title, author)| Book { id, title, author }));
            }
        });
        self.cookies(&pair).map(Some)
    }

    /// Checks the password of a logged-in user, and replaces the session by a new one with a fresh token.
    pub(super) async fn confirm(
        &self,
        verified: &Verified,
        given: Password,
        user_agent: &str,
    ) -> Result<Option<SetCookies>, Error> {
        let name = verified.registered().subject().unwrap_or_default().to_owned();
        let confirmed = self.log_in(&Credentials { name, password: given.password }, user_agent).await?;
        if confirmed.is_some() {
            self.0.sessions.logout(verified).await?;
        }
        Ok(confirmed)
    }

    pub(super) async fn log_out(&self, verified: &Verified) -> Result<SetCookies, Error> {
        self.0.sessions.logout(verified).await?;
        Ok(self.no_cookies())
    }

    pub(super) async fn log_out_everywhere(&self, reader: &Reader) -> Result<SetCookies, Error> {
        self.0.sessions.end_all(&reader.id).await?;
        Ok(self.no_cookies())
    }

    pub(super) fn no_cookies(&self) -> SetCookies {
        self.0.cookies.clear()
    }

    fn cookies(&self, pair: &TokenPair) -> Result<SetCookies, Error> {
        pair.cookies(&self.0.cookies).map_err(|_| ErrorKind::IssuingFailed.into())
    }

    pub(super) async fn sessions(&self, reader: &Reader, verified: &Verified) -> Result<Vec<SessionInfo>, Error> {
        let claims = verified.registered();
        let info = |session: Session| SessionInfo {
            current: claims.session_id() == Some(session.id.as_str()),
            id: session.id,
            device: session.device.unwrap_or_else(|| "Unknown device".to_owned()),
            since: session.created_at.seconds(),
        };
        Ok(self.0.sessions.list(&reader.id).await?.into_iter().map(info).collect())
    }

    pub(super) async fn end_session(&self, reader: &Reader, session: &str) -> Result<bool, Error> {
        self.0.sessions.end(&reader.id, session).await
    }

    pub(super) fn books(&self, reader: &Reader) -> Vec<Book> {
        self.with_books(&reader.id, |books| books.clone())
    }

    pub(super) fn return_book(&self, reader: &Reader, id: u32) -> bool {
        self.with_books(&reader.id, |books| {
            let before = books.len();
            books.retain(|book| book.id != id);
            books.len() < before
        })
    }

    fn with_books<T>(&self, reader: &str, act: impl FnOnce(&mut Vec<Book>) -> T) -> T {
        let mut books = self.0.books.lock().unwrap_or_else(PoisonError::into_inner);
        act(books.entry(reader.to_owned()).or_default())
    }
}

impl fmt::Debug for ReadingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingRoom").finish_non_exhaustive()
    }
}

/// Describes the device, as far as the browser identifies it.
fn device(user_agent: &str) -> String {
    let name_in = |names: &[(&str, &'static str)], unknown: &'static str| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map_or(unknown, |(_, name)| name)
    };
    // Browsers also name other browsers, so the order matters.
    let browser = name_in(
        &[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")],
        "Browser",
    );
    let system = name_in(
        &[
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Windows", "Windows"),
            ("Mac OS", "Mac"),
            ("Linux", "Linux"),
        ],
        "an unknown system",
    );
    format!("{browser} on {system}")
}
