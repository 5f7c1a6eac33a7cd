//! The promises that hold after every history, once the faults are over.

use jwt_core::ErrorKind;

use super::client::Tokens;
use super::process::GRACE;
use super::world::{World, block, refresh};

impl World {
    /// Ends the faults, lets everything arrive, and checks the promises.
    pub(crate) fn calm_down(&mut self) {
        self.is_calm = true;
        self.note("calm");
        {
            let mut server = self.server.lock().expect("not poisoned");
            (server.is_down, server.failures) = (false, 0);
            while !server.late.is_empty() {
                server.arrive();
            }
        }
        for process in &self.processes {
            process.link.lock().expect("not poisoned").is_cut = false;
            *process.list.is_down.lock().expect("not poisoned") = false;
        }
        self.finish_all();
        // The documented bound: every process checks the sessions that it ended within five minutes.
        for pause in [2, 301, 2] {
            self.advance(pause);
            for number in 0..self.processes.len() {
                let sessions = self.processes[number].sessions.clone();
                let healed = block(sessions.heal()).map_err(|error| error.kind());
                self.note(&format!("{number} heals: {healed:?}"));
            }
            self.deliver();
        }
        for number in 0..self.clients.len() {
            if self.clients[number].ended {
                self.nothing_is_alive(number);
            } else if self.clients[number].was_robbed && self.has_registered(number) {
                self.the_thief_is_shut_out(number);
            } else if self.clients[number].was_robbed {
                self.only_one_party_keeps_the_session(number);
            } else if !self.clients[number].is_over {
                self.the_session_goes_on(number);
            }
        }
    }

    fn has_registered(&self, number: usize) -> bool {
        self.clients[number].device.as_ref().is_some_and(|device| device.is_registered)
    }

    fn nothing_is_alive(&mut self, number: usize) {
        let client = &self.clients[number];
        let tokens = client.earlier.iter().chain(client.thief.as_ref()).chain([&client.token]);
        for token in tokens.cloned().collect::<Vec<_>>() {
            for process in 0..self.processes.len() {
                let sessions = self.processes[process].sessions.clone();
                let twice = (0..2).any(|_| block(refresh(sessions.clone(), token.clone())).is_ok());
                let is_proven = self.has_registered(number) && self.prove_at(process, number, &token).is_ok();
                if twice || is_proven {
                    self.violation(&format!("client {number}'s session has ended, but {process} refreshes it"));
                }
            }
        }
        let client = &self.clients[number];
        for access in client.access.iter().take(client.revoked_after.unwrap_or(usize::MAX)) {
            for process in &self.processes {
                if process.refusal(access).is_none() {
                    self.violation(&format!("client {number}'s session has ended, but an access token is accepted"));
                }
            }
        }
    }

    /// Refreshes at a process as a client without a device.
    pub(crate) fn refresh_at(&mut self, process: usize, number: usize, token: &str) -> Result<Tokens, ErrorKind> {
        let sessions = self.processes[process].sessions.clone();
        let mut result = block(refresh(sessions.clone(), token.to_owned()));
        if let Err(ErrorKind::SessionsUnavailable) = result {
            // The first operation after the server was replaced finds the connection closed.
            result = block(refresh(sessions, token.to_owned()));
        }
        self.note(&format!("client {number} refreshes at {process}: {:?}", result.as_ref().map(|_| ())));
        result
    }

    /// Checks that the access token is good at all processes, and returns the refresh token.
    fn next(&self, number: usize, result: Result<Tokens, ErrorKind>) -> Result<String, ErrorKind> {
        let tokens = result?;
        if let Some(refusal) = self.processes.iter().find_map(|process| process.refusal(&tokens.access)) {
            self.violation(&format!("a zombie: client {number} got an access token that is refused: {refusal:?}"));
        }
        Ok(tokens.refresh)
    }

    fn the_session_goes_on(&mut self, number: usize) {
        let mut token = self.clients[number].token.clone();
        for process in 0..self.processes.len() {
            let result = match self.clients[number].device {
                Some(_) => self.refresh_with_device(process, number, &token),
                None => self.refresh_at(process, number, &token),
            };
            match self.next(number, result) {
                Ok(next) => token = next,
                Err(_) if self.clients[number].may_be_over => return,
                Err(ErrorKind::UnprovenDevice) if self.may_be_locked_out(number) => {
                    self.locked_out += 1;
                    return;
                }
                Err(error) => self.violation(&format!("client {number} can't refresh: {error:?}")),
            }
            self.advance(60);
        }
    }

    /// A browser that never got the answer to its registration, and can't repeat it any more, has to log in again.
    fn may_be_locked_out(&self, number: usize) -> bool {
        self.clients[number].device.as_ref().is_some_and(|device| device.was_sent && !device.is_registered)
    }

    fn only_one_party_keeps_the_session(&mut self, number: usize) {
        let (mut owner, Some(mut thief)) = (self.clients[number].token.clone(), self.clients[number].thief.clone())
        else {
            return;
        };
        // Each uses its token three times, in turn. The theft shows in the second round at the latest.
        for _ in 0..3 {
            for token in [&mut owner, &mut thief] {
                self.advance(GRACE + 1);
                let result = self.refresh_at(0, number, token);
                match self.next(number, result) {
                    Ok(next) => *token = next,
                    Err(_) => return,
                }
            }
        }
        self.violation(&format!("client {number} and a thief both keep the session"));
    }
}
