//! The promises that hold after every history, once the faults are over.

use jwt_core::ErrorKind;

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
            } else if self.clients[number].was_robbed {
                self.only_one_party_keeps_the_session(number);
            } else if !self.clients[number].is_over {
                self.the_session_goes_on(number);
            }
        }
    }

    fn nothing_is_alive(&mut self, number: usize) {
        let client = &self.clients[number];
        let tokens = client.earlier.iter().chain(client.thief.as_ref()).chain([&client.token]);
        for token in tokens.cloned().collect::<Vec<_>>() {
            for process in 0..self.processes.len() {
                let sessions = self.processes[process].sessions.clone();
                let twice = (0..2).any(|_| block(refresh(sessions.clone(), token.clone())).is_ok());
                if twice {
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

    /// Refreshes at a process, and checks that the access token is good at all of them.
    fn refresh_at(&mut self, process: usize, number: usize, token: &str) -> Result<String, ErrorKind> {
        let sessions = self.processes[process].sessions.clone();
        let mut result = block(refresh(sessions.clone(), token.to_owned()));
        if let Err(ErrorKind::SessionsUnavailable) = result {
            // The first operation after the server was replaced finds the connection closed.
            result = block(refresh(sessions, token.to_owned()));
        }
        self.note(&format!("client {number} refreshes at {process}: {:?}", result.as_ref().map(|_| ())));
        let pair = result?;
        if let Some(refusal) = self.processes.iter().find_map(|process| process.refusal(&pair.access.token)) {
            self.violation(&format!("a zombie: client {number} got an access token that is refused: {refusal:?}"));
        }
        Ok(pair.refresh.token)
    }

    fn the_session_goes_on(&mut self, number: usize) {
        let mut token = self.clients[number].token.clone();
        for process in 0..self.processes.len() {
            match self.refresh_at(process, number, &token) {
                Ok(next) => token = next,
                Err(_) if self.clients[number].may_be_over => return,
                Err(error) => self.violation(&format!("client {number} can't refresh: {error:?}")),
            }
            self.advance(60);
        }
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
                match self.refresh_at(0, number, token) {
                    Ok(next) => *token = next,
                    Err(_) => return,
                }
            }
        }
        self.violation(&format!("client {number} and a thief both keep the session"));
    }
}
