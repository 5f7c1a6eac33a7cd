//! One history: a random sequence of events.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jwt_core::issue::Sessions;
use jwt_core::revocation::Revocation;
use jwt_core::{Algorithm, Clock as _, ErrorKind};
use jwt_tests::device::Browser;
use jwt_tests::forge::ISSUER;
use jwt_tests::setup::stranger;

use super::client::{By, Client, Login, Outcome, Request, Task, Tokens};
use super::device::is_bound;
use super::process::{AHEAD, Mail, Process};
use super::random::Random;
use super::store::Server;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) random: Random,
    pub(crate) server: Arc<Mutex<Server>>,
    pub(crate) mail: Mail,
    pub(crate) processes: Vec<Process>,
    pub(crate) clients: Vec<Client>,
    pub(crate) tasks: Vec<Task>,
    pub(crate) revoked_until: u64,
    pub(crate) time: u64,
    pub(crate) is_calm: bool,
    pub(crate) trace: Vec<String>,
    pub(crate) refreshed: usize,
    /// Refreshes with a proof of a device's key.
    pub(crate) bound: usize,
    /// Browsers that did not get the answer to their registration in time.
    pub(crate) locked_out: usize,
    /// Copies of tokens that were refused because the thief has no key.
    pub(crate) worthless: usize,
    pub(crate) went_back: usize,
    pub(crate) accused: usize,
}

pub(crate) async fn refresh(sessions: Sessions, token: String) -> Result<Tokens, ErrorKind> {
    let token = sessions.verify(&token).await.map_err(|error| error.kind())?;
    sessions.refresh(&token).await.map(Tokens::from).map_err(|error| error.kind())
}

/// Runs a future that waits only for the store's script.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let server = Server {
            contents: Default::default(),
            snapshots: Vec::new(),
            is_down: false,
            failures: [0, 0, 5, 20][random.index(4)],
            late: Vec::new(),
            random: Random(random.next()),
        };
        let (server, mail) = (Arc::new(Mutex::new(server)), Mail::default());
        let ahead = [0, 0, 15, AHEAD];
        let processes = (0..2 + random.index(2)).map(|number| {
            let ahead = ahead[random.index(4)];
            Process::start(number, ahead, &server, &mail)
        });
        let processes = processes.collect();
        Self {
            seed,
            random,
            server,
            mail,
            processes,
            clients: Vec::new(),
            tasks: Vec::new(),
            revoked_until: 0,
            time: 0,
            is_calm: false,
            trace: Vec::new(),
            refreshed: 0,
            bound: 0,
            locked_out: 0,
            worthless: 0,
            went_back: 0,
            accused: 0,
        }
    }

    pub(crate) fn run(&mut self) {
        for _ in 0..100 + self.random.below(200) {
            self.step();
        }
        self.calm_down();
    }

    pub(crate) fn note(&mut self, event: &str) {
        self.trace.push(format!("{:>6} {event}", self.time));
    }

    pub(crate) fn violation(&self, what: &str) -> ! {
        panic!("JWT_SEED={}: {what}\n{}", self.seed, self.trace.join("\n"));
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..=44 => self.poll_any(),
            45..=51 => {
                let seconds = [0, 1, 3, 30, 120, 400][self.random.index(6)];
                self.advance(seconds);
            }
            52..=55 => self.log_in(),
            56..=74 => self.refresh_any(),
            75..=76 => self.end_any(),
            77..=78 => self.drop_any(),
            79 => self.steal(),
            80..=83 => self.refresh_by_thief(),
            84..=87 => {
                let mut server = self.server.lock().expect("not poisoned");
                let contents = server.contents.clone();
                server.snapshots.push(contents);
            }
            88 => self.go_back(),
            89..=90 => {
                let is_down = self.random.below(3) == 0;
                self.server.lock().expect("not poisoned").is_down = is_down;
            }
            91..=92 => {
                let (process, is_cut) = (self.random.index(self.processes.len()), self.random.below(3) == 0);
                self.processes[process].link.lock().expect("not poisoned").is_cut = is_cut;
            }
            93 => {
                let (process, is_down) = (self.random.index(self.processes.len()), self.random.below(3) == 0);
                *self.processes[process].list.is_down.lock().expect("not poisoned") = is_down;
            }
            94..=95 => self.deliver(),
            96..=97 => self.server.lock().expect("not poisoned").arrive(),
            98 if self.random.below(4) == 0 => self.revoke_subject(),
            _ => {
                let process = self.random.index(self.processes.len());
                let sessions = self.processes[process].sessions.clone();
                let future =
                    async move { Outcome::Ended(sessions.heal().await.map(|_| ()).map_err(|error| error.kind())) };
                self.tasks.push(Task { process, request: Request::Heal, future: Box::pin(future) });
            }
        }
    }

    /// A process that hears nothing for ten seconds accepts no token, so messages don't take longer than a few seconds here.
    pub(crate) fn advance(&mut self, seconds: u64) {
        if seconds > 3 {
            self.deliver();
        }
        self.time += seconds;
        for process in &self.processes {
            process.clock.advance(Duration::from_secs(seconds));
        }
    }

    /// Delivers all revocations.
    pub(crate) fn deliver(&mut self) {
        for (from, revocation) in self.mail.lock().expect("not poisoned").drain(..) {
            for (number, process) in self.processes.iter().enumerate() {
                if number != from {
                    process.list.local.revoke(&revocation).expect("space");
                }
            }
        }
    }

    fn log_in(&mut self) {
        let (process, subject) = (self.random.index(self.processes.len()), ["ada", "joe"][self.random.index(2)]);
        if self.tasks.iter().any(|task| matches!(task.request, Request::EndAll { subject: of, .. } if of == subject)) {
            return;
        }
        let sessions = self.processes[process].sessions.clone();
        let has_device = self.random.below(2) == 0;
        let future = async move {
            let pair = sessions.login(subject).start().await.map_err(|error| error.kind());
            Outcome::Login(pair.map(|pair| {
                let browser = has_device.then(|| Box::new(Browser::of(&pair, stranger(Algorithm::ES256))));
                Login { session: pair.session_id.clone(), tokens: pair.into(), browser }
            }))
        };
        self.tasks.push(Task { process, request: Request::Login(subject, self.time), future: Box::pin(future) });
    }

    fn client(&mut self, fits: impl Fn(&Client) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.clients.len()).filter(|number| fits(&self.clients[*number])).collect();
        (!fitting.is_empty()).then(|| fitting[self.random.index(fitting.len())])
    }

    /// A client has up to two tabs, which may send the same token at once. It does not exchange the next one before all have an
    /// answer or have given up.
    fn refresh_any(&mut self) {
        let is_free = |client: &Client| client.requests == 0 || (client.requests < 2 && client.sent == client.token);
        if let Some(client) = self.client(|client| !client.is_over && is_free(client)) {
            self.clients[client].requests += 1;
            let token = self.clients[client].token.clone();
            self.clients[client].sent.clone_from(&token);
            match self.clients[client].device {
                Some(_) => self.send_from_device(client, &token),
                None => self.send(client, By::Page, token),
            }
        }
    }

    fn refresh_by_thief(&mut self) {
        if let Some(client) = self.client(|client| client.thief.is_some()) {
            let token = self.clients[client].thief.clone().expect("chosen so");
            match self.clients[client].device {
                Some(_) if self.random.below(3) == 0 => self.send_forged_proof(client, &token),
                _ => self.send(client, By::Thief, token),
            }
        }
    }

    pub(crate) fn send(&mut self, client: usize, by: By, token: String) {
        let process = self.random.index(self.processes.len());
        let sessions = self.processes[process].sessions.clone();
        self.note(&format!("client {client} refreshes at {process} ({by:?})"));
        let request = Request::Refresh { client, by, is_bound: is_bound(&token) };
        let future = Box::pin(async move { Outcome::Refresh(refresh(sessions, token).await, None) });
        self.tasks.push(Task { process, request, future });
    }

    fn steal(&mut self) {
        if let Some(client) = self.client(|client| !client.was_robbed) {
            let is_old = self.random.below(2) == 0;
            let client = &mut self.clients[client];
            let token = client.earlier.last().filter(|_| is_old).unwrap_or(&client.token);
            (client.thief, client.was_robbed) = (Some(token.clone()), true);
        }
    }

    fn end_any(&mut self) {
        let Some(client) = self.client(|client| !client.is_over) else { return };
        let process = self.random.index(self.processes.len());
        let sessions = self.processes[process].sessions.clone();
        let (subject, token) = (self.clients[client].subject, self.clients[client].token.clone());
        let everywhere = self.random.below(4) == 0;
        let keeps_own = everywhere && self.random.below(2) == 0;
        let numbers = (0..self.clients.len()).filter(|number| !(keeps_own && *number == client));
        let all: Vec<usize> = numbers.filter(|number| self.clients[*number].subject == subject).collect();
        let of = if everywhere { all.clone() } else { vec![client] };
        for number in &of {
            self.clients[*number].may_be_over = true;
        }
        if everywhere {
            // Logins that are under way are ended or not.
            self.tasks.retain(|task| !matches!(task.request, Request::Login(..)));
        }
        let future = async move {
            let ended = if everywhere && !keeps_own {
                sessions.end_all(subject).await.map(|_| ())
            } else {
                match sessions.verify(&token).await {
                    Ok(token) if keeps_own => sessions.end_others(&token).await.map(|_| ()),
                    Ok(token) => sessions.logout(&token).await,
                    Err(error) => Err(error),
                }
            };
            Outcome::Ended(ended.map_err(|error| error.kind()))
        };
        let request = match everywhere {
            true => Request::EndAll { subject, clients: all, began: self.time },
            false => Request::Logout(client),
        };
        self.note(&format!("{request:?} at {process}"));
        self.tasks.push(Task { process, request, future: Box::pin(future) });
    }

    /// A process will end all sessions of a subject, and the clock of another one may still be behind the call.
    pub(crate) fn ends_later(&mut self) {
        self.revoked_until = self.time + 60;
    }

    fn revoke_subject(&mut self) {
        let (process, subject) = (self.random.index(self.processes.len()), ["ada", "joe"][self.random.index(2)]);
        let cutoff = self.processes[process].clock.now() + Duration::from_secs(AHEAD);
        let _ = block(jwt_core::revocation::RevocationStore::revoke(
            &self.processes[process].list,
            &Revocation::subject(ISSUER, subject, cutoff),
        ));
        self.note(&format!("{subject} is revoked at {process}"));
        for client in self.clients.iter_mut().filter(|client| client.subject == subject) {
            (client.ended, client.may_be_over) = (true, true);
            client.revoked_after.get_or_insert(client.access.len());
        }
        // Sessions that begin within the difference of the clocks may be over too.
        self.revoked_until = self.time + 60;
    }

    fn go_back(&mut self) {
        let mut server = self.server.lock().expect("not poisoned");
        if server.snapshots.is_empty() {
            return;
        }
        let index = server.snapshots.len().saturating_sub(1 + self.random.index(3));
        server.contents = server.snapshots[index].clone();
        if self.random.below(2) == 0 {
            server.late.clear();
        }
        for client in &mut self.clients {
            if !server.contents.contains_key(&(client.subject.to_owned(), client.id.clone())) {
                (client.was_lost, client.may_be_over) = (true, true);
                if client.is_unlisted {
                    client.revoked_after = Some(0);
                }
            }
        }
        drop(server);
        self.check_registrations();
        for process in &self.processes {
            process.link.lock().expect("not poisoned").is_closed = true;
        }
        self.went_back += 1;
        self.note("the store goes back");
    }

    fn drop_any(&mut self) {
        if !self.tasks.is_empty() {
            let index = self.random.index(self.tasks.len());
            let task = self.tasks.swap_remove(index);
            self.note(&format!("gave up: {:?}", task.request));
            match task.request {
                Request::Refresh { client, by, .. } => self.clients[client].requests -= usize::from(by != By::Thief),
                Request::EndAll { .. } => self.ends_later(),
                _ => {}
            }
        }
    }

    fn poll_any(&mut self) {
        if !self.tasks.is_empty() {
            let index = self.random.index(self.tasks.len());
            let mut context = Context::from_waker(Waker::noop());
            // Often only a part of it, so that others come in between.
            for _ in 0..=self.random.below(12) {
                if let Poll::Ready(outcome) = self.tasks[index].future.as_mut().poll(&mut context) {
                    let task = self.tasks.swap_remove(index);
                    return self.finish(task.process, task.request, outcome);
                }
            }
        }
    }

    /// Lets every request end.
    pub(crate) fn finish_all(&mut self) {
        while !self.tasks.is_empty() {
            self.poll_any();
        }
    }
}
