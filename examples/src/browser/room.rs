use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::crypto::SigningKey;
use jwt_core::gate::Endpoint;
use jwt_core::http::Csrf;
use jwt_core::http::{Cookies, SetCookies};
use jwt_core::issue::{KeyRing, TokenIssuer};
use jwt_core::issue::{MemorySessions, Session, Sessions, TokenPair};
use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
use jwt_core::{Algorithm, Error, ErrorKind, Verified, Verifier};
use serde::{Deserialize, Serialize};

use super::Options;

/// Whom the application knows: name, password, name to show. Yours keeps hashes of passwords, made with Argon2.
const USERS: [(&str, &str, &str); 2] = [("ada", "engine", "Ada Lovelace"), ("grace", "compiler", "Grace Hopper")];

const BOOKS: [(u32, &str, &str); 5] = [
    (1, "Elements", "Euclid"),
    (2, "Liber Abaci", "Leonardo of Pisa"),
    (3, "Ars Conjectandi", "Jakob Bernoulli"),
    (4, "The Laws of Thought", "George Boole"),
    (5, "Begriffsschrift", "Gottlob Frege"),
];

/// The application, whatever the framework. Cheap to clone.
#[derive(Clone)]
pub struct ReadingRoom(Arc<Inner>);

struct Inner {
    cookies: Cookies,
    sessions: Sessions,
    /// What the layer takes: access tokens from cookies.
    verifier: Verifier,
    fresh: Duration,
    shelves: Mutex<HashMap<String, Vec<Book>>>,
}

/// What is sent to log in.
#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
}

/// What is sent to confirm that it is still the same person.
#[derive(Deserialize)]
pub(super) struct Password {
    password: String,
}

/// The claims that the application looks at.
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

/// A session, as the page shows it.
#[derive(Serialize)]
pub(super) struct Place {
    id: String,
    device: String,
    /// In seconds since 1970.
    since: i64,
    current: bool,
}

impl ReadingRoom {
    /// Opens it, with a key that ends with the process.
    ///
    /// # Errors
    ///
    /// Periods that nobody can keep.
    pub fn open(options: &Options) -> Result<Self, Box<dyn std::error::Error>> {
        let cookies = Cookies::new();
        // Every token has the claim, so that every request that changes something must repeat it.
        let csrf = Csrf::new().require_token();

        let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
        let tokens = TokenIssuer::builder("https://reading-room.example", ring)
            .audience("https://reading-room.example")
            .lifetime(options.access())
            .build()?;

        // Access tokens of a session that ended are refused at once, and not only when they expire.
        // Each is remembered for as long as an access token can live.
        let settings = RevocationSettings::new().longest_lifetime(options.access());
        let revocations = MemoryRevocations::with_settings(settings);
        let sessions = Sessions::builder(tokens.clone(), MemorySessions::new())
            .sources(cookies.refresh_sources().csrf(csrf.clone()))
            .grace(options.grace())
            .revocations(revocations.clone())
            .build()?;
        let verifier = Verifier::builder()
            .issuer(tokens.trusted())
            .sources(cookies.sources().csrf(csrf))
            // Issuer and verifier have the same clock.
            .leeway(Duration::ZERO)
            .revocations(revocations)
            .build()?;
        let shelves = Mutex::default();
        Ok(Self(Arc::new(Inner { cookies, sessions, verifier, fresh: options.fresh(), shelves })))
    }

    pub(super) fn verifier(&self) -> Verifier {
        self.0.verifier.clone()
    }

    pub(super) fn refresh_endpoint(&self) -> Endpoint {
        self.0.sessions.refresh_endpoint_with(&self.0.cookies)
    }

    /// The cookies of a new session, or `None` where name and password do not fit.
    pub(super) async fn log_in(&self, given: &Credentials, user_agent: &str) -> Result<Option<SetCookies>, Error> {
        let known = USERS.iter().find(|(id, password, _)| *id == given.name && *password == given.password);
        let Some((id, _, name)) = known else { return Ok(None) };
        let login = self.0.sessions.login(*id).claim("name", *name).csrf().fresh_for(self.0.fresh);
        let pair = login.device(device(user_agent)).start().await?;
        self.shelf(id, |books| {
            if books.is_empty() {
                books.extend(BOOKS.map(|(id, title, author)| Book { id, title, author }));
            }
        });
        self.cookies(&pair).map(Some)
    }

    /// The same for somebody who is logged in already: the new session, whose token is fresh, takes the old one's place.
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

    pub(super) async fn places(&self, reader: &Reader, verified: &Verified) -> Result<Vec<Place>, Error> {
        let claims = verified.registered();
        let place = |session: Session| Place {
            current: claims.session_id() == Some(session.id.as_str()),
            id: session.id,
            device: session.device.unwrap_or_else(|| "Unknown device".to_owned()),
            since: session.created_at.seconds(),
        };
        Ok(self.0.sessions.list(&reader.id).await?.into_iter().map(place).collect())
    }

    pub(super) async fn end(&self, reader: &Reader, session: &str) -> Result<bool, Error> {
        self.0.sessions.end(&reader.id, session).await
    }

    pub(super) fn books(&self, reader: &Reader) -> Vec<Book> {
        self.shelf(&reader.id, |books| books.clone())
    }

    pub(super) fn return_book(&self, reader: &Reader, id: u32) -> bool {
        self.shelf(&reader.id, |books| {
            let before = books.len();
            books.retain(|book| book.id != id);
            books.len() < before
        })
    }

    fn shelf<T>(&self, reader: &str, act: impl FnOnce(&mut Vec<Book>) -> T) -> T {
        let mut shelves = self.0.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        act(shelves.entry(reader.to_owned()).or_default())
    }
}

impl fmt::Debug for ReadingRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadingRoom").finish_non_exhaustive()
    }
}

/// A name for the device, as far as its browser tells.
fn device(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)], unknown: &'static str| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map_or(unknown, |(_, name)| name)
    };
    // Browsers name each other, so the order matters.
    let browser = find(
        &[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("curl/", "curl")],
        "Browser",
    );
    let system = find(
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
