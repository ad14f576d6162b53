//! A small site whose `manage` the process tests run: its settings come from the environment.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use nuages::prelude::*;

async fn hello(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text("hello"))
}

async fn slow(_request: HttpRequest) -> Result<HttpResponse> {
    tokio::time::sleep(Duration::from_millis(700)).await;
    Ok(HttpResponse::text("slow but sure"))
}

async fn stuck(_request: HttpRequest) -> Result<HttpResponse> {
    tokio::time::sleep(Duration::from_secs(600)).await;
    Ok(HttpResponse::text("never"))
}

async fn visits(request: HttpRequest) -> Result<HttpResponse> {
    let count = request.session.modify("visits", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
    Ok(HttpResponse::text(count.to_string()))
}

/// Reads the session, waits so many milliseconds, and sets the key.
async fn keep(request: HttpRequest, key: String, wait: u64) -> Result<HttpResponse> {
    request.session.dict().await?;
    tokio::time::sleep(Duration::from_millis(wait)).await;
    request.session.set(&key, true).await?;
    Ok(HttpResponse::text("kept"))
}

async fn keys(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.session.keys().await?.join(" ")))
}

async fn leave(request: HttpRequest) -> Result<HttpResponse> {
    request.session.flush().await?;
    Ok(HttpResponse::text("left"))
}

async fn echo(request: HttpRequest) -> Result<HttpResponse> {
    let body = request.body().await?;
    Ok(HttpResponse::text(body))
}

async fn page(request: HttpRequest) -> Result<HttpResponse> {
    render(&request, "page.html", context! {}).await
}

/// `manage greet NAME [--twice]`
#[derive(Debug, clap::Args)]
struct Greet {
    /// Whom to greet
    name: String,
    /// Say it again
    #[arg(long)]
    twice: bool,
}

impl Command for Greet {
    const NAME: &'static str = "greet";
    const HELP: &'static str = "Says hello.";

    async fn handle(self, _project: Arc<Project>, out: &mut Output) -> Result<(), CommandError> {
        if self.name == "nobody" {
            return Err(CommandError::new("there is nobody to greet").exit_code(3));
        }
        for _ in 0..=u8::from(self.twice) {
            out.line(format_args!("Hello, {}!", self.name))?;
        }
        Ok(())
    }
}

/// The app that brings the command.
struct Greetings;

impl App for Greetings {
    fn name(&self) -> &'static str {
        "tests.greetings"
    }

    fn commands(&self) -> &'static [CommandDef] {
        const { &[CommandDef::of::<Greet>()] }
    }
}

fn main() -> ExitCode {
    let urls = urls![
        path("hello/", hello),
        path("page/", page),
        path("slow/", slow),
        path("stuck/", stuck),
        path("visits/", visits),
        path("keep/<slug:key>/<int:wait>/", keep),
        path("keys/", keys),
        path("leave/", leave),
        path("echo/", echo),
    ];
    nuages::manage(
        Site::new(std::env::var_os("NUAGES_TEST_DIR").unwrap_or_default()).urls(urls).app(Greetings),
    )
}
