//! How a client or a thief reacts to an answer, and the promises that each answer is checked against.

use jwt_core::ErrorKind;
use jwt_core::issue::TokenPair;

use super::process::IDLE;
use super::world::{Client, Outcome, Request, World};

impl World {
    pub(crate) fn finish(&mut self, process: usize, request: Request, outcome: Outcome) {
        let answer_is_lost = !self.is_calm && self.random.below(6) == 0;
        let text = match &outcome {
            Outcome::Pair(result) => format!("{:?}", result.as_ref().map(|_| ())),
            Outcome::Ended(result) => format!("{result:?}"),
        };
        self.note(&format!("{request:?}: {text}{}", if answer_is_lost { " (lost)" } else { "" }));
        match (request, outcome) {
            (Request::Login(subject, began), Outcome::Pair(Ok(pair))) if !answer_is_lost => self.clients.push(Client {
                subject,
                id: pair.session_id,
                token: pair.refresh.token,
                earlier: Vec::new(),
                access: vec![pair.access.token],
                revoked_after: None,
                thief: None,
                was_robbed: false,
                ended: false,
                // The store may have gone back before the answer came.
                may_be_over: self.went_back > 0 || began < self.revoked_until,
                was_lost: self.went_back > 0,
                is_over: false,
                requests: 0,
                sent: String::new(),
                refreshed_at: self.time,
            }),
            (Request::Refresh { client, by_thief }, Outcome::Pair(result)) => {
                self.refreshed(process, client, by_thief, result, answer_is_lost);
            }
            (Request::Logout(client), Outcome::Ended(result)) if result != Err(ErrorKind::Expired) => {
                self.clients[client].ended = true;
            }
            (Request::EndAll(_, clients), Outcome::Ended(Ok(()))) => {
                for number in clients {
                    let client = &mut self.clients[number];
                    client.ended |= !client.was_lost;
                }
            }
            _ => {}
        }
    }

    fn refreshed(
        &mut self,
        process: usize,
        number: usize,
        by_thief: bool,
        result: Result<Box<TokenPair>, ErrorKind>,
        answer_is_lost: bool,
    ) {
        let client = &mut self.clients[number];
        client.requests -= usize::from(!by_thief);
        let is_idle = self.time - client.refreshed_at > IDLE - 100;
        match result {
            Ok(pair) => {
                self.refreshed += 1;
                client.access.push(pair.access.token.clone());
                let (may_be_over, is_robbed) = (client.may_be_over, client.was_robbed);
                if !answer_is_lost {
                    let token = if by_thief { client.thief.as_mut() } else { Some(&mut client.token) };
                    let before = token.map(|token| std::mem::replace(token, pair.refresh.token.clone()));
                    client.earlier.extend(before);
                    client.refreshed_at = self.time;
                }
                // A request that took a quarter of an hour brings an access token that has expired.
                let refusal = self.processes[process].refusal(&pair.access.token);
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
                if !client.was_robbed {
                    self.violation(&format!("client {number} is accused"));
                }
            }
            Err(ErrorKind::SessionEnded | ErrorKind::Expired) => {
                if by_thief {
                    client.thief = None;
                } else {
                    client.is_over = true;
                    if !client.may_be_over && !client.was_robbed && !is_idle {
                        self.violation(&format!("client {number} is logged out"));
                    }
                }
            }
            Err(ErrorKind::SessionsUnavailable | ErrorKind::RevocationUnavailable) => {}
            Err(other) => self.violation(&format!("client {number}: {other:?}")),
        }
    }
}
