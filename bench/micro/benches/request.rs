//! What the pieces of a request cost, each by itself: routing, cookies, sessions, signing, templates.

use std::path::Path;
use std::sync::Arc;

use divan::{Bencher, black_box};
use nuages::conf::secret::Secret;
use nuages::context;
use nuages::error::Result;
use nuages::http::cookies::RequestCookies;
use nuages::http::request::HttpRequest;
use nuages::http::response::HttpResponse;
use nuages::routes::table::RouteTable;
use nuages::serialize::value::{Dict, Key, Value};
use nuages::session::codec::{SALT, SessionCodec};
use nuages::session::data::SessionData;
use nuages::session::serializers::JsonSerializer;
use nuages::signing::keys::SigningKeys;
use nuages::signing::timestamp_signer::TimestampSigner;
use nuages::template::engine::{TemplateOptions, Templates};
use nuages::urls::compile::compile;
use nuages::urls::declare::path;
use tera::Tera;

fn main() {
    divan::main();
}

async fn item(_: HttpRequest, id: u64, slug: String) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("{id} {slug}")))
}

fn routes(count: u32) -> RouteTable {
    let urls = (0..count).map(|area| path(format!("area{area}/<int:id>/items/<slug:slug>"), item).into());
    compile(urls.collect()).table
}

/// The route in the middle of so many.
#[divan::bench(args = [10, 100, 1_000])]
fn resolve(bencher: Bencher<'_, '_>, count: u32) {
    let (table, path) = (routes(count), format!("/area{}/4242/items/the-quick-brown-fox", count / 2));
    assert!(table.resolve(&path).is_some());
    bencher.bench_local(|| table.resolve(black_box(&path)));
}

/// A path that none of so many matches.
#[divan::bench(args = [10, 100, 1_000])]
fn resolve_nothing(bencher: Bencher<'_, '_>, count: u32) {
    let table = routes(count);
    bencher.bench_local(|| table.resolve(black_box("/nowhere/4242/items/the-quick-brown-fox")));
}

#[divan::bench]
fn cookies(bencher: Bencher<'_, '_>) {
    let header =
        "csrftoken=4bXqVv0v0oGzCq5tA0z4mTqXlT8nXb9r; sessionid=w6qj9lq0u1ywpx3wqk0zn5cku8aqv9tn; theme=dark";
    bencher.bench_local(|| RequestCookies::parse(black_box(header)).get("sessionid").map(str::len));
}

fn keys() -> SigningKeys {
    SigningKeys::new(&Secret::new("micro-bench-only-not-a-secret-micro-bench-only"), &[])
}

fn codec() -> SessionCodec {
    SessionCodec::new(&keys(), SALT, Arc::new(JsonSerializer))
}

/// Nothing but a counter, as in the measured sites.
fn counter() -> Dict {
    [(Key::from("visits"), Value::Int(4242))].into_iter().collect()
}

/// What a login leaves in a session, and a basket.
fn login() -> Dict {
    let basket = (1..=5).map(Value::Int).collect();
    [
        ("_auth_user_id", Value::from("42")),
        ("_auth_user_backend", Value::from("django.contrib.auth.backends.ModelBackend")),
        ("_auth_user_hash", Value::from("1c8f7f6fa7cf4ee1c0f6b1d2b6b8f1a9e7d6c5b4a39281706f5e4d3c2b1a0f9e")),
        ("basket", Value::List(basket)),
        ("visits", Value::Int(4242)),
    ]
    .into_iter()
    .map(|(key, value)| (Key::from(key), value))
    .collect()
}

#[divan::bench(args = ["counter", "login"])]
fn session_encode(bencher: Bencher<'_, '_>, which: &str) {
    let (codec, dict) = (codec(), if which == "login" { login() } else { counter() });
    bencher.bench_local(|| codec.encode(black_box(&dict)));
}

#[divan::bench(args = ["counter", "login"])]
fn session_decode(bencher: Bencher<'_, '_>, which: &str) {
    let (codec, dict) = (codec(), if which == "login" { login() } else { counter() });
    let text = codec.encode(&dict).unwrap();
    assert_eq!(codec.decode(&text).data, dict);
    bencher.bench_local(|| codec.decode(black_box(&text)));
}

/// This request's change on top of what another request has stored meanwhile.
#[divan::bench]
fn session_merge(bencher: Bencher<'_, '_>) {
    let mut data = SessionData::loaded(login());
    data.insert(Key::from("basket"), Value::List(vec![Value::Int(7)]));
    bencher.with_inputs(login).bench_local_values(|stored| data.rebase(black_box(stored)).map_err(drop));
}

#[divan::bench]
fn sign(bencher: Bencher<'_, '_>) {
    let signer = TimestampSigner::new(&keys(), "micro");
    bencher.bench_local(|| signer.sign(black_box("eyJ2aXNpdHMiOjQyNDJ9")));
}

#[divan::bench]
fn unsign(bencher: Bencher<'_, '_>) {
    let signer = TimestampSigner::new(&keys(), "micro");
    let signed = signer.sign("eyJ2aXNpdHMiOjQyNDJ9");
    assert!(signer.unsign(&signed, Some(60.0)).is_ok());
    bencher.bench_local(|| signer.unsign(black_box(&signed), None).map(str::len).map_err(drop));
}

/// The page of the measured sites: a title and twelve rows of an integer and two texts to escape.
mod template {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../peers/nuages/templates");

    fn rows() -> Vec<[String; 3]> {
        (1..=12)
            .map(|id| {
                [
                    id.to_string(),
                    format!("Row {id} <script>alert({id})</script>"),
                    format!("fish & \"chips\" no. {id}"),
                ]
            })
            .collect()
    }

    /// The page's source for rows that are arrays.
    fn source() -> String {
        let source = std::fs::read_to_string(Path::new(FOLDER).join("rows.html")).unwrap();
        source.replace("row.id", "row[0]").replace("row.name", "row[1]").replace("row.note", "row[2]")
    }

    #[divan::bench]
    fn nuages(bencher: Bencher<'_, '_>) {
        let folder = std::env::temp_dir().join(format!("nuages-micro-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("rows.html"), source()).unwrap();
        let mut options = TemplateOptions::default();
        options.dirs = vec![folder.clone()];
        let templates = Templates::load(options).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let rows = rows();
        bencher.bench_local(|| {
            templates.render("rows.html", context! { title: "Twelve rows", rows: black_box(&rows) }).unwrap()
        });
    }

    #[divan::bench]
    fn tera_by_hand(bencher: Bencher<'_, '_>) {
        let mut tera = Tera::default();
        tera.add_raw_template("rows.html", &source()).unwrap();
        let rows = rows();
        bencher.bench_local(|| {
            let mut context = tera::Context::new();
            context.insert("title", "Twelve rows");
            context.insert("rows", black_box(&rows));
            tera.render("rows.html", &context).unwrap()
        });
    }
}
