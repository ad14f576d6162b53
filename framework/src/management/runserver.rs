//! `manage runserver [[addr:]port]`: serves the site, in development and in production (Django 5.2
//! `core/management/commands/runserver.py`).

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::net::TcpListener;

use crate::apps::command::CommandError;
use crate::apps::style::{Role, Style};
use crate::checks::Level;
use crate::conf::core::CoreSettings;
use crate::conf::server::{AccessLogs, ServerSettings};
use crate::conf::time_zone::TimeZone;
use crate::contrib::staticfiles::development::DevelopmentStatic;
use crate::db::migrations::executor::{announcement, create_and_migrate, unapplied};
use crate::project::Project;
use crate::server::access_log::AccessLog;
use crate::server::onion_service::OnionService;
use crate::server::serve::serve;
use crate::server::signals::EndSignals;
use crate::site::Built;

use super::addr_port::AddrPort;
use super::check::show;
use super::cli::VERSION;
use super::migrate::{clock, report};
use super::reload::overlay::FaultOverlay;
use super::reload::state::Served;
use super::reload::watch_and_serve;
use super::run::close_databases;
use super::site_command::{Console, SiteCommand};

/// The arguments of `manage runserver`.
#[derive(Debug, clap::Args)]
pub(super) struct RunServer {
    /// Optional port number, or ipaddr:port
    addrport: Option<String>,
    /// Use an IPv6 address.
    #[arg(long = "ipv6", short = '6')]
    use_ipv6: bool,
    /// Tells nuages to NOT start anew when code or settings change.
    #[arg(long)]
    noreload: bool,
    /// Tells nuages to NOT automatically serve static files at STATIC_URL.
    #[arg(long)]
    nostatic: bool,
    /// Allows serving static files even if DEBUG is False.
    #[arg(long)]
    insecure: bool,
    /// Accepted for Django's sake: requests do not have threads of their own.
    #[arg(long, hide = true)]
    nothreading: bool,
}

impl SiteCommand for RunServer {
    const NAME: &'static str = "runserver";
    const HELP: &'static str = "Serves the site over HTTP, in development and in production.";

    async fn handle(self, built: Built, console: &mut Console) -> Result<(), CommandError> {
        let project = Arc::clone(&built.project);
        let core = project.settings().section::<CoreSettings>();
        if !core.debug && core.allowed_hosts.is_empty() {
            return Err(CommandError::new("You must set settings.ALLOWED_HOSTS if DEBUG is False."));
        }
        let asked = AddrPort::parse(self.addrport.as_deref(), self.use_ipv6)?;
        // From here on SIGTERM is heard: a supervisor may send it while migrations run.
        let mut signals = EndSignals::listen()?;
        let watched = Served::from_environment();
        if core.debug && !self.noreload && watched.is_none() {
            let listener = match bind(&asked).await {
                Ok(listener) => listener.into_std()?,
                Err(error) => return Err(cannot_listen(&error, &asked, console)),
            };
            return watch_and_serve(listener, project.base_dir(), &mut signals, console).await;
        }

        if !console.skip_checks {
            console.out.line("Performing system checks...\n")?;
            let silenced = &core.silenced_system_checks;
            show(&built.messages, silenced, Level::Error, true, &mut console.out, &mut console.err)?;
        }

        prepare_database(&project, core.debug, console).await?;
        let listener = match &watched {
            Some(_) => inherited()?,
            None => match bind(&asked).await {
                Ok(listener) => listener,
                Err(error) => return Err(cannot_listen(&error, &asked, console)),
            },
        };
        let local = listener.local_addr()?;
        let zone = TimeZone::named(&core.time_zone).unwrap_or(TimeZone::UTC);
        banner(&asked, local, core.debug, &zone, console)?;

        let settings = project.settings().section::<ServerSettings>();
        let wanted = match settings.access_log {
            AccessLogs::Always => true,
            AccessLogs::Never => false,
            AccessLogs::Debug => core.debug,
        };
        let colours = Style::for_terminal(io::stderr().is_terminal()).is_coloured();
        let (log, _writer) = if wanted {
            let (log, writer) = AccessLog::start(io::stderr(), colours, zone)?;
            (Some(log), Some(writer))
        } else {
            (None, None)
        };

        let mut onion = built.onion;
        if !self.nostatic
            && (core.debug || self.insecure)
            && let Some(layer) = DevelopmentStatic::new(project.static_files())
        {
            onion.wrap(Arc::new(layer));
        }
        let service = OnionService::new(Arc::new(onion));
        let (first, ending) = tokio::sync::oneshot::channel();
        let stop = async {
            let _ = ending.await;
        };
        let serving = match &watched {
            Some(served) => {
                served.ready()?;
                let service = FaultOverlay::new(service, served.clone());
                Either::Left(serve(vec![listener], service, &settings, log, stop))
            }
            None => Either::Right(serve(vec![listener], service, &settings, log, stop)),
        };
        let told = async {
            let signal = signals.next().await;
            tracing::info!("{signal}: finishing what is in flight, at most {:?}", settings.drain_time);
            let _ = first.send(());
            let signal = signals.next().await;
            tracing::warn!("{signal} again: ending at once");
        };
        tokio::select! {
            _ended = serving => {}
            () = told => {}
            () = orphaned(watched.as_ref().map(Served::watcher)) => {}
        }
        close_databases(&project).await;
        Ok(())
    }
}

/// Under `DEBUG`, makes the SQLite file of a first run and its tables. Any other database is left as it is, and what is not
/// applied to it is announced; when it cannot be asked, that is announced, because it may come up later.
async fn prepare_database(project: &Project, debug: bool, console: &mut Console) -> Result<(), CommandError> {
    let Ok(database) = project.db() else { return Ok(()) };
    let migrations = project.migrations();
    let style = console.out.style();
    if debug
        && let Some(file) = database.file()
        && !tokio::fs::try_exists(file).await?
    {
        console
            .out
            .line(format_args!("\nThe database {} does not exist yet: creating it.", file.display()))?;
        create_and_migrate(database, migrations, clock(project, database), |event| {
            report(event, &mut console.out)
        })
        .await?;
        console.out.line("")?;
        return Ok(());
    }
    match unapplied(database, migrations).await {
        Ok(unapplied) => {
            if let Some(announcement) = announcement(&unapplied) {
                console.out.line(style.paint(Role::Notice, announcement))?;
            }
        }
        Err(error) => {
            let error = CommandError::from(error);
            let warning = format_args!("\nThe database cannot be asked for its migrations: {error}");
            console.out.line(style.paint(Role::Warning, warning))?;
        }
    }
    Ok(())
}

/// The socket that the watching process listens on.
fn inherited() -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Returns when the watching process is gone without having said goodbye: nobody would end this one.
async fn orphaned(watcher: Option<i32>) {
    let Some(watcher) = watcher else { return std::future::pending().await };
    while rustix::process::getppid().is_some_and(|parent| parent.as_raw_nonzero().get() == watcher) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn bind(asked: &AddrPort) -> io::Result<TcpListener> {
    TcpListener::bind(asked.resolve().await?).await
}

/// Django's words for what went wrong, and what to do about it.
fn cannot_listen(error: &io::Error, asked: &AddrPort, console: &mut Console) -> CommandError {
    let program = &console.program;
    let port = asked.port;
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "That port is already in use.\n\
             Another program listens on {asked}, perhaps another `{program} runserver`: `ss -ltnp 'sport = :{port}'` names it.\n\
             End it, or choose another port: `{program} runserver {}`.",
            port.checked_add(1).unwrap_or(8000)
        ),
        io::ErrorKind::PermissionDenied => format!(
            "You don't have permission to access that port.\n\
             Ports below 1024 are for privileged users. Choose a higher one, as in `{program} runserver 8000`, with a proxy before \
             it; or give the program the right: `setcap cap_net_bind_service=+ep`."
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "That IP address can't be assigned to.\n\
             {} is no address of this machine: `ip address` lists those. 127.0.0.1 is for this machine alone, 0 for all of its \
             addresses: `{program} runserver 0:{port}`.",
            asked.host
        ),
        _ => format!("cannot listen on {asked}: {error}"),
    };
    // Whether this line arrives changes nothing about the failure.
    let _ = console.err.line(console.err.style().paint(Role::Error, format_args!("Error: {reason}")));
    CommandError::new("")
}

fn banner(
    asked: &AddrPort,
    local: SocketAddr,
    debug: bool,
    zone: &TimeZone,
    console: &mut Console,
) -> Result<(), CommandError> {
    let format = format_description!("[month repr:long] [day], [year] - [hour]:[minute]:[second]");
    let now = zone.local(OffsetDateTime::now_utc()).format(format)?;
    let shown = AddrPort { port: local.port(), ..asked.clone() };
    let kind = if debug { "development server" } else { "server" };
    console.out.line(format_args!(
        "{now}\n\
         nuages version {VERSION}, using settings '{}'\n\
         Starting {kind} at http://{shown}/\n\
         Quit the server with CONTROL-C.",
        console.settings_file
    ))?;
    if debug {
        let warning = console.out.style().paint(
            Role::Warning,
            "\nWARNING: DEBUG is on: error pages show the insides of the site. Turn it off before strangers reach the server.",
        );
        console.out.line(warning)?;
    }
    Ok(())
}
