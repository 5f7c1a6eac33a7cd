//! Sessions that are bound to a browser's device. W3C Device Bound Session Credentials, level 1.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, json};

use crate::error::{Class, Detail, Error, ErrorKind};
use crate::http::cookies::Cookies;
use crate::issue::UnsignedToken;
use crate::jose::Key;
use crate::proof::DeviceProof;

use super::exchange::unreadable_record;
use super::refresh::SessionClaims;
use super::{Renewal, SessionRecord, Sessions, TokenPair};

/// The `typ` of challenges.
pub(super) const CHALLENGE_TYPE: &str = "device-challenge+jwt";

/// The value of the claim `token_use` in challenges.
pub(super) const CHALLENGE_USE: &str = "device_challenge";

/// How much longer than an access token a challenge is good, so that a browser that refreshes when a token has expired need not
/// ask for another one.
const CHALLENGE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The claims of a challenge. It's good for one refresh token and its copies, so a proof can be used as often as the token can.
#[derive(Deserialize)]
struct Challenge {
    sid: String,
    rotations: u64,
    /// Whether it's for a new key. Only logins hand these out, so a thief cannot register a key of their own.
    registers: bool,
}

impl Sessions {
    /// The header that asks the browser of a login for a key. Section "Secure-Session-Registration".
    pub(super) async fn registration_header(
        &self,
        session: &SessionRecord,
    ) -> Result<Option<(&'static str, String)>, Error> {
        let Some(path) = &self.0.device_path else { return Ok(None) };
        let challenge = self.challenge(&session.id, session.rotations, true).await?;
        let value = format!("(ES256 RS256);path=\"{path}\";challenge=\"{challenge}\"");
        Ok(Some(("secure-session-registration", value)))
    }

    /// The header that asks for a proof, now or with the next refresh. Section "Secure-Session-Challenge".
    pub(super) async fn challenge_header(&self, id: &str, rotations: u64) -> Result<(&'static str, String), Error> {
        let challenge = self.challenge(id, rotations, false).await?;
        Ok(("secure-session-challenge", format!("\"{challenge}\";id=\"{id}\"")))
    }

    async fn challenge(&self, id: &str, rotations: u64, registers: bool) -> Result<String, Error> {
        let tokens = &self.0.tokens;
        let mut claims = Map::new();
        for (name, value) in [
            ("aud", tokens.refresh_audience().into()),
            ("token_use", CHALLENGE_USE.into()),
            ("sid", id.into()),
            ("rotations", rotations.into()),
            ("registers", registers.into()),
        ] {
            claims.insert(name.to_owned(), value);
        }
        let challenge = tokens.sign(UnsignedToken {
            token_type: CHALLENGE_TYPE.to_owned(),
            header: Map::new(),
            claims,
            jwt_id: tokens.random_id()?,
            issued_at: self.now(),
            lifetime: tokens.lifetime().saturating_add(CHALLENGE_MARGIN),
            csrf: None,
        });
        Ok(challenge.wait().await?.token)
    }

    /// Checks that the request comes from the device that the session is bound to. Returns the device's key; `None` if the session
    /// isn't bound.
    pub(super) async fn prove_device(
        &self,
        refresh: &Renewal,
        claims: &SessionClaims,
        session: &SessionRecord,
    ) -> Result<Option<String>, Error> {
        let known = known_key(claims, session)?;
        let proof = match (&refresh.device, &known) {
            (Some(device), _) => device.proof.as_ref().map_err(|problem| unproven(problem))?,
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(unproven(
                    "the session is bound to a browser's device: only the browser can refresh it, and by itself, at \
                     `Sessions::refresh_endpoint_with`",
                ));
            }
        };
        let key = match (&proof.key, &known) {
            (Some(_), _) if self.0.device_path.is_none() => {
                return Err(unproven("sessions aren't bound to devices here: call `SessionsBuilder::device_bound`"));
            }
            (Some(key), None) => key,
            (Some(key), Some(known)) if key.thumbprint_input() == known.thumbprint_input() => key,
            (Some(_), Some(_)) => return Err(unproven("the session is bound to another key already")),
            (None, Some(known)) => known,
            (None, None) => return Err(unproven("the session isn't bound to a device: log in again")),
        };
        if !proof.is_signed_by(key, self.0.tokens.ring().backend()) {
            return Err(unproven("the proof isn't signed by the key of the session's device"));
        }
        self.check_challenge(proof, &session.id, claims.rotations).await?;
        key.thumbprint_input().map(Some).ok_or_else(|| unproven("the proof's `jwk` isn't a public key"))
    }

    async fn check_challenge(&self, proof: &DeviceProof, id: &str, rotations: u64) -> Result<(), Error> {
        let verified = self.0.challenges.verify(&proof.challenge).await.map_err(|error| match error.class() {
            Class::Unavailable => error,
            _ => unproven("the proof's `jti` isn't a current challenge of this service"),
        })?;
        let challenge: Challenge = verified.claims()?;
        let is_for_session = challenge.sid == id && proof.session.as_deref().is_none_or(|named| named == id);
        if !is_for_session || challenge.rotations != rotations || challenge.registers != proof.key.is_some() {
            return Err(unproven(
                "the proof's challenge is for another session, another refresh token or another step",
            ));
        }
        Ok(())
    }

    /// The answer to a registration. Section "JSON Session Instruction Format".
    pub(super) fn instructions(&self, pair: &TokenPair, cookies: &Cookies) -> String {
        let (name, attributes) = cookies.access_credential();
        let mut instructions = json!({
            "session_identifier": pair.session_id,
            "refresh_url": self.0.device_path,
            "scope": {"include_site": false},
            "credentials": [{"type": "cookie", "name": name, "attributes": attributes}],
        });
        if !self.0.refresh_initiators.is_empty() {
            instructions["allowed_refresh_initiators"] = self.0.refresh_initiators.as_slice().into();
        }
        instructions.to_string()
    }
}

/// The key that the session is bound to. The token's counts first, because the store may have lost the registration.
fn known_key(claims: &SessionClaims, session: &SessionRecord) -> Result<Option<Key>, Error> {
    let text = claims.cnf.as_ref().map(|cnf| cnf.jwk.to_string()).or_else(|| session.device_key.clone());
    text.map(|text| Key::from_jwk(&text)).transpose().map_err(|_| unreadable_record())
}

fn unproven(problem: &'static str) -> Error {
    Error::from(ErrorKind::UnprovenDevice).with_detail(Detail::Constant(problem))
}
