//! A process of the fleet: the real sessions, verifier and revocation list, with a clock of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jwt_core::crypto::SigningKey;
use jwt_core::gate::Endpoint;
use jwt_core::http::Cookies;
use jwt_core::issue::{KeyRing, Sessions, TokenIssuer};
use jwt_core::revocation::{
    MemoryRevocations, Revocation, RevocationList, RevocationSettings, RevocationStore, RevokeError, Standing,
    TokenIdentity,
};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, ErrorKind, Step, Verifier};
use jwt_tests::device::PATH;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};

use super::store::{Connection, Link, Server};

pub(crate) const ACCESS: u64 = 900;
pub(crate) const IDLE: u64 = 7_200;
pub(crate) const GRACE: u64 = 10;
/// How far a clock is ahead at most.
pub(crate) const AHEAD: u64 = 25;

pub(crate) struct Process {
    pub(crate) sessions: Sessions,
    /// Where browsers register and prove the keys of their devices.
    pub(crate) endpoint: Endpoint,
    pub(crate) verifier: Verifier,
    pub(crate) list: FleetList,
    pub(crate) clock: ManualClock,
    pub(crate) link: Arc<Mutex<Link>>,
}

/// Revocations on their way to the other processes, with the number of the process that made each.
pub(crate) type Mail = Arc<Mutex<Vec<(usize, Revocation)>>>;

/// The list of one process. Others learn of its revocations when the mail is delivered.
#[derive(Clone, Debug)]
pub(crate) struct FleetList {
    pub(crate) local: MemoryRevocations,
    mail: Mail,
    number: usize,
    pub(crate) is_down: Arc<Mutex<bool>>,
}

impl RevocationList for FleetList {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        self.local.look_up(token)
    }
}

#[async_trait]
impl RevocationStore for FleetList {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.local.revoke(revocation)?;
        self.mail.lock().expect("not poisoned").push((self.number, revocation.clone()));
        if *self.is_down.lock().expect("not poisoned") { Err(RevokeError::Unavailable) } else { Ok(()) }
    }
}

impl Process {
    /// `ahead` is how many seconds its clock is ahead of the others.
    pub(crate) fn start(number: usize, ahead: u64, server: &Arc<Mutex<Server>>, mail: &Mail) -> Self {
        let clock = ManualClock::at(NOW + ahead);
        let key = SigningKey::from_secret(Algorithm::HS256, [7; 32]).expect("a key");
        let ring = KeyRing::builder().key(key).clock(clock.clone()).build().expect("a ring");
        let tokens = TokenIssuer::builder(ISSUER, ring).audience(AUDIENCE).lifetime(Duration::from_secs(ACCESS));
        let tokens = tokens.build().expect("an issuer");
        let settings = RevocationSettings::new()
            .longest_lifetime(Duration::from_secs(ACCESS))
            .refresh_lifetime(Duration::from_secs(IDLE));
        let local = MemoryRevocations::with_settings(settings.clock(clock.clone()));
        let list = FleetList { local, mail: Arc::clone(mail), number, is_down: Arc::default() };
        let link = Arc::<Mutex<Link>>::default();
        let store = Connection { server: Arc::clone(server), link: Arc::clone(&link) };
        let sessions = Sessions::builder(tokens.clone(), store)
            .idle(Duration::from_secs(IDLE))
            .grace(Duration::from_secs(GRACE))
            .revocations(list.clone())
            .sources(Cookies::new().refresh_sources())
            .device_bound(PATH)
            .build()
            .expect("sessions");
        let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).revocations(list.clone());
        let endpoint = sessions.refresh_endpoint_with(&Cookies::new());
        Self { sessions, endpoint, verifier: verifier.build().expect("a verifier"), list, clock, link }
    }

    /// Why an access token is refused; `None` if it's accepted.
    pub(crate) fn refusal(&self, access: &str) -> Option<ErrorKind> {
        let result = self.verifier.verify_step(access, None).ready().expect("nothing to wait for");
        result.err().map(|error| error.kind())
    }
}
