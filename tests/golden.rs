//! Django's own answers, over whole parts of the framework; the tests of single functions have theirs beside the code.
#![allow(missing_docs, reason = "tests")]

use nuages::decorators::append_slash::no_append_slash;
use nuages::http::query_dict::QueryDict;
use nuages::prelude::*;
use nuages::test::client::Client;
use nuages::test::error::ClientError;
use serde_json::Value;

fn cases(name: &str, list: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file[list].as_array().unwrap().clone()
}

async fn ok(_request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::new("ok"))
}

async fn ok_of(_request: HttpRequest, _of: String) -> Result<HttpResponse> {
    Ok(HttpResponse::new("ok"))
}

#[tokio::test]
async fn slashes_are_appended_as_django_appends_them() {
    let cases = cases("append_slash", "vectors");
    let mut compared = 0;
    for settings in 0..8 {
        let names = ["DEBUG", "APPEND_SLASH", "PREPEND_WWW"];
        let said: Vec<(&str, bool)> =
            names.into_iter().enumerate().map(|(bit, name)| (name, settings >> bit & 1 == 1)).collect();
        let site = Site::new("no-such-folder").urls(urls![
            path("slash/", ok),
            path("noslash", ok),
            path("needs/<int:x>/", |request: HttpRequest, _x: u64| ok(request)),
            path("sensitive/", no_append_slash(ok)),
            re_path("^(.+)/security/$", ok_of),
            path("é/", ok),
            path("a b/", ok),
        ]);
        let mut builder =
            Client::builder(site).setting("MIDDLEWARE", ["django.middleware.common.CommonMiddleware"]);
        for (name, value) in &said {
            builder = builder.setting(name, value);
        }
        let client = builder.build().await.unwrap();
        for case in cases.iter().filter(|case| said.iter().all(|(name, value)| case[name] == *value)) {
            let (url, method) = (case["path"].as_str().unwrap(), case["method"].as_str().unwrap());
            // No target of a request is empty or has a fragment.
            if url.is_empty() || url.contains('#') {
                continue;
            }
            compared += 1;
            match client.request(Method::from_bytes(method.as_bytes()).unwrap(), url).await {
                Ok(response) => {
                    let found = (Some(u64::from(response.status.as_u16())), response.location());
                    assert_eq!(
                        found,
                        (case["out"]["status"].as_u64(), case["out"]["location"].as_str()),
                        "{case}"
                    );
                }
                Err(ClientError::Raised { .. }) => assert!(case["out"]["error"].is_string(), "{case}"),
                Err(error) => panic!("{case}: {error}"),
            }
        }
    }
    assert!(compared > 300, "{compared}");
}

#[tokio::test]
async fn slugs_are_djangos() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("templates")).unwrap();
    std::fs::write(folder.path().join("templates/slug.txt"), "{{ text | slugify }}").unwrap();
    let client = Client::new(Site::new(folder.path())).await.unwrap();
    for case in cases("slugify", "vectors") {
        let text = case["in"].as_str().unwrap();
        let slug = client.project().templates().render("slug.txt", context! { text }).unwrap();
        assert_eq!(slug, case["ascii"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn queries_are_encoded_as_urlencode_does() {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut compared = 0;
    for case in cases("urlencoding", "cases") {
        // A list is several values here, as with `doseq`; Python's word for a truth is no text of Rust's.
        let pairs = case["in"].as_array().unwrap();
        if case["doseq"] != true || pairs.iter().any(|pair| pair[1].is_boolean()) {
            continue;
        }
        let mut query = QueryDict::new();
        for pair in pairs {
            match pair[1].as_array() {
                Some(values) => values.iter().for_each(|value| query.appendlist(text(&pair[0]), text(value))),
                None => query.appendlist(text(&pair[0]), text(&pair[1])),
            }
        }
        compared += 1;
        assert_eq!(query.urlencode(), case["out"].as_str().unwrap(), "{case}");
    }
    assert!(compared >= 15, "{compared}");
}
