use std::io;

use super::{Gate, GateError, Options, Server};

/// The request of a signal.
enum Wish {
    Reload,
    Stop,
}

/// Serves until a signal asks to stop.
///
/// # Errors
///
/// If the configuration can't be used, or the address is taken.
pub async fn run(options: Options) -> Result<(), GateError> {
    let mut signals = Signals::new().map_err(GateError::Listen)?;
    let gate = Gate::load(&options.config)?;
    let server = Server::start(options.framework, &gate)?;
    println!("gate listens on {}", server.address());
    loop {
        match signals.next().await {
            Wish::Stop => break,
            Wish::Reload => match gate.reload().await {
                Ok(()) => println!("gate uses the new settings"),
                Err(error) => eprintln!("gate keeps the old settings: {error}"),
            },
        }
    }
    server.stop().await;
    Ok(())
}

#[cfg(unix)]
struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.hang_up.recv() => Wish::Reload,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.interrupt.recv() => Wish::Stop,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Wish {
        let _ = tokio::signal::ctrl_c().await;
        Wish::Stop
    }
}
