//! What the compiler says of a view that is none: its words are part of the interface.
#![allow(missing_docs, reason = "tests")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// The cases in `tests/ui` that are no views, and where the compiler points.
const NO_VIEWS: [(&str, &str); 4] = [
    ("view_that_is_not_send", "14:22"),
    ("view_with_borrowed_request", "10:22"),
    ("view_with_foreign_parameter", "10:31"),
    ("view_without_result", "10:22"),
];

/// What it says of each, in this order.
const WORDS: [&str; 4] = [
    "` is not a view\n",
    " not a view\n",
    "= note: a view is `async fn(request: HttpRequest, …) -> Result<HttpResponse>`, with one parameter for each thing that its \
     route captures, six at most\n",
    "= note: it takes the request by value, its future must be `Send` (nothing that is not may live across an `.await`), and \
     each parameter must be a `Param`: an integer, `String`, `uuid::Uuid`, …\n",
];

/// The library that this test was built with, which lies beside it: a crate of its own would be built anew with all it depends on.
fn library(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let libraries = files.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libnuages-") && name.ends_with(".rlib")
    });
    let written = |path: &PathBuf| {
        fs::metadata(path).and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    libraries.max_by_key(written).expect("cargo puts the library beside the tests")
}

fn compile(case: &str) -> Output {
    let test = env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    let out = tempfile::tempdir().unwrap();
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Command::new(compiler)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["--edition=2024", "--emit=metadata", "--color=never"])
        .arg(format!("tests/ui/{case}.rs"))
        .arg(format!("--extern=nuages={}", library(folder).display()))
        .arg(format!("-Ldependency={}", folder.display()))
        .arg("--out-dir")
        .arg(out.path())
        .output()
        .unwrap()
}

/// Without which the others might be refused for any reason.
#[test]
fn a_view_is_one() {
    let compiled = compile("view");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
fn views_that_are_none() {
    for (case, place) in NO_VIEWS {
        let refused = compile(case);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(
            !refused.status.success() && said.contains("error: aborting due to 1 previous error"),
            "{case}: {said}"
        );
        assert!(said.contains(&format!("--> tests/ui/{case}.rs:{place}\n")), "{case}: {said}");
        let mut rest = &*said;
        for words in WORDS {
            let Some((_, after)) = rest.split_once(words) else {
                panic!("{case}: {words:?} is not said in {said}")
            };
            rest = after;
        }
    }
}
