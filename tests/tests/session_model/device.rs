//! Browsers that bind their sessions to a key of their device, and thieves who have copies of the cookies, but not the key.

use std::future::Future;

use jwt_core::gate::{Answer, Endpoint, Gate as _, RequestState};
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::ask::Ask;
use jwt_tests::device::{Browser, claims};
use jwt_tests::setup::stranger;

use super::client::{By, Outcome, Request, Task, Tokens};
use super::world::{World, block};

/// The device of a client's browser.
pub(crate) struct Device {
    /// The key, and the challenge for the next proof. The token is the client's.
    pub(crate) browser: Browser,
    /// The challenge of the login, which is the only one that is good for a new key.
    registration: String,
    /// The browser got the answer to its registration.
    pub(crate) is_registered: bool,
    /// A registration was sent, so the session may be bound although the browser does not know it.
    pub(crate) was_sent: bool,
    /// The store has lost the registration, and no proof has repeated it since.
    pub(crate) is_exposed: bool,
    /// The store has lost the registration at some time.
    pub(crate) was_exposed: bool,
}

impl Device {
    pub(crate) fn new(browser: Browser) -> Self {
        let registration = browser.challenge.clone();
        let (is_registered, was_sent, is_exposed, was_exposed) = (false, false, false, false);
        Self { browser, registration, is_registered, was_sent, is_exposed, was_exposed }
    }

    pub(crate) fn lose_registration(&mut self) {
        (self.is_exposed, self.was_exposed) = (self.is_registered, self.was_exposed || self.is_registered);
    }

    fn registering(&self, token: &str) -> Ask {
        let mut browser = self.browser.with_cookie(token);
        browser.challenge.clone_from(&self.registration);
        browser.registering(&browser.registration().sign())
    }

    fn proving(&self, token: &str) -> Ask {
        let browser = self.browser.with_cookie(token);
        browser.refreshing(&browser.proof().sign())
    }
}

/// Whether a refresh token names the key of a device.
pub(crate) fn is_bound(token: &str) -> bool {
    claims(token).get("cnf").is_some()
}

/// Sends a browser's request to the refresh endpoint.
fn send(endpoint: Endpoint, ask: &Ask) -> impl Future<Output = Outcome> + Send + use<> {
    let request = ask.bare();
    async move {
        match endpoint.enter(&request, &RequestState::missing("Sessions")).wait().await {
            Err(answer) => outcome(&answer),
            Ok(_) => unreachable!("an endpoint answers"),
        }
    }
}

fn outcome(answer: &Answer) -> Outcome {
    let header = |wanted: &str, start: &str| {
        let mut values = answer.headers.iter().filter(|(name, _)| *name == wanted).map(|(_, value)| value);
        values.find_map(|value| value.strip_prefix(start)?.split([';', '"']).next().map(str::to_owned))
    };
    let challenge = header("secure-session-challenge", "\"");
    let cookie = |name: &str| header("set-cookie", name).expect("a cookie");
    let result = match (answer.status, &answer.error) {
        (200 | 204, _) => Ok(Tokens { access: cookie("__Host-access="), refresh: cookie("__Host-refresh=") }),
        (_, Some(error)) => Err(error.kind()),
        (status, None) => panic!("unexpected: {status}"),
    };
    Outcome::Refresh(result, challenge)
}

impl World {
    /// Sends the token of a client with a device: the browser registers its key, proves it, or does not take part.
    pub(crate) fn send_from_device(&mut self, client: usize, token: &str) {
        let choice = self.random.below(10);
        let device = self.clients[client].device.as_mut().expect("a device");
        let by = match device.is_registered {
            true if choice < 9 => By::Proof,
            false if choice < 6 => By::Registration,
            _ => By::Page,
        };
        let ask = match by {
            By::Proof => device.proving(token),
            By::Registration => {
                device.was_sent = true;
                device.registering(token)
            }
            _ => return self.send(client, By::Page, token.to_owned()),
        };
        self.send_ask(client, by, token, &ask);
    }

    /// A thief who has seen the browser's challenge signs it with a key of their own.
    pub(crate) fn send_forged_proof(&mut self, client: usize, token: &str) {
        let is_registration = self.random.below(2) == 0;
        let device = self.clients[client].device.as_ref().expect("a device");
        let thief = Browser::new(stranger(Algorithm::ES256), &device.browser.with_cookie(token));
        let ask = if is_registration {
            thief.registering(&thief.registration().sign())
        } else {
            thief.refreshing(&thief.proof().sign())
        };
        // Before the registration, the thief would sign the challenge of the login, and register a key of their own.
        if device.is_registered {
            self.send_ask(client, By::Thief, token, &ask);
        }
    }

    fn send_ask(&mut self, client: usize, by: By, token: &str, ask: &Ask) {
        let process = self.random.index(self.processes.len());
        self.note(&format!("client {client} refreshes at {process} ({by:?})"));
        let future = Box::pin(send(self.processes[process].endpoint.clone(), ask));
        let request = Request::Refresh { client, by, is_bound: is_bound(token) && by != By::Proof };
        self.tasks.push(Task { process, request, future });
    }

    /// Checks that no token with a key was exchanged without a proof, and notes that the browser has registered.
    pub(crate) fn check_binding(&mut self, number: usize, by: By, is_bound: bool, tokens: &Tokens, is_lost: bool) {
        if is_bound {
            self.violation(&format!("client {number}'s token has a key, and was exchanged without a proof"));
        }
        let is_theft_under_way =
            |task: &Task| matches!(task.request, Request::Refresh { client, by: By::Thief, .. } if client == number);
        let client = &mut self.clients[number];
        let key = (client.subject.to_owned(), client.id.clone());
        let record = self.server.lock().expect("not poisoned").contents.get(&key).cloned();
        // The store may have gone back since it carried this request out.
        let is_safe =
            record.is_some_and(|record| record.device_key.is_some()) && !self.tasks.iter().any(is_theft_under_way);
        let Some(device) = client.device.as_mut() else { return };
        match by {
            By::Registration => device.is_registered |= !is_lost,
            By::Proof => device.is_exposed &= !is_safe,
            By::Thief if device.is_registered && !device.is_exposed => {
                self.violation(&format!(
                    "client {number}'s session is bound, and a thief without the key refreshed it"
                ));
            }
            By::Page | By::Thief => {}
        }
        self.bound += usize::from(by == By::Proof);
        if matches!(by, By::Registration | By::Proof) && !self::is_bound(&tokens.refresh) {
            self.violation(&format!("client {number} proved its key, and got a token without it"));
        }
    }

    /// Notes which clients' registrations the store has lost.
    pub(crate) fn check_registrations(&mut self) {
        let server = self.server.lock().expect("not poisoned");
        for client in &mut self.clients {
            let record = server.contents.get(&(client.subject.to_owned(), client.id.clone()));
            if record.is_some_and(|record| record.device_key.is_none())
                && let Some(device) = &mut client.device
            {
                device.lose_registration();
            }
        }
    }

    /// Refreshes as a browser does, which signs the challenge of a refusal.
    pub(crate) fn prove_at(&mut self, process: usize, number: usize, token: &str) -> Result<Tokens, ErrorKind> {
        let mut result = Err(ErrorKind::UnprovenDevice);
        for _ in 0..3 {
            let device = self.clients[number].device.as_mut().expect("a device");
            let endpoint = self.processes[process].endpoint.clone();
            let Outcome::Refresh(answer, challenge) = block(send(endpoint, &device.proving(token))) else {
                unreachable!("the outcome of a refresh")
            };
            device.browser.challenge = challenge.unwrap_or_default();
            result = answer;
            if !matches!(result, Err(ErrorKind::UnprovenDevice | ErrorKind::SessionsUnavailable)) {
                break;
            }
        }
        self.note(&format!("client {number} proves its key at {process}: {:?}", result.as_ref().map(|_| ())));
        result
    }

    /// Refreshes by any means of a browser with a device: a proof, as a page, or by registering the key again.
    pub(crate) fn refresh_with_device(
        &mut self,
        process: usize,
        number: usize,
        token: &str,
    ) -> Result<Tokens, ErrorKind> {
        let device = self.clients[number].device.as_ref().expect("a device");
        let (is_registered, was_sent, ask) = (device.is_registered, device.was_sent, device.registering(token));
        let mut result = Err(ErrorKind::UnprovenDevice);
        if is_registered {
            result = self.prove_at(process, number, token);
        }
        if let Err(ErrorKind::UnprovenDevice) = result {
            result = self.refresh_at(process, number, token);
        }
        if let (Err(ErrorKind::UnprovenDevice), true) = (&result, was_sent) {
            let endpoint = self.processes[process].endpoint.clone();
            if let Outcome::Refresh(answer, challenge) = block(send(endpoint, &ask)) {
                let device = self.clients[number].device.as_mut().expect("a device");
                device.is_registered = answer.is_ok();
                device.browser.challenge = challenge.unwrap_or_default();
                result = answer;
            }
            self.note(&format!("client {number} registers at {process}: {:?}", result.as_ref().map(|_| ())));
        }
        result
    }

    /// A thief has a copy of a cookie whose session is bound: the owner keeps the session, unless the store has lost the
    /// registration and the thief was faster. Then it ends.
    pub(crate) fn the_thief_is_shut_out(&mut self, number: usize) {
        let client = &self.clients[number];
        let (owner, thief) = (client.token.clone(), client.thief.clone());
        let may_end = client.may_be_over || client.may_be_hijacked();
        let result = self.refresh_with_device(0, number, &owner);
        if let (Err(error), false) = (&result, may_end) {
            self.violation(&format!("client {number} can't refresh after a theft: {error:?}"));
        }
        let was_proven = result.as_ref().is_ok_and(|tokens| is_bound(&tokens.refresh));
        let is_over = matches!(result, Err(ErrorKind::RefreshReused | ErrorKind::SessionEnded));
        if let (Some(thief), true) = (thief, was_proven || is_over) {
            for process in 0..self.processes.len() {
                if self.refresh_at(process, number, &thief).is_ok() {
                    self.violation(&format!("client {number}'s thief has no key and keeps the session"));
                }
            }
        } else if result.is_err() && !is_over {
            self.violation(&format!("client {number} is locked out, and the session goes on: {:?}", result.err()));
        }
        if let (Ok(tokens), false) = (result, is_over) {
            self.refresh_with_device(1, number, &tokens.refresh).unwrap_or_else(|error| {
                self.violation(&format!("client {number} can't refresh after the thief: {error:?}"));
            });
        }
    }
}
