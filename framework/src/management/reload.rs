//! `runserver` under `DEBUG`: watches the project, and starts the site anew when it changes (Django 5.2 `utils/autoreload.py`).
//!
//! The first process only listens and watches; a second one, the same program with `RUN_MAIN` in its environment, inherits the
//! listening socket as its standard input and serves. When Rust code changed, `cargo build` runs first; when it fails, the old
//! process goes on, and its pages show what the compiler says. A new process that does not come up leaves the old one in place.
//! Visitors wait in the socket's queue meanwhile: no connection is refused.
//!
//! Templates and static files need none of this: they are read when they are asked for. While a fault stands they do, because they
//! may be what keeps the site from starting.

mod cargo;
mod changes;
pub(super) mod overlay;
pub(super) mod state;

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use self::cargo::Workspace;
use self::changes::{Change, Changes};
use self::state::ReloadState;
use crate::apps::command::CommandError;
use crate::apps::style::Role;
use crate::server::signals::EndSignals;

use super::site_command::Console;

/// How long a new process may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves by a process that is replaced when something changes; returns when it is told to end, or that process ended by itself.
pub(super) async fn watch_and_serve(
    listener: TcpListener,
    base_dir: &Path,
    signals: &mut EndSignals,
    console: &mut Console,
) -> Result<(), CommandError> {
    let program = std::env::current_exe()?;
    let workspace = Workspace::of(base_dir, &program).await;
    let settings = console.settings_path.as_deref();
    let mut changes = Changes::watch(base_dir, workspace.as_ref(), settings).map_err(|error| {
        CommandError::new(format!("cannot watch the project's files: {error}; --noreload does without"))
    })?;
    let state = ReloadState::create()?;
    let mut server = Serving { listener, program, state, child: None, unbuilt: false };
    server.start().await?;
    loop {
        tokio::select! {
            _ = signals.next() => {
                // A second signal, or a process that does not end in time, is that process's own affair.
                tokio::select! {
                    () = server.stop() => {}
                    _ = signals.next() => server.kill().await,
                }
                return Ok(());
            }
            status = server.ended() => return match status?.code() {
                Some(0) => Ok(()),
                code => {
                    let code = code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                    Err(CommandError::new("").exit_code(code))
                }
            },
            change = changes.next() => {
                // What is mended while the new process starts, and fails by it, must not be missed.
                changes.watch_everything(true);
                let replaced = tokio::select! {
                    replaced = server.replace(change, workspace.as_ref(), console) => replaced,
                    // A build that is under way ends with it.
                    _ = signals.next() => {
                        server.stop().await;
                        return Ok(());
                    }
                };
                changes.watch_everything(!matches!(replaced, Ok(true)));
                if let Err(error) = replaced {
                    let _ = console.err.line(console.err.style().paint(Role::Error, format_args!("Error: {error}")));
                }
            }
        }
    }
}

struct Serving {
    listener: TcpListener,
    program: std::path::PathBuf,
    state: ReloadState,
    child: Option<Child>,
    /// The code on disk does not compile, so that the program is not what it says.
    unbuilt: bool,
}

impl Serving {
    fn spawn(&self) -> io::Result<Child> {
        self.state.not_ready()?;
        let mut command = Command::new(&self.program);
        command.args(std::env::args_os().skip(1)).env(state::VARIABLE, self.state.folder());
        command.env(state::WATCHER, std::process::id().to_string());
        if std::env::var_os("RUST_BACKTRACE").is_none() {
            command.env("RUST_BACKTRACE", "1");
        }
        command.stdin(Stdio::from(std::os::fd::OwnedFd::from(self.listener.try_clone()?)));
        // A CONTROL-C is for this process, which passes it on once.
        command.process_group(0).kill_on_drop(true).spawn()
    }

    async fn start(&mut self) -> io::Result<()> {
        self.child = Some(self.spawn()?);
        Ok(())
    }

    async fn ended(&mut self) -> io::Result<ExitStatus> {
        match &mut self.child {
            Some(child) => child.wait().await,
            None => std::future::pending().await,
        }
    }

    async fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child).await;
        }
    }

    async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It has ended by itself if this fails.
            let _ = child.kill().await;
        }
    }

    /// Builds if need be, starts the new process, and ends the old one when the new one listens; whether it came to that.
    async fn replace(
        &mut self,
        change: Change,
        workspace: Option<&Workspace>,
        console: &mut Console,
    ) -> io::Result<bool> {
        let style = console.err.style();
        let mut say = |text: String| {
            // Nobody may be there to read it; the site goes on.
            let _ = console.err.line(style.paint(Role::Notice, text));
        };
        say(format!("{} changed, reloading.", change.path.display()));
        // What did not compile does so still when something else changes.
        if change.rust || self.unbuilt {
            let Some(workspace) = workspace else {
                say("This program was not built by cargo here, so that it cannot be built again.".to_owned());
                return Ok(true);
            };
            self.unbuilt = true;
            if let Err(complaint) = workspace.build(style.is_coloured()).await? {
                self.state.set_fault(&complaint)?;
                say("The code does not compile: the old one goes on.".to_owned());
                return Ok(false);
            }
            self.unbuilt = false;
        }
        let mut new = self.spawn()?;
        let came_up = timeout(PATIENCE, async {
            loop {
                if self.state.is_ready() {
                    return Ok(());
                }
                if let Some(status) = new.try_wait().ok().flatten() {
                    return Err(format!("{status}"));
                }
                sleep(Duration::from_millis(25)).await;
            }
        });
        let too_late = || Err(format!("it did not listen within {PATIENCE:?}"));
        if let Err(end) = came_up.await.unwrap_or_else(|_| too_late()) {
            let _ = new.kill().await;
            let reason = self.state.reason().unwrap_or_else(|| "The terminal says why.".to_owned());
            self.state.set_fault(&format!("The changed site does not start ({end}).\n\n{reason}"))?;
            say("The changed site does not start: the old one goes on.".to_owned());
            return Ok(false);
        }
        self.state.clear_fault()?;
        if let Some(mut old) = self.child.replace(new) {
            // What it has in flight it finishes; the new one serves meanwhile.
            tokio::spawn(async move { end(&mut old).await });
        }
        Ok(true)
    }
}

/// Asks the process to end, and waits for it.
async fn end(child: &mut Child) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(id) = id {
        // It has ended by itself if this fails.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    let _ = child.wait().await;
}
