//! Static files through the front door: what `collectstatic` leaves, beside Django; who serves what to whom.
#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use nuages::conf::source::SettingsSource;
use nuages::http::file_response::FileResponse;
use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::views::static_files::{serve, serve_with_indexes, static_route};
use serde_json::Value;

fn vectors(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn write(base: &Path, name: &str, content: impl AsRef<[u8]>) {
    let file = base.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// The test site's program in that folder.
fn manage(base: &Path, settings: &[(&str, String)], words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_test-site"));
    command.args(words).current_dir(base).env_clear().env("NUAGES_TEST_DIR", base);
    command.env("NUAGES_SECRET_KEY", "a key for tests alone, which signs nothing that anybody keeps");
    command.env("NUAGES_INSTALLED_APPS", r#"["django.contrib.staticfiles"]"#);
    command.env("NUAGES_STATIC_URL", "/static/").env("NUAGES_STATIC_ROOT", "root");
    command.env(
        "NUAGES_DATABASES",
        r#"{default = {ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3"}}"#,
    );
    command.env("NUAGES_LOG", "error").envs(settings.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

/// What lies below the folder: names with contents, links with where they lead.
fn tree(root: &Path) -> serde_json::Map<String, Value> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Value)>) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if kind.is_dir() {
                walk(root, &path, found);
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap().display().to_string();
                found.push((name, serde_json::json!({ "link": target })));
            } else {
                let content = BASE64_STANDARD.encode(fs::read(&path).unwrap());
                found.push((name, serde_json::json!({ "b64": content })));
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found.into_iter().collect()
}

#[test]
fn collectstatic_is_djangos() {
    for case in vectors("collectstatic") {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        for (name, content) in case["files"].as_object().unwrap() {
            write(&base, name, BASE64_STANDARD.decode(content.as_str().unwrap()).unwrap());
        }
        let dirs = match case["prefixed"].as_bool().unwrap() {
            true => r#"["assets", "extra", ["more", "prefixed"]]"#,
            false => r#"["assets"]"#,
        };
        let settings = [
            ("NUAGES_STATICFILES_DIRS", dirs.to_owned()),
            ("NUAGES_STORAGES", format!("{{staticfiles = {{BACKEND = {}}}}}", case["backend"])),
        ];
        for run in case["runs"].as_array().unwrap() {
            let arguments = run["arguments"].as_array().unwrap();
            let words: Vec<&str> = ["collectstatic"]
                .into_iter()
                .chain(arguments.iter().map(|word| word.as_str().unwrap()))
                .collect();
            let output = manage(&base, &settings, &words);
            let out = String::from_utf8(output.stdout).unwrap().replace(base.to_str().unwrap(), "BASE");
            let err = String::from_utf8(output.stderr).unwrap();
            let name = &case["name"];
            assert_eq!(out, run["out"].as_str().unwrap(), "{name} {words:?}: {err}");
            assert_eq!(output.status.success(), run["error"].is_null(), "{name} {words:?}: {err}");
            if let Some(failed) = run["failed"].as_str() {
                assert!(err.contains(failed), "{name} {words:?}: {err}");
            }
        }
        let mut left = tree(&base.join("root"));
        for entry in left.values_mut() {
            if let Some(link) = entry["link"].as_str() {
                *entry = serde_json::json!({ "link": link.replace(base.to_str().unwrap(), "BASE") });
            }
        }
        let expected = case["left"].as_object().unwrap();
        assert_eq!(left.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{}", case["name"]);
        for (name, entry) in expected {
            assert_eq!(&left[name], entry, "{}: {name}", case["name"]);
        }
    }
}

#[test]
fn collectstatic_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let output = manage(folder.path(), &[("NUAGES_STATIC_ROOT", "false".to_owned())], &["collectstatic"]);
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "CommandError: You're using the staticfiles app without having set the STATIC_ROOT setting to a filesystem path.\n"
    );
    write(folder.path(), "root/old.txt", "x");
    let output = manage(folder.path(), &[], &["collectstatic"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        out.contains("This will overwrite existing files!") && out.ends_with("or 'no' to cancel: "),
        "{out}"
    );
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(err, "CommandError: Collecting static files cancelled.\n");
    write(folder.path(), "root/staticfiles.json", "{broken");
    let manifest =
        "{staticfiles = {BACKEND = 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'}}";
    let output = manage(folder.path(), &[("NUAGES_STORAGES", manifest.to_owned())], &["check"]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("nuages.E152") && err.contains("staticfiles.json"), "{err}");
}

/// `OPTIONS` of `STORAGES.staticfiles`, of which two are attributes of the class in Django.
#[cfg(unix)]
#[test]
fn the_storages_options_are_heard() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(folder.path()).unwrap();
    write(&base, "assets/js/app.js", "import {a} from './part.js';\n");
    write(&base, "assets/js/part.js", "export const a = 1;\n");
    for (modules, imported) in [(false, "./part.js"), (true, "./part.7fe5b7cbaa60.js")] {
        let options = format!(
            "{{location = 'elsewhere', file_permissions_mode = 0o640, directory_permissions_mode = 0o750, \
             support_js_module_import_aggregation = {modules}}}"
        );
        let manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage";
        let settings = [
            ("NUAGES_STATICFILES_DIRS", "[\"assets\"]".to_owned()),
            ("NUAGES_STORAGES", format!("{{staticfiles = {{BACKEND = '{manifest}', OPTIONS = {options}}}}}")),
        ];
        let output = manage(&base, &settings, &["collectstatic", "--noinput", "--clear"]);
        assert!(output.status.success(), "{output:?}");
        assert!(!base.join("root").exists(), "the location takes the place of STATIC_ROOT");
        let mode = |name: &str| {
            fs::metadata(base.join("elsewhere").join(name)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("js/app.js"), mode("js")), (0o640, 0o750));
        let names = tree(&base.join("elsewhere"));
        let hashed = names.keys().find(|name| name.starts_with("js/app.") && *name != "js/app.js").unwrap();
        let script = fs::read_to_string(base.join("elsewhere").join(hashed)).unwrap();
        assert!(script.contains(imported), "{script}");
    }
}

/// Neither what the manifest lacks nor another host for the files stops a page, where the settings say so.
#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_manifest_lacks() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "root/late.css", "body{}");
    write(folder.path(), "root/staticfiles.json", r#"{"paths": {}, "version": "1.1", "hash": "x"}"#);
    write(folder.path(), "templates/page.html", "{{ static(path='late.css') }}");
    for (strict, expected) in [(false, Some("https://cdn.example/s/late.aa676972bbd2.css")), (true, None)] {
        let client = Client::builder(site(folder.path()))
            .setting("INSTALLED_APPS", ["django.contrib.staticfiles"])
            .setting("MIDDLEWARE", [""; 0])
            .setting("STATIC_URL", "/static/")
            .setting("STATIC_ROOT", "root")
            .setting(
                "STORAGES",
                serde_json::json!({"staticfiles": {
                    "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
                    "OPTIONS": {"manifest_strict": strict, "base_url": "https://cdn.example/s/"},
                }}),
            )
            .build()
            .await
            .unwrap();
        client.raise(false);
        let page = client.get("/page/").await.unwrap();
        assert_eq!((page.status == 200).then(|| page.text().into_owned()).as_deref(), expected);
    }
}

/// Rails' CVE-2024-26144: what every cache may keep for years has nobody's cookie. Behind a layer that sets cookies, here for every
/// request, the site does not start.
#[tokio::test(flavor = "multi_thread")]
async fn public_files_carry_no_cookie() {
    const STATIC: &str = "nuages.contrib.staticfiles.middleware.StaticFilesMiddleware";
    const SESSIONS: &str = "django.contrib.sessions.middleware.SessionMiddleware";
    const CSRF: &str = "django.middleware.csrf.CsrfViewMiddleware";
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "root/site.css", "body{}");
    for (layers, starts) in [
        ([STATIC, SESSIONS, CSRF], true),
        ([SESSIONS, STATIC, CSRF], false),
        ([CSRF, STATIC, SESSIONS], false),
    ] {
        let client = Client::builder(site(folder.path()))
            .setting("INSTALLED_APPS", ["django.contrib.staticfiles", "django.contrib.sessions"])
            .setting("MIDDLEWARE", layers)
            .setting("STATIC_URL", "/static/")
            .setting("STATIC_ROOT", "root")
            .setting("SESSION_SAVE_EVERY_REQUEST", true)
            .setting("SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies")
            .build()
            .await;
        let client = match client {
            Ok(client) if starts => client,
            Ok(_) => panic!("{layers:?} starts"),
            Err(error) => {
                let error = error.to_string();
                assert!(!starts && error.contains("which may set a cookie"), "{layers:?}: {error}");
                continue;
            }
        };
        client.session().await.unwrap();
        let file = client.get("/static/site.css").await.unwrap();
        assert_eq!((file.status.as_u16(), &*file.text()), (200, "body{}"));
        assert!(file.header("cache-control").is_some_and(|value| value.contains("public")));
        assert_eq!((file.header("set-cookie"), file.header("vary")), (None, None));
    }
}

#[test]
fn findstatic_finds() {
    let folder = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(folder.path()).unwrap();
    write(&base, "one/a.txt", "1");
    write(&base, "two/a.txt", "2");
    write(&base, "two/b.txt", "2");
    let settings = [("NUAGES_STATICFILES_DIRS", r#"["one", "two", ["more", "two"]]"#.to_owned())];
    let found = |words: &[&str]| {
        let output = manage(&base, &settings, &[&["findstatic"], words].concat());
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap().replace(base.to_str().unwrap(), "BASE"))
    };
    assert_eq!(found(&["a.txt"]), (true, "Found 'a.txt' here:\n  BASE/one/a.txt\n  BASE/two/a.txt\n".into()));
    assert_eq!(found(&["--first", "a.txt"]), (true, "Found 'a.txt' here:\n  BASE/one/a.txt\n".into()));
    assert_eq!(found(&["-v0", "more/b.txt"]), (true, "BASE/two/b.txt\n".into()));
    assert_eq!(found(&["nope.txt"]), (true, "No matching file found for 'nope.txt'.\n".into()));
    let (_, text) = found(&["-v2", "a.txt"]);
    assert!(
        text.ends_with("\nLooking in the following locations:\n  BASE/one\n  BASE/two\n  BASE/two\n"),
        "{text}"
    );
    assert!(!found(&["../one/a.txt"]).0);
}

/// `/files/<path>` without and `/browse/<path>` with indexes, over the folder that the settings call `MEDIA_ROOT`.
fn site(base: &Path) -> Site {
    async fn files(request: HttpRequest, path: String) -> Result<HttpResponse> {
        let root = request.project().core().media_root.clone();
        serve(&request, &path, root).await
    }
    async fn browse(request: HttpRequest, path: String) -> Result<HttpResponse> {
        let root = request.project().core().media_root.clone();
        serve_with_indexes(&request, &path, root).await
    }
    async fn root(request: HttpRequest) -> Result<HttpResponse> {
        let root = request.project().core().media_root.clone();
        serve_with_indexes(&request, "", root).await
    }
    async fn page(request: HttpRequest) -> Result<HttpResponse> {
        render(&request, "page.html", context! {}).await
    }
    Site::new(base).urls(urls![
        path("files/<path:path>", files),
        path("browse/", root),
        path("browse/<path:path>", browse),
        path("page/", page),
        path("static/view/", page),
    ])
}

/// Where each path leads: the golden paths are those of Django's `serve`.
#[tokio::test(flavor = "multi_thread")]
async fn paths_lead_where_djangos_lead() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "hello.txt",
        "page.html",
        "sub/inner.txt",
        "sub/deep/leaf.txt",
        ".hidden",
        "sp ace.txt",
        "sub\\inner.txt",
    ] {
        write(folder.path(), &format!("static/{name}"), name);
    }
    write(folder.path(), "secret.txt", "secret");
    let client = Client::builder(site(folder.path()))
        .setting("MEDIA_ROOT", folder.path().join("static"))
        .build()
        .await
        .unwrap();
    let mut compared = 0;
    for case in vectors("static_paths") {
        let path = case["path"].as_str().unwrap();
        let escaped: String = path.bytes().map(|byte| format!("%{byte:02X}")).collect();
        if escaped.is_empty() {
            continue;
        }
        let response = client.get(&format!("/files/{escaped}")).await.unwrap();
        let expected = case["out"].as_str().map(|out| folder.path().join("static").join(out));
        let status = match expected {
            None => 400,
            Some(file) if file.is_file() => {
                assert_eq!(response.body, fs::read(&file).unwrap(), "{path:?}");
                200
            }
            Some(_) => 404,
        };
        assert_eq!(response.status.as_u16(), status, "{path:?}");
        compared += 1;
    }
    assert!(compared > 60);
    for path in ["%2e%2e/secret.txt", "sub/../../secret.txt", "%2e%2e%2fsecret.txt", "..%2fsecret.txt"] {
        let response = client.get(&format!("/files/{path}")).await.unwrap();
        assert_eq!(response.status, 400, "{path}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn links_lead_where_they_lead_and_circles_end() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "root/a.txt", "a");
    write(folder.path(), "elsewhere/b.txt", "b");
    symlink(folder.path().join("elsewhere"), folder.path().join("root/link")).unwrap();
    symlink(folder.path().join("root"), folder.path().join("root/circle")).unwrap();
    // The two settings may not name the same folder.
    symlink(folder.path().join("root"), folder.path().join("media")).unwrap();
    symlink(folder.path().join("nowhere"), folder.path().join("root/broken")).unwrap();
    let client = Client::builder(site(folder.path()))
        .setting("MEDIA_ROOT", folder.path().join("media"))
        .setting("INSTALLED_APPS", ["django.contrib.staticfiles"])
        .setting("MIDDLEWARE", ["nuages.contrib.staticfiles.middleware.StaticFilesMiddleware"])
        .setting("STATIC_URL", "static/")
        .setting("STATIC_ROOT", folder.path().join("root"))
        .build()
        .await
        .unwrap();
    // Who may put a link into the folder decides what is served, as `collectstatic --link` does.
    for (path, status) in [
        ("/files/link/b.txt", 200),
        ("/files/broken", 404),
        ("/static/a.txt", 200),
        ("/static/link/b.txt", 200),
        ("/static/circle/a.txt", 404),
        ("/static/broken", 404),
        ("/static/link/../../elsewhere/b.txt", 404),
        ("/static/%2e%2e/elsewhere/b.txt", 404),
    ] {
        assert_eq!(client.get(path).await.unwrap().status.as_u16(), status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_middleware_serves_what_was_collected() {
    let folder = tempfile::tempdir().unwrap();
    let hashed = "site.0123456789ab.css";
    let manifest = format!(r#"{{"paths": {{"site.css": "{hashed}"}}, "version": "1.1", "hash": "x"}}"#);
    for (name, content) in [
        ("root/site.css", "body{}"),
        ("root/site.0123456789ab.css", "body{color:red}"),
        ("root/site.0123456789ab.css.gz", "packed"),
        ("root/site.0123456789ab.css.br", "packed better"),
        ("root/staticfiles.json", &manifest),
        ("root/archive.tar.gz", "archive"),
        ("templates/page.html", "{{ static(path='site.css') }}"),
    ] {
        write(folder.path(), name, content);
    }
    let client = Client::builder(site(folder.path()))
        .setting("INSTALLED_APPS", ["django.contrib.staticfiles"])
        .setting("MIDDLEWARE", ["nuages.contrib.staticfiles.middleware.StaticFilesMiddleware"])
        .setting("STATIC_URL", "/static/")
        .setting("STATIC_ROOT", "root")
        .setting(
            "STORAGES",
            serde_json::json!({"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(client.get("/page/").await.unwrap().text(), format!("/static/{hashed}"));
    assert_eq!(client.get("/static/view/").await.unwrap().status, 200, "the site's own URLs stay reachable");

    let response = client.get("/static/site.css").await.unwrap();
    assert_eq!(response.text(), "body{}");
    assert_eq!(response.header("cache-control"), Some("max-age=60, public"));
    assert_eq!(response.header("content-type"), Some("text/css; charset=utf-8"));
    let (etag, changed) =
        (response.header("etag").unwrap().to_owned(), response.header("last-modified").unwrap().to_owned());
    for (name, value) in [("if-none-match", &etag), ("if-modified-since", &changed)] {
        let response = client.get("/static/site.css").header(name, value).await.unwrap();
        assert_eq!((response.status.as_u16(), response.body.len()), (304, 0), "{name}");
        assert_eq!(response.header("etag"), Some(etag.as_str()));
    }
    let part =
        client.get("/static/site.css").header("range", "bytes=1-3").header("if-range", &etag).await.unwrap();
    assert_eq!((part.status.as_u16(), &*part.text()), (206, "ody"));
    assert_eq!(part.header("content-range"), Some("bytes 1-3/6"));
    let beyond = client.get("/static/site.css").header("range", "bytes=6-").await.unwrap();
    assert_eq!((beyond.status.as_u16(), beyond.header("content-range")), (416, Some("bytes */6")));
    for name in ["cache-control", "etag", "content-encoding"] {
        assert_eq!(beyond.header(name), None, "{name}");
    }
    let thousands = format!("bytes={}", vec!["0-0"; 5000].join(","));
    assert_eq!(client.get("/static/site.css").header("range", &thousands).await.unwrap().status, 200);
    let refused = client.post("/static/site.css").await.unwrap();
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("GET, HEAD")));

    let url = format!("/static/{hashed}");
    for (accepted, coding, body) in [
        ("", None, "body{color:red}"),
        ("gzip", Some("gzip"), "packed"),
        ("gzip, br", Some("br"), "packed better"),
        ("gzip, br;q=0.5", Some("gzip"), "packed"),
        ("gzip;q=0", None, "body{color:red}"),
    ] {
        let response = client.get(&url).header("accept-encoding", accepted).await.unwrap();
        assert_eq!((response.header("content-encoding"), &*response.text()), (coding, body), "{accepted}");
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        assert_eq!(response.header("cache-control"), Some("max-age=315360000, public, immutable"));
        assert_eq!(response.header("content-type"), Some("text/css; charset=utf-8"));
    }
    let archive = client.get("/static/archive.tar.gz").await.unwrap();
    assert_eq!(archive.header("content-encoding"), Some("gzip"));
    assert_eq!(archive.header("content-type"), Some("application/x-tar"));
    for hidden in ["staticfiles.json", &format!("{hashed}.gz"), "", "nope"] {
        assert_eq!(client.get(&format!("/static/{hidden}")).await.unwrap().status, 404, "{hidden}");
    }
    // A file that goes while the site runs is an error of the site, told in the log and not to the visitor.
    fs::remove_file(folder.path().join("root/site.css")).unwrap();
    client.raise(false);
    assert_eq!(client.get("/static/site.css").await.unwrap().status, 500);
}

/// A part of a file is a part of the file itself, whoever would compress it; and what is packed is not older than what it packs.
#[tokio::test(flavor = "multi_thread")]
async fn parts_are_not_compressed_and_stale_variants_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let content = "0123456789".repeat(100);
    for name in ["root/site.css", "root/fresh.css"] {
        write(folder.path(), name, &content);
    }
    write(folder.path(), "root/site.css.gz", "stale");
    write(folder.path(), "root/fresh.css.gz", "packed");
    let packed = fs::File::options().write(true).open(folder.path().join("root/site.css.gz")).unwrap();
    packed.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    async fn download(request: HttpRequest) -> Result<HttpResponse> {
        let file = request.project().base_dir().join("root/site.css");
        FileResponse::open(file).await?.respond(&request).await
    }
    let site = Site::new(folder.path()).urls(urls![path("download/", download)]);
    let client = Client::builder(site)
        .setting("INSTALLED_APPS", ["django.contrib.staticfiles"])
        .setting(
            "MIDDLEWARE",
            [
                "django.middleware.gzip.GZipMiddleware",
                "nuages.contrib.staticfiles.middleware.StaticFilesMiddleware",
            ],
        )
        .setting("STATIC_URL", "/static/")
        .setting("STATIC_ROOT", "root")
        .build()
        .await
        .unwrap();
    for url in ["/static/site.css", "/download/"] {
        let ask = || client.get(url).header("accept-encoding", "gzip");
        let part = ask().header("range", "bytes=10-309").await.unwrap();
        assert_eq!((part.status.as_u16(), part.header("content-encoding")), (206, None), "{url}");
        assert_eq!(part.header("content-range"), Some("bytes 10-309/1000"));
        assert_eq!(part.text(), content[10..310]);
        let whole = ask().await.unwrap();
        assert_eq!((whole.status.as_u16(), whole.header("content-encoding")), (200, Some("gzip")), "{url}");
        assert_eq!(whole.header("accept-ranges"), None);
        assert_ne!(whole.body, b"stale".as_slice());
    }
    let fresh = client.get("/static/fresh.css").header("accept-encoding", "gzip").await.unwrap();
    assert_eq!(fresh.text(), "packed");
}

/// Django's `check_settings`: what would be found out at the first request, or never.
#[test]
fn urls_and_folders_that_stand_in_each_others_way_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let faults = |more: &str| {
        let settings = format!(
            r#"
            SECRET_KEY = "a key for tests alone, which signs nothing that anybody keeps"
            ALLOWED_HOSTS = ["*"]
            INSTALLED_APPS = ["django.contrib.staticfiles"]
            MIDDLEWARE = []
            DATABASES = {{ default = {{ ENGINE = "django.db.backends.sqlite3", NAME = "db.sqlite3" }} }}
            {more}
            "#
        );
        let source = SettingsSource::text("settings.toml", settings).in_dir(folder.path());
        match Site::new(folder.path()).build(&source) {
            Ok(_) => String::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        }
    };
    for (settings, said) in [
        ("", "without having set the required STATIC_URL setting."),
        ("STATIC_URL = '/s/'\nMEDIA_URL = '/s/'", "must have different values"),
        ("STATIC_URL = '/s/'\nMEDIA_URL = '/s/m/'\nDEBUG = true", "if MEDIA_URL is within STATIC_URL."),
        (
            "STATIC_URL = '/s/'\nMEDIA_ROOT = 'r'\nSTATIC_ROOT = 'r'",
            "The MEDIA_ROOT and STATIC_ROOT settings",
        ),
    ] {
        let found = faults(settings);
        assert!(found.contains("nuages.E154") && found.contains(said), "{settings}: {found}");
    }
    assert_eq!(faults("STATIC_URL = '/s/'\nMEDIA_URL = '/s/m/'\nMEDIA_ROOT = 'm'\nSTATIC_ROOT = 'r'"), "");
}

/// Django's `static(settings.MEDIA_URL, document_root=…)`.
#[tokio::test(flavor = "multi_thread")]
async fn media_is_served_under_debug_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "media/a/photo.txt", "a photo");
    write(folder.path(), "secret.txt", "a secret");
    for (debug, status) in [(true, 200), (false, 404)] {
        let site = Site::new(folder.path()).urls(urls![
            include("inner/", urls![static_route("media/", "media")]),
            static_route("/media/", "media"),
        ]);
        let client =
            Client::builder(site).setting("MIDDLEWARE", [""; 0]).setting("DEBUG", debug).build().await;
        let client = client.unwrap();
        for url in ["/media/a/photo.txt", "/inner/media/a/photo.txt"] {
            let response = client.get(url).await.unwrap();
            assert_eq!(response.status.as_u16(), status, "{url} under DEBUG = {debug}");
            assert_eq!(response.text() == "a photo", debug);
        }
        for url in [
            "/media/../secret.txt",
            "/media/%2e%2e/secret.txt",
            "/media/a/..%2f..%2f..%2fsecret.txt",
            "/media/a/",
        ] {
            let response = client.get(url).await.unwrap();
            assert!(response.status.is_client_error() && !response.text().contains("a secret"), "{url}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a&b.txt", "sub/<x>.txt", ".hidden", "été.txt"] {
        write(folder.path(), &format!("root/{name}"), "x");
    }
    let client = Client::builder(site(folder.path()))
        .setting("MEDIA_ROOT", folder.path().join("root"))
        .build()
        .await
        .unwrap();
    let page = client.get("/browse/").await.unwrap();
    let page = page.text();
    assert!(page.contains("<h1>Index of ./</h1>"), "{page}");
    assert!(page.contains("<a href=\"a%26b.txt\">a&amp;b.txt</a>"), "{page}");
    assert!(page.contains("<a href=\"sub/\">sub/</a>"), "{page}");
    assert!(page.contains("<a href=\"%C3%A9t%C3%A9.txt\">été.txt</a>"), "{page}");
    assert!(!page.contains("hidden"), "{page}");
    let page = client.get("/browse/sub").await.unwrap();
    assert!(page.text().contains("<a href=\"%3Cx%3E.txt\">&lt;x&gt;.txt</a>"), "{}", page.text());
    assert_eq!(client.get("/files/sub").await.unwrap().status, 404);
    assert_eq!(
        client.get("/files/été.txt").await.unwrap().header("content-disposition"),
        Some("inline; filename*=utf-8''%C3%A9t%C3%A9.txt")
    );
}
