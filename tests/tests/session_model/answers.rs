//! How a client or a thief reacts to an answer, and the promises that each answer is checked against.

use jwt_core::ErrorKind;

use super::client::{By, Client, Outcome, Request, Tokens};
use super::device::Device;
use super::process::{AHEAD, IDLE};
use super::world::World;

impl World {
    pub(crate) fn finish(&mut self, process: usize, request: Request, outcome: Outcome) {
        let answer_is_lost = !self.is_calm && self.random.below(6) == 0;
        let text = match &outcome {
            Outcome::Login(result) => format!("{:?}", result.as_ref().map(|_| ())),
            Outcome::Refresh(result, _) => format!("{:?}", result.as_ref().map(|_| ())),
            Outcome::Ended(result) => format!("{result:?}"),
        };
        self.note(&format!("{request:?}: {text}{}", if answer_is_lost { " (lost)" } else { "" }));
        match (request, outcome) {
            (Request::Login(subject, began), Outcome::Login(Ok(login))) if !answer_is_lost => {
                self.clients.push(Client {
                    subject,
                    id: login.session,
                    logged_in_at: self.time,
                    token: login.tokens.refresh,
                    earlier: Vec::new(),
                    access: vec![login.tokens.access],
                    device: login.browser.map(|browser| Device::new(*browser)),
                    revoked_after: None,
                    thief: None,
                    was_robbed: false,
                    ended: false,
                    is_unlisted: false,
                    // The store may have gone back before the answer came.
                    may_be_over: self.went_back > 0 || began < self.revoked_until,
                    was_lost: self.went_back > 0,
                    is_over: false,
                    requests: 0,
                    sent: String::new(),
                    refreshed_at: self.time,
                })
            }
            (Request::Refresh { client, by, is_bound }, Outcome::Refresh(result, challenge)) => {
                if let Ok(tokens) = &result {
                    self.check_binding(client, by, is_bound, tokens, answer_is_lost);
                }
                if let (Some(device), Some(challenge)) = (&mut self.clients[client].device, challenge)
                    && by != By::Thief
                    && !answer_is_lost
                {
                    device.browser.challenge = challenge;
                }
                self.refreshed(process, client, by, result, answer_is_lost);
            }
            (Request::Logout(client), Outcome::Ended(result)) if result != Err(ErrorKind::Expired) => {
                self.clients[client].ended = true;
            }
            (Request::EndAll { clients, began, .. }, Outcome::Ended(result)) if result != Err(ErrorKind::Expired) => {
                for number in clients {
                    let client = &mut self.clients[number];
                    // After an error the process ends the sessions that began by then on its own clock.
                    let is_meant = !client.was_lost && (result.is_ok() || client.logged_in_at + AHEAD <= began);
                    client.is_unlisted |= is_meant && !client.ended && result.is_err();
                    client.ended |= is_meant;
                }
                if result.is_err() {
                    self.ends_later();
                }
            }
            _ => {}
        }
    }

    fn refreshed(
        &mut self,
        process: usize,
        number: usize,
        by: By,
        result: Result<Tokens, ErrorKind>,
        answer_is_lost: bool,
    ) {
        let by_thief = by == By::Thief;
        let client = &mut self.clients[number];
        client.requests -= usize::from(!by_thief);
        let is_idle = self.time - client.refreshed_at > IDLE - 100;
        match result {
            Ok(tokens) => {
                self.refreshed += 1;
                client.access.push(tokens.access.clone());
                let (may_be_over, is_robbed) = (client.may_be_over, client.may_be_hijacked());
                if !answer_is_lost {
                    let token = if by_thief { client.thief.as_mut() } else { Some(&mut client.token) };
                    let before = token.map(|token| std::mem::replace(token, tokens.refresh.clone()));
                    client.earlier.extend(before);
                    client.refreshed_at = self.time;
                }
                // A request that took a quarter of an hour brings an access token that has expired.
                let refusal = self.processes[process].refusal(&tokens.access);
                if let Some(refusal) = refusal.filter(|refusal| *refusal != ErrorKind::Expired)
                    && !may_be_over
                    && !is_robbed
                {
                    self.violation(&format!("client {number} got an access token that is refused: {refusal:?}"));
                }
            }
            Err(ErrorKind::RefreshReused) => {
                self.accused += 1;
                (client.ended, client.may_be_over) = (true, true);
                if !client.may_be_hijacked() {
                    self.violation(&format!("client {number} is accused"));
                }
            }
            Err(ErrorKind::SessionEnded | ErrorKind::Expired) => {
                if by_thief {
                    client.thief = None;
                } else {
                    client.is_over = true;
                    if !client.may_be_over && !client.may_be_hijacked() && !is_idle {
                        self.violation(&format!("client {number} is logged out"));
                    }
                }
            }
            Err(ErrorKind::SessionsUnavailable | ErrorKind::RevocationUnavailable) => {}
            // Whether a browser gets along in the end is checked there.
            Err(ErrorKind::UnprovenDevice) if client.device.is_some() => self.worthless += usize::from(by_thief),
            Err(other) => self.violation(&format!("client {number}: {other:?}")),
        }
    }
}
