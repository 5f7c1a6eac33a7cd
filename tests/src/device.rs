//! A browser that binds its session to its device, with a key in software.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_core::http::{Cookies, Headers};
use jwt_core::issue::{SessionStore, TokenPair};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::ask::Ask;
use crate::forge::Forge;
use crate::issuing::Shop;
use crate::setup::stranger;

/// The path of the refresh endpoint.
pub const PATH: &str = "/cookie-refresh";

/// An application whose sessions can be bound to devices.
pub fn shop(store: impl SessionStore + 'static) -> Shop {
    Shop::with(store, |sessions| sessions.sources(Cookies::new().refresh_sources()).device_bound(PATH))
}

/// A browser that has logged in.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Browser {
    /// The key of its device.
    pub key: SigningKey,
    /// The session's identifier.
    pub session: String,
    /// The refresh token in its cookie.
    pub cookie: String,
    /// The challenge that it signs next.
    pub challenge: String,
}

/// The lines of a response.
#[derive(Debug, Default)]
struct Lines(Vec<(String, String)>);

impl Headers for Lines {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.0.iter().for_each(|(name, value)| each(name, value.as_bytes()));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        self.0.push((name.to_owned(), String::from_utf8(value).expect("text")));
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }
}

/// The headers of a login's response.
///
/// # Panics
///
/// Panics if the login fails.
pub async fn login_headers(shop: &Shop) -> Vec<(String, String)> {
    headers(&shop.sessions.login("joe").csrf().start().await.expect("a session"))
}

fn headers(pair: &TokenPair) -> Vec<(String, String)> {
    let mut lines = Lines::default();
    pair.cookies(&Cookies::new()).expect("small tokens").apply(&mut lines);
    lines.0
}

impl Browser {
    /// Another browser with the cookie and the challenge of this one.
    pub fn new(key: SigningKey, copied: &Self) -> Self {
        Self { key, ..copied.clone() }
    }

    /// The same browser with another cookie.
    pub fn with_cookie(&self, cookie: &str) -> Self {
        Self { cookie: cookie.to_owned(), ..self.clone() }
    }

    /// Logs in, and registers nothing yet.
    ///
    /// # Panics
    ///
    /// Panics if the login fails or asks for no registration.
    pub async fn log_in(shop: &Shop) -> Self {
        Self::log_in_with(shop, Algorithm::ES256).await
    }

    /// Logs in with a key of this algorithm.
    ///
    /// # Panics
    ///
    /// Panics if the login fails or asks for no registration.
    pub async fn log_in_with(shop: &Shop, algorithm: Algorithm) -> Self {
        let pair = shop.sessions.login("joe").csrf().start().await.expect("a session");
        Self::of(&pair, stranger(algorithm))
    }

    /// The browser that these tokens of a login were sent to, with the key of its device.
    ///
    /// # Panics
    ///
    /// Panics if the login asks for no registration.
    pub fn of(pair: &TokenPair, key: SigningKey) -> Self {
        let headers = headers(pair);
        let value = |name: &str, start: &str| {
            let named = headers.iter().filter(|(other, _)| other == name);
            named.filter_map(|(_, value)| value.strip_prefix(start)).next().expect("a header").to_owned()
        };
        let cookie = value("set-cookie", "__Host-refresh=").split(';').next().expect("a token").to_owned();
        let start = format!("(ES256 RS256);path=\"{PATH}\";challenge=\"");
        let challenge = value("secure-session-registration", &start).trim_end_matches('"').to_owned();
        Self { key, session: pair.session_id.clone(), cookie, challenge }
    }

    /// Logs in and registers its key.
    ///
    /// # Panics
    ///
    /// Panics if one of them fails.
    pub async fn bound(shop: &Shop) -> Self {
        let mut browser = Self::log_in(shop).await;
        let answer = shop.send_axum(&browser.registering(&browser.registration().sign())).await;
        browser.take(&answer);
        assert_eq!(answer.status, 200, "{answer:?}");
        browser
    }

    /// Starts a proof of the challenge.
    pub fn proof(&self) -> Forge {
        let header = json!({"typ": "dbsc+jwt", "alg": self.key.algorithm().name()});
        Forge::of(&self.key, header, json!({"jti": self.challenge}))
    }

    /// Starts a proof that registers the key.
    ///
    /// # Panics
    ///
    /// Panics if the key is a secret.
    pub fn registration(&self) -> Forge {
        self.proof().header("jwk", self.key.public_jwk().expect("a public key"))
    }

    /// The request that registers a key. The browser sends no header of a page.
    pub fn registering(&self, proof: &str) -> Ask {
        self.ask().header("secure-session-response", proof)
    }

    /// The request that refreshes without a proof.
    pub fn asking(&self) -> Ask {
        self.ask().header("sec-secure-session-id", format!("\"{}\"", self.session))
    }

    /// The request that refreshes with a proof.
    pub fn refreshing(&self, proof: &str) -> Ask {
        self.asking().header("secure-session-response", format!("\"{proof}\""))
    }

    /// The request of a page, or of a thief who sends the same.
    pub fn page(&self) -> Ask {
        let csrf = claims(&self.cookie)["csrf"].as_str().expect("a value").to_owned();
        self.ask().header("sec-fetch-site", "same-origin").header("x-csrf-token", csrf)
    }

    fn ask(&self) -> Ask {
        Ask::post(PATH).header("cookie", format!("__Host-refresh={}", self.cookie))
    }

    /// Takes the cookie and the challenge of a response.
    ///
    /// # Panics
    ///
    /// Panics if the challenge is for another session.
    pub fn take(&mut self, answer: &Answer) {
        if let Some(cookie) = cookie(answer) {
            self.cookie = cookie;
        }
        if let Some(header) = answer.header("secure-session-challenge") {
            let (challenge, id) = header.split_once("\";id=\"").expect("a challenge with a session");
            assert_eq!(id.trim_end_matches('"'), self.session);
            challenge.trim_start_matches('"').clone_into(&mut self.challenge);
        }
    }
}

/// The refresh token that a response sets.
///
/// # Panics
///
/// Panics if the value isn't text.
#[must_use]
pub fn cookie(answer: &Answer) -> Option<String> {
    let lines = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let mut values = lines.map(|(_, value)| std::str::from_utf8(value).expect("text"));
    let value = values.find_map(|value| value.strip_prefix("__Host-refresh="))?;
    value.split(';').next().filter(|token| !token.is_empty()).map(str::to_owned)
}

/// The claims of a token.
///
/// # Panics
///
/// Panics if it isn't a token.
#[must_use]
pub fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// Checks a store that loses the registrations of two devices, because it goes back to its state at the call of `keep`. Thieves have
/// copies of the cookies from before the registrations. The first thief refreshes as often as the browser, the second one more often.
///
/// # Panics
///
/// Panics if a thief keeps a session, or if a browser loses one that the thief could not take.
pub async fn outlives_a_lost_registration(
    shop: &Shop,
    is_axum: bool,
    keep: impl FnOnce(),
    go_back: impl AsyncFnOnce(),
) {
    let send = async |ask: Ask| if is_axum { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await };
    let refused = async |ask: Ask, status: u16, code: &str| {
        let answer = send(ask).await;
        assert_eq!((answer.status, answer.code), (status, Some(code)), "{answer:?}");
        answer
    };
    let (mut slow, mut fast) = (Theft::new(shop).await, Theft::new(shop).await);
    keep();
    for pair in [&mut slow, &mut fast] {
        let answer = send(pair.owner.registering(&pair.owner.registration().sign())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        pair.owner.take(&answer);
    }
    go_back().await;
    for (pair, count) in [(&mut slow, 1), (&mut fast, 2)] {
        for _ in 0..count {
            let answer = send(pair.thief.page()).await;
            assert_eq!(answer.status, 204, "{answer:?}");
            pair.thief.take(&answer);
        }
        // A copy of the browser's own cookie has the key.
        refused(pair.owner.page(), 403, "unproven_device").await;
    }
    for _ in 0..2 {
        let answer = send(slow.owner.refreshing(&slow.owner.proof().sign())).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        slow.owner.take(&answer);
        refused(slow.thief.page(), 403, "unproven_device").await;
    }
    refused(fast.owner.refreshing(&fast.owner.proof().sign()), 401, "refresh_token_reused").await;
    refused(fast.thief.page(), 401, "session_ended").await;
}

/// A browser, and a thief with a copy of its cookie from before the registration.
struct Theft {
    owner: Browser,
    thief: Browser,
}

impl Theft {
    async fn new(shop: &Shop) -> Self {
        let owner = Browser::log_in(shop).await;
        let thief = Browser::new(stranger(Algorithm::ES256), &owner);
        Self { owner, thief }
    }
}
