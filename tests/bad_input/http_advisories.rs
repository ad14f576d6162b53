//! What went wrong with requests and responses elsewhere, and the test that shows that it does not here. What went wrong with
//! sessions is in [`crate::advisories`].
//!
//! ## Handling of requests in Django
//!
//! | what went wrong | shown by |
//! |---|---|
//! | CVE-2016-7401, CVE-2010-3082: a foreign cookie passes the CSRF check | `crate::http_parsers::cookies_come_back_and_nobody_adds_one`, `http::cookies`' golden cases, `middleware::csrf::tests` on Django's tokens |
//! | CVE-2011-0696, CVE-2011-4140: CSRF and scripts, hosts, origins | `middleware::csrf::tests::origins_and_referers_are_judged_as_django_judges_them` |
//! | CVE-2011-4139, CVE-2012-4520, CVE-2016-9014: a host that is not ours, under `DEBUG` with an empty `ALLOWED_HOSTS`, too | `hosts_are_judged_as_django_judges_them` of `tests/request.rs`, whose cases have that setting, `crate::client_words::hosts_are_not_believed`, `crate::requests::hosts_are_checked`, `crate::http_parsers::hosts_that_are_let_in_are_hosts` |
//! | CVE-2019-12781: a proxy's header that does not say `https` | [`a_proxys_word_for_http_is_http`] |
//! | CVE-2018-14574, CVE-2014-0480, CVE-2017-7233, -7234: addresses that lead to other hosts | `crate::client_words::redirects_lead_to_no_other_host`, [`reversed_addresses_stay_here`], `crate::pieces::any_path_gets_an_answer`, `crate::requests::redirects_lead_to_pages` |
//! | CVE-2021-44420: a line feed at the end of a path | [`a_path_ends_where_it_ends`] |
//! | CVE-2021-23336: `;` separates the fields of a query | [`a_semicolon_separates_nothing`] |
//! | CVE-2015-0219, CVE-2026-3902: `X_A` passes for `X-A` | `crate::requests::headers_are_what_they_say` |
//! | CVE-2019-3498, CVE-2025-48432: a path's control characters on the 404 page and in the log | [`hostile_paths_forge_no_line_and_no_page`] |
//! | CVE-2021-32052, CVE-2026-53878, CVE-2015-5144: validators that let a line feed pass | does not apply: there are no validators; hosts, headers and cookies: `crate::client_words::no_header_begins_another` |
//! | CVE-2022-36359: a file's name leaves its header | `crate::requests::a_files_name_ends_no_header`, `crate::client_words::no_header_begins_another` |
//! | CVE-2021-31542, -28658, -45452, CVE-2024-39330: names of uploads | `crate::requests::upload_names_lead_nowhere`, `http::file_name`'s property; `UploadedFile::save_in` checks the path once more |
//! | CVE-2016-2513, CVE-2024-39329, -45231, CVE-2025-13473: what a login's time tells | does not apply: there is no login |
//! | CVE-2025-57833, -59681, -64459, -13372, CVE-2026-1287, -1312: names in SQL that a client chose | does not apply: there is no ORM; the framework's own SQL is constant text with bound values |
//!
//! ## Denial of service in Django
//!
//! | what went wrong | shown by |
//! |---|---|
//! | CVE-2025-14550: headers that come again and again | `crate::floods::ten_thousand_headers_are_a_431`, `crate::requests::headers_are_what_they_say` |
//! | CVE-2026-84429: parameters of a header | `crate::requests::boundaries_are_checked` |
//! | CVE-2026-33034, CVE-2026-5766: no `Content-Length`, no limit | `crate::floods::endless_bodies_end_at_their_limits`, `crate::requests::limits_hold_without_a_length` |
//! | CVE-2026-33033, CVE-2026-108147: base64 in forms | `crate::pieces::base64_full_of_spaces_byte_by_byte_takes_linear_time`, `crate::requests::multipart_bombs_are_refused`, `crate::http_parsers::a_form_is_the_same_in_any_pieces` |
//! | CVE-2022-23833, CVE-2023-24580, CVE-2014-0481: empty forms, thousands of parts and of equal names | `crate::requests::multipart_bombs_are_refused`, [`an_empty_form_is_a_form`], `crate::pieces::many_uploads_of_one_name_each_find_a_place` |
//! | CVE-2023-23969, CVE-2024-39614, CVE-2026-77050, -15337: languages kept without bound | does not apply: no code reads `Accept-Language` |
//! | CVE-2013-1443: long passwords | does not apply: there are no passwords |
//! | CVE-2025-32873, CVE-2024-53907: `striptags` and tags that do not end | `template::filters::tokens::tests::what_nothing_ends_takes_linear_time`, `template::engine::tests::tags_that_never_end_are_suspicious`; a 400: `suspicious_texts_are_a_400` in `tests/templates.rs` |
//! | CVE-2025-64458, CVE-2025-27556: very long redirects | `crate::requests::redirects_lead_to_pages` |
//!
//! ## Other frameworks
//!
//! | what went wrong | shown by |
//! |---|---|
//! | rack-session CVE-2025-46336: a late save brings a session back | see [`crate::advisories`] |
//! | rack-session CVE-2026-39324: a fallback that is not authenticated | `crate::cookies`, `crate::damage`: each byte of each form is changed, and the session is empty; `signing::tests` for the fallback keys |
//! | rack CVE-2019-16782: the time of looking a key up | not prevented: Django's table is keyed by the key itself, and its rows are shared; a key has 165 random bits, of which an index's time tells next to nothing over a network |
//! | Flask CVE-2023-30861: a renewed cookie without `Vary` | see [`crate::advisories`] |
//! | Werkzeug CVE-2023-23934: a cookie without a name passes for another | `crate::http_parsers::cookies_come_back_and_nobody_adds_one`, [`a_cookie_without_a_name_has_none`] |
//! | Werkzeug CVE-2023-25577, CVE-2023-46136: parts without limit, a slow search for boundaries | `crate::requests::multipart_bombs_are_refused`, `http::multipart::tests::a_body_that_nearly_has_boundaries_takes_linear_time` |
//! | Starlette CVE-2025-62727: thousands of ranges | `http::range::tests::thousands_of_parts_take_no_time` |
//! | passport CVE-2022-25896, @fastify/passport CVE-2023-29019: a login keeps the session's key and the CSRF secret | there is no login; `cycle_key` is in the contract, `rotate_token` in `middleware::csrf::tests` |
//! | express on-headers CVE-2025-7339: the view's own cookies go lost | `http::response_cookies::tests` |
//! | Plug 1.19.2: heads of parts without limit | `http::multipart::tests::heads_are_limited`, `crate::floods::endless_bodies_end_at_their_limits` |
//! | tower-sessions 0.12: two sessions of one key, wrappers that forget a method | the contract's `an_insert_is_not_an_update`; `SessionStore` has no default methods |
//! | Tomcat CVE-2020-9484, gorilla GO-2024-2730: a session's key is a path | `crate::cookies::strange_cookies_are_anonymous_visitors_and_leave_nothing`; the file engine takes letters and digits alone |
//! | Laravel CVE-2018-15133, Plug CVE-2017-1000053, Beaker CVE-2013-7489: stored text that runs | `crate::decoders::pickled_bytes`, `serialize::pickle::tests` |
//! | Plug CVE-2018-1000883: NUL in a header | `crate::client_words::no_header_begins_another` |
//! | Rails CVE-2024-26144: a file's response is kept by caches with its cookie | the cache of pages keeps nothing that sets a cookie: `middleware::cache::tests`; static files are served before the session, or the site does not start: `public_files_carry_no_cookie` in `tests/static_files.rs` |
//! | Spring Session CVE-2023-20866: keys in logs | `crate::secrets` |
//! | npm cookie CVE-2024-47764, cookie-rs RUSTSEC-2017-0005: a cookie's attributes, an endless `Max-Age` | `crate::requests::nothing_ends_a_header`, `crate::client_words::no_header_begins_another`, `http::response_cookies::tests` |
//! | Superset CVE-2023-27524: a key that everybody knows | `conf::settings::tests`: a site with a tutorial's key does not start without `DEBUG` |
//! | axum-core CVE-2022-3212: bodies without a limit | `crate::floods::endless_bodies_end_at_their_limits` |
//! | sqlx RUSTSEC-2024-0363: lengths that are cut off | mended in the sqlx that is used; a body is limited to far less than 4 GiB |

use nuages::prelude::*;
use nuages::test::client::Client;

use crate::logged::Log;

async fn scheme(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(request.scheme()))
}

async fn named(request: HttpRequest, name: String) -> Result<HttpResponse> {
    Ok(HttpResponse::text(reverse(&request, "named", args![name])?))
}

async fn fields(request: HttpRequest) -> Result<HttpResponse> {
    let (query, post) = (request.query()?, request.post().await?);
    Ok(HttpResponse::text(format!("{:?} {:?} {}", query.get("a"), post.get("a"), query.len() + post.len())))
}

async fn cookies(request: HttpRequest) -> Result<HttpResponse> {
    Ok(HttpResponse::text(format!("{:?}", request.cookies().iter().collect::<Vec<_>>())))
}

fn site() -> Site {
    Site::new("no-such-folder").urls(urls![
        path("scheme/", scheme),
        re_path("^strict/$", scheme),
        path("fields/", fields),
        path("cookies/", cookies),
        path("<path:name>", named).name("named"),
    ])
}

async fn client(settings: &[(&str, serde_json::Value)]) -> Client {
    let mut builder = Client::builder(site()).setting("MIDDLEWARE", [""; 0]);
    for (name, value) in settings {
        builder = builder.setting(name, value);
    }
    builder.build().await.unwrap()
}

#[tokio::test]
async fn a_proxys_word_for_http_is_http() {
    let header = serde_json::json!(["HTTP_X_FORWARDED_PROTO", "https"]);
    let client = client(&[("SECURE_PROXY_SSL_HEADER", header)]).await;
    for (url, said, scheme) in [
        ("/scheme/", Some("https"), "https"),
        ("/scheme/", Some("https, http"), "https"),
        ("/scheme/", Some("http"), "http"),
        ("/scheme/", Some(""), "http"),
        ("/scheme/", Some("HTTPS"), "http"),
        ("https://testserver/scheme/", Some("http"), "http"),
        ("https://testserver/scheme/", Some("http, https"), "http"),
        ("https://testserver/scheme/", None, "https"),
    ] {
        let mut request = client.get(url);
        if let Some(said) = said {
            request = request.header("x-forwarded-proto", said);
        }
        assert_eq!(request.await.unwrap().text(), scheme, "{url} {said:?}");
    }
}

#[tokio::test]
async fn reversed_addresses_stay_here() {
    let client = client(&[]).await;
    for (name, address) in [
        ("//evil.example/", Some("/%2F/evil.example/")),
        ("/evil.example", Some("/%2Fevil.example")),
        ("%2Fevil.example", Some("/%2Fevil.example")),
        ("%5C%5Cevil.example", Some("/%5C%5Cevil.example")),
        // No path() takes a line feed.
        ("%0D%0A//evil.example", None),
    ] {
        let response = client.get(&format!("/{name}")).await.unwrap();
        let found = (response.status == 200).then(|| response.text().into_owned());
        assert_eq!(found.as_deref(), address, "{name}");
    }
}

#[tokio::test]
async fn a_path_ends_where_it_ends() {
    let client = client(&[]).await;
    assert_eq!(client.get("/strict/").await.unwrap().text(), "http");
    // The catch-all says where it was: neither `$` nor the end of a path() takes a line feed with it.
    for path in ["/strict/%0A", "/scheme/%0A", "/strict/%0D%0A", "/strict/%E2%80%A8"] {
        assert_ne!(client.get(path).await.unwrap().text(), "http", "{path}");
    }
}

#[tokio::test]
async fn a_semicolon_separates_nothing() {
    let client = client(&[]).await;
    let post = client.post("/fields/?a=1;a=2").body("application/x-www-form-urlencoded", "a=3;a=4");
    assert_eq!(post.await.unwrap().text(), r#"Some("1;a=2") Some("3;a=4") 2"#);
}

#[tokio::test]
async fn an_empty_form_is_a_form() {
    let client = client(&[]).await;
    for body in ["", "--B--\r\n", "--B\r\n\r\n\r\n--B--\r\n"] {
        let response = client.post("/fields/").body("multipart/form-data; boundary=B", body).await.unwrap();
        assert_eq!((response.status.as_u16(), &*response.text()), (200, "None None 0"), "{body:?}");
    }
}

#[tokio::test]
async fn a_cookie_without_a_name_has_none() {
    let client = client(&[]).await;
    for (sent, read) in [
        ("=__Host-x=bad", r#"[("", "__Host-x=bad")]"#),
        ("__Host-x", r#"[("", "__Host-x")]"#),
        ("a=1; =__Host-x=bad", r#"[("a", "1"), ("", "__Host-x=bad")]"#),
    ] {
        assert_eq!(client.get("/cookies/").header("cookie", sent).await.unwrap().text(), read, "{sent}");
    }
}

#[tokio::test]
async fn hostile_paths_forge_no_line_and_no_page() {
    let log = Log::begin();
    for debug in [false, true] {
        let site = Site::new("no-such-folder").urls(urls![path("scheme/", scheme)]);
        let client = Client::builder(site).setting("DEBUG", debug).build().await.unwrap();
        for path in [
            "/a%0A2026-01-01%20ERROR%20forged",
            "/a%0D%0Aforged",
            "/%1b%5B31mred%1b%5B0m",
            "/%3Cscript%3Ealert(1)%3C/script%3E",
            "/%E2%80%AEtxt.exe",
            "/%00",
        ] {
            let response = client.get(path).await.unwrap();
            assert_eq!(response.status.as_u16(), 404, "{path}");
            assert!(!response.text().contains("<script>alert"), "{path}");
            let lines = log.take();
            assert!(!lines.is_empty(), "{path}");
            for line in lines {
                assert!(!line.contains(|letter: char| letter.is_control()), "{path}: {line:?}");
            }
        }
    }
}
