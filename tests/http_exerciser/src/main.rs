//! A site that shows, over HTTP, what nuages makes of requests, addresses, responses, middleware and settings.
//!
//! An ordinary site written against nuages: `tests/http_conformance` starts it beside the same site on Django and compares
//! every answer. It listens on `HOST`:`PORT` with the settings of `SITE_SETTINGS`, a JSON object; the environment's
//! `NUAGES_…` comes on top of them.

mod build;
mod converters;
mod server;
mod settings;
mod urls;
mod values;
mod views;

use std::env;
use std::error::Error as StdError;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use nuages::conf::server::ServerSettings;
use nuages::prelude::*;
use nuages::server::onion_service::OnionService;
use nuages::server::serve::serve;
use nuages::server::signals::EndSignals;
use tokio::net::TcpListener;

use crate::server::Named;

async fn run() -> Result<(), Box<dyn StdError>> {
    let host: IpAddr = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".to_owned()).parse()?;
    let port: u16 = env::var("PORT")?.parse()?;
    let name = env::var("SITE_SERVER_NAME").unwrap_or_else(|_| "testserver".to_owned());
    let site = Site::new(env!("CARGO_MANIFEST_DIR"))
        .urls(urls::urls())
        .csrf_failure_view("reason", views::csrf::failure)
        .build(&settings::source()?)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    let listener = TcpListener::bind((host, port)).await?;
    let mut end = EndSignals::listen()?;
    let shutdown = async move {
        end.next().await;
    };
    let settings = site.project.settings().section::<ServerSettings>();
    let service = Named::new(OnionService::new(Arc::new(site.onion)), &name);
    serve(vec![listener], service, &settings, None, shutdown).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
