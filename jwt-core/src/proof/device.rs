//! What browsers send for device-bound sessions: W3C Device Bound Session Credentials, level 1.

use std::sync::Arc;

use super::check::LIMITS;
use super::jwt::{self, Problem};
use crate::crypto::Backend;
use crate::http::request::RequestView;
use crate::jose::compact::{Bytes, Compact, SignatureBytes};
use crate::jose::{Algorithm, Key};
use crate::json::{self, Unique};

/// A request that a browser made by itself for a session that is, or becomes, bound to its device.
#[derive(Clone)]
pub(crate) struct DeviceRequest {
    /// The session that the browser refreshes. `None` if it registers a key.
    pub(crate) session: Option<Box<str>>,
    pub(crate) proof: Result<Arc<DeviceProof>, Problem>,
}

/// A proof that a browser signed with the key of its device.
pub(crate) struct DeviceProof {
    text: Box<str>,
    algorithm: Algorithm,
    /// The key that the browser registers.
    pub(crate) key: Option<Key>,
    /// The challenge that the browser signed.
    pub(crate) challenge: Box<str>,
    /// The session, if the proof names it.
    pub(crate) session: Option<Box<str>>,
}

/// Section "Secure-Session-Registration".
const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

impl DeviceRequest {
    /// Reads the headers. `None` without them, as in the requests of pages.
    ///
    /// Pages of other origins cannot send them: one is a forbidden name, and the other one needs a preflight.
    pub(crate) fn of(request: &dyn RequestView) -> Option<Self> {
        let (mut sessions, mut proofs) = (Vec::new(), Vec::new());
        request.header("sec-secure-session-id", &mut |line| sessions.push(line));
        request.header("secure-session-response", &mut |line| proofs.push(line));
        if sessions.is_empty() && proofs.is_empty() {
            return None;
        }
        let session = match *sessions {
            [] => None,
            // An empty identifier is no session's.
            [line] => Some(text(line).unwrap_or_default().into()),
            _ => Some(Box::default()),
        };
        let proof = match *proofs {
            [] => Err("the request has no header `Secure-Session-Response`"),
            [line] => DeviceProof::read(line).map(Arc::new),
            _ => Err("the request has several headers `Secure-Session-Response`: the browser must send one proof"),
        };
        Some(Self { session, proof })
    }

    /// Whether the browser registers a key: it has no session yet.
    pub(crate) const fn registers(&self) -> bool {
        self.session.is_none()
    }
}

impl DeviceProof {
    fn read(line: &[u8]) -> Result<Self, Problem> {
        const MALFORMED: Problem = "the proof isn't a JWS in compact form: three segments of base64url";
        let text = text(line).ok_or(MALFORMED)?;
        let compact = Compact::split(text.as_bytes(), LIMITS).map_err(|_| MALFORMED)?;
        let mut buffer = Bytes::new();
        let header = compact.header(&mut buffer).map_err(|_| MALFORMED)?;
        let (algorithm, key) = jwt::read_header(header, &jwt::DEVICE, &ALGORITHMS)?;
        let payload = compact.payload(&mut buffer).map_err(|_| MALFORMED)?;
        let (mut challenge, mut session, mut is_valid) = (None, None, true);
        json::object(payload, Unique::Everywhere, |name, value| {
            let slot = match name {
                "jti" => &mut challenge,
                "sub" => &mut session,
                _ => return,
            };
            *slot = value.as_text().map(|text| Box::from(&*text));
            is_valid &= slot.is_some();
        })
        .map_err(|_| "the proof's payload isn't a JSON object with unique names")?;
        if !is_valid {
            return Err("a claim of the proof has the wrong type");
        }
        let challenge = challenge.ok_or("the proof has no `jti`, the challenge")?;
        Ok(Self { text: text.into(), algorithm, key, challenge, session })
    }

    pub(crate) fn is_signed_by(&self, key: &Key, backend: Backend) -> bool {
        let (Ok(key), Ok(compact)) =
            (backend.prepare(key, self.algorithm), Compact::split(self.text.as_bytes(), LIMITS))
        else {
            return false;
        };
        let mut signature = SignatureBytes::new();
        compact.signature(&mut signature).is_ok_and(|signature| key.verify(compact.signing_input(), signature))
    }
}

/// Reads a string of a structured field, or one without its quotation marks. RFC 9651 section 3.3.3.
fn text(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?.trim_ascii();
    Some(text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text))
}
