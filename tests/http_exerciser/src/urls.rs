//! The URLconf of the protocol, in its order.

use nuages::decorators::append_slash::no_append_slash;
use nuages::decorators::csrf::{csrf_exempt, csrf_protect, ensure_csrf_cookie, requires_csrf_token};
use nuages::prelude::*;

use crate::converters::{Hex, List, Year};
use crate::views::echo::{echo, echo_body};
use crate::views::{addresses, cache, csrf, errors, frame, messages, methods, respond, signed, static_files};

/// A route to the view that shows the request.
fn page(route: &str, name: &str) -> Path {
    path(route, csrf_exempt(echo)).name(name)
}

/// The same for a regular expression.
fn re_page(route: &str, name: &str) -> Path {
    re_path(route, csrf_exempt(echo)).name(name)
}

fn deep() -> Urls {
    urls![page("", "index"), page("<slug:leaf>/", "leaf"), page("<slug:leaf>/<int:tenant>/", "shadow"),]
        .app_name("deepapp")
}

fn blog() -> Urls {
    urls![
        page("", "index"),
        page("post/<int:pk>/", "post"),
        page("post/<int:pk>/<slug:slug>/", "post"),
        page("archive/<yyyy:year>/", "archive").kwarg("order", "asc"),
        include("deep/<str:branch>/", deep().namespace("deep")),
        include("plain/", urls![page("inner/<str:x>/", "inner")]),
    ]
    .app_name("blog")
}

fn shop() -> Urls {
    urls![page("", "index"), page("item/<hex:code>/", "item"), re_page("^old/(?P<num>[0-9]+)/$", "old")]
        .app_name("shop")
}

/// All of it.
pub(crate) fn urls() -> Urls {
    let groups = [machinery(), converters(), order(), expressions(), includes(), slashes_and_characters()];
    // An include of nothing but its place: the routes follow one another as if they stood in one list.
    let all: Urls = groups.into_iter().map(|group| include("", group).into()).collect();
    all.converter("hex", Hex).converter("yyyy", Year).converter("list", List)
}

fn machinery() -> Urls {
    urls![
        page("", "root"),
        page("echo/", "echo"),
        path("echo-body/", csrf_exempt(echo_body)).name("echo-body"),
        page("echo/<path:rest>", "echo-rest"),
        path("absolute/", csrf_exempt(addresses::absolute)).name("absolute"),
        path("respond/", csrf_exempt(respond::respond)).name("respond"),
        path("reverse/", csrf_exempt(addresses::by_name)).name("reverse"),
        path("raise/<str:kind>/", csrf_exempt(errors::raise)).name("raise"),
        path("host/", addresses::host).name("host"),
        path("csrf/view/", csrf::view).name("csrf-view"),
        path("csrf/quiet/", csrf::quiet).name("csrf-quiet"),
        path("csrf/template/", csrf::template).name("csrf-template"),
        path("csrf/exempt/", csrf_exempt(csrf::view)).name("csrf-exempt"),
        path("csrf/protect/", csrf_protect(csrf::view)).name("csrf-protect"),
        path("csrf/ensure/", ensure_csrf_cookie(csrf::ensure)).name("csrf-ensure"),
        path("csrf/requires/", requires_csrf_token(csrf::view)).name("csrf-requires"),
        path("csrf/rotate/", csrf::rotate).name("csrf-rotate"),
        path("signed/", csrf_exempt(signed::signed)).name("signed"),
        path("messages/", csrf_exempt(messages::messages)).name("messages"),
        path("cache/<str:kind>/", csrf_exempt(cache::pages().view())).name("cache"),
        path("frame/<str:kind>/", csrf_exempt(frame::frames().view())).name("frame"),
        path("methods/<str:kind>/", csrf_exempt(methods::methods().view())).name("methods"),
        path("static/<path:path>", csrf_exempt(static_files::files)).name("static"),
        path("browse/", csrf_exempt(static_files::browse)).kwarg("path", "").name("browse-root"),
        path("browse/<path:path>", csrf_exempt(static_files::browse)).name("browse"),
    ]
}

fn converters() -> Urls {
    urls![
        page("c/int/<int:n>/", "c-int"),
        page("c/str/<str:s>/", "c-str"),
        page("c/bare/<s>/", "c-bare"),
        page("c/slug/<slug:s>/", "c-slug"),
        page("c/uuid/<uuid:u>/", "c-uuid"),
        page("c/path/<path:p>/end/", "c-path-end"),
        page("c/path/<path:p>", "c-path"),
        page("c/hex/<hex:h>/", "c-hex"),
        page("c/hex/<str:h>/", "c-hex-str"),
        page("c/yyyy/<yyyy:y>/", "c-yyyy"),
        page("c/list/<list:l>/", "c-list"),
        page("c/range/<int:a>-<int:b>/", "c-range"),
        page("c/file/<slug:stem>.<str:ext>", "c-file"),
        page("c/date/<yyyy:y>/<int:m>/<slug:s>/", "c-date"),
        page("c/two/<str:a>/<str:b>/", "c-two"),
        page("c/end/<int:n>", "c-end"),
    ]
}

fn order() -> Urls {
    urls![
        page("o/<int:id>/", "o-int"),
        page("o/<str:name>/", "o-str"),
        page("o/new/", "o-new"),
        page("o2/new/", "o2-new"),
        page("o2/<slug:s>/", "o2-slug"),
        page("o2/<path:p>/", "o2-path"),
        page("o3/<path:p>", "o3-path"),
        page("o3/x/", "o3-x"),
    ]
}

fn expressions() -> Urls {
    urls![
        re_page("^r/(?P<year>[0-9]{4})/$", "r-year"),
        re_page("^r/(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/$", "r-month"),
        re_page("^r/u/([0-9]+)/([a-z]*)/$", "r-unnamed"),
        re_page("^r/mixed/([0-9]+)/(?P<x>[a-z]+)/$", "r-mixed"),
        re_page("^r/opt/(?:page-(?P<page>[0-9]+)/)?$", "r-opt"),
        re_page("^r/kind/(?P<kind>foo|bar)/$", "r-kind"),
        re_page("^r/loose/(?P<x>[0-9]+)/", "r-loose"),
        re_page(r"^r/digits/(?P<x>\d+)/(?P<y>\w+)/$", "r-digits"),
        re_page("^r/star/(?P<x>.*)$", "r-star"),
        re_page("^r/defaults/(?P<x>[a-z]+)/$", "r-defaults").kwarg("x", "over").kwarg("y", 7),
        re_page("floating/(?P<x>[0-9]+)/$", "r-floating"),
        re_page("anywhere/(?P<x>[0-9]+)/", "r-anywhere"),
        re_include(
            "^r/in/(?P<outer>[a-z]+)/",
            urls![
                re_page("^(?P<inner>[0-9]+)/$", "r-inner"),
                re_page("^u/([0-9]+)/$", "r-inner-unnamed"),
                page("p/<str:outer>/", "r-inner-shadow"),
            ],
        ),
        re_include(
            "^r/un/([a-z]+)/",
            urls![re_page("^([0-9]+)/$", "r-un-un"), re_page("^n/(?P<n>[0-9]+)/$", "r-un-named")],
        ),
    ]
}

fn includes() -> Urls {
    let inner = urls![page("z/", "flat-z")];
    urls![
        include("b1/<int:tenant>/", blog().namespace("blog1")),
        include("b2/<int:tenant>/", blog().namespace("blog2")).kwarg("site", "two"),
        include("shop/", shop()),
        include("shop2/", shop().namespace("shop-two")).kwarg("code", 5),
        include(
            "flat/<slug:area>/",
            urls![page("x/", "flat-x"), page("y/<int:area>/", "flat-y"), include("", inner)],
        ),
        page("d/<int:n>/", "d-over").kwarg("extra", "x").kwarg("n", 99),
        page("d2/", "d2").kwarg("page", 1),
        page("d2/<int:page>/", "d2"),
        page("d3/a/", "d3").kwarg("kind", "a"),
        page("d3/b/", "d3").kwarg("kind", "b"),
    ]
}

fn slashes_and_characters() -> Urls {
    urls![
        page("s/with/", "s-with"),
        page("s/without", "s-without"),
        page("s/both/", "s-both-slash"),
        page("s/both", "s-both"),
        path("s/noappend/", no_append_slash(echo)).name("s-noappend"),
        re_page("^s/opt/?$", "s-opt"),
        path("s/404/", errors::not_found).name("s-404"),
        page("s//double/", "s-double"),
        page("/lead/", "s-lead"),
        page("u/né/<str:x>/", "u-ne"),
        page("u/日本/", "u-japan"),
        page("u/sp ace/<str:x>/", "u-space"),
        page("u/pct%41/<str:x>/", "u-pct"),
        page("u/a+b(c)[d].e/<str:x>/", "u-meta"),
        page("u/q?m#h/<str:x>/", "u-query"),
    ]
}
