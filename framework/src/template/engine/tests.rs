use std::fs;
use std::panic::Location;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::context;
use crate::routes::converter::Converters;
use crate::routes::tree::{Declaration, Syntax, Target};

/// A folder with those templates.
fn folder(templates: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in templates {
        write(dir.path(), name, text);
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let file = dir.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn options(dirs: &[&TempDir]) -> TemplateOptions {
    let dirs = dirs.iter().map(|dir| dir.path().to_owned()).collect();
    TemplateOptions { dirs, ..TemplateOptions::default() }
}

fn load(templates: &[(&str, &str)]) -> Templates {
    Templates::load(options(&[&folder(templates)])).unwrap()
}

fn faults(templates: &[(&str, &str)]) -> Vec<String> {
    Templates::load(options(&[&folder(templates)])).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn escapes_whatever_the_file_is_called() {
    let templates = load(&[
        ("a.html", "{{ x }}"),
        ("a.txt", "{{ x }}"),
        ("mail.txt", "{{ x | safe }}"),
        ("b.html", "{{ x | safe }}{{ y }}"),
    ]);
    let x = "<'&\">";
    assert_eq!(templates.render("a.html", context! { x }).unwrap(), "&lt;&#x27;&amp;&quot;&gt;");
    assert_eq!(templates.render("a.txt", context! { x }).unwrap(), "&lt;&#x27;&amp;&quot;&gt;");
    assert_eq!(templates.render("mail.txt", context! { x }).unwrap(), x);
    let mut context = context! { x };
    context.insert_safe("y", "<b>");
    assert_eq!(templates.render("b.html", context).unwrap(), "<'&\"><b>");
}

#[test]
fn an_earlier_folder_hides_a_later_one() {
    let project = folder(&[("shop/list.html", "the project's")]);
    let app = folder(&[("shop/list.html", "the app's"), ("shop/item.html", "the app's item")]);
    let templates = Templates::load(options(&[&project, &app])).unwrap();
    assert_eq!(templates.render("shop/list.html", context! {}).unwrap(), "the project's");
    assert_eq!(templates.render("shop/item.html", context! {}).unwrap(), "the app's item");
}

/// Before, this was a circle, and the site did not start.
#[test]
fn a_template_extends_the_one_that_it_hides() {
    let project = folder(&[(
        "shop/list.html",
        "{# ours #}\n{% extends \"shop/list.html\" %}{% block a %}[{{ super() }}]{% endblock %}",
    )]);
    let theme = folder(&[(
        "shop/list.html",
        "{%- extends 'shop/list.html' -%}{% block a %}({{ super() }}){% endblock %}",
    )]);
    let app = folder(&[("shop/list.html", "<{% block a %}the app's{% endblock %}>")]);
    let other = folder(&[("shop/list.html", "hidden {{ for ever")]);
    let dirs = [&project, &theme, &app, &other];
    let templates = Templates::load(options(&dirs)).unwrap();
    assert_eq!(templates.render("shop/list.html", context! {}).unwrap(), "<[(the app's)]>");
    let found = Templates::load(options(&[&theme])).unwrap_err();
    assert!(found[0].to_string().contains("extends itself"), "{found:?}");
}

#[test]
fn hidden_files_and_backups_are_no_templates() {
    let templates = load(&[("a.html", ""), ("a.html~", "{% broken"), (".a.html.swp", "{% broken")]);
    assert!(matches!(templates.get("a.html~"), Err(TemplateError::DoesNotExist { .. })));
}

#[test]
fn a_missing_template_names_what_was_tried() {
    let (one, two) = (folder(&[("student/get.html", "")]), folder(&[]));
    let templates = Templates::load(options(&[&one, &two])).unwrap();
    match templates.render("student/gte.html", context! {}).unwrap_err() {
        TemplateError::DoesNotExist { name, tried, nearest } => {
            assert_eq!(name, "student/gte.html");
            assert_eq!(tried, [one.path().join("student/gte.html"), two.path().join("student/gte.html")]);
            assert_eq!(nearest.as_deref(), Some("student/get.html"));
        }
        error => panic!("{error}"),
    }
}

#[test]
fn a_missing_variable_is_named_with_its_line() {
    let check = |text: &str, line: usize, column: usize, message: &str| {
        let templates = load(&[("base.html", "<body>\n{% block b %}{% endblock %}"), ("page.html", text)]);
        match templates.render("page.html", context! { user: context_like() }).unwrap_err() {
            TemplateError::Render { place, message: found, .. } => {
                assert!(found.contains(message), "{text}: {found}");
                assert_eq!(
                    (place.template.as_str(), place.line, place.column),
                    ("page.html", line, column),
                    "{text}"
                );
                assert!(place.file.unwrap().ends_with("page.html"));
            }
            error => panic!("{error}"),
        }
    };
    check("{{ nmae }}", 1, 4, "Variable `nmae` is not defined. Available variables: user");
    check("a\n  {{ user.nmae }}", 2, 11, "`nmae` is not defined");
    check("{{ usr.name }}", 1, 4, "`usr` is not defined");
    check("{% extends 'base.html' %}\n{% block b %}\n{{ x }}{% endblock %}", 3, 4, "`x` is not defined");
}

fn context_like() -> std::collections::BTreeMap<&'static str, &'static str> {
    [("name", "Sonam")].into()
}

#[test]
fn the_message_shows_the_line() {
    let templates = load(&[("page.html", "<p>\n<b>{{ nmae }}</b>")]);
    let error = templates.render("page.html", context! {}).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "page.html, line 2, column 7: Variable `nmae` is not defined.\n  2 | <b>{{ nmae }}</b>\n"
        ),
        "{error}"
    );
    assert!(error.contains("\n    |       ^^^^\n"), "{error}");
}

#[test]
fn every_fault_is_reported_with_file_and_line() {
    let found = faults(&[
        ("a.html", "fine\n{{ x"),
        ("b.html", "{% if %}{% endif %}"),
        ("c.html", "{% extends 'no.html' %}"),
        ("d.html", "\n\n{% include 'nowhere.html' %}"),
        ("e.html", "{{ x | shout }}\n{{ x | whisper }}"),
        ("f.html", "{% extends 'a.html' %}"),
        ("sound.html", "{{ x }}"),
    ]);
    let check = |at: usize, place: &str, message: &str| {
        assert!(
            found[at].contains(place) && found[at].contains(message),
            "{place} {message} in {}",
            found[at]
        );
    };
    check(0, "a.html:2", "end");
    check(1, "b.html:1", "");
    check(2, "c.html:1", "`no.html`");
    check(3, "d.html:3", "`nowhere.html`");
    check(4, "e.html:1:8", "`shout`");
    check(5, "e.html:2:8", "`whisper`");
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn circles_are_faults() {
    let found = faults(&[("a.html", "{% extends 'b.html' %}"), ("b.html", "{% extends 'a.html' %}")]);
    assert!(found[0].contains("extends itself"), "{found:?}");
    let found = faults(&[("a.html", "{% include 'a.html' %}")]);
    assert!(found[0].contains("includes itself"), "{found:?}");
}

#[test]
fn text_that_is_not_utf8_is_a_fault() {
    let dir = folder(&[]);
    fs::write(dir.path().join("latin.html"), b"fine\nna\xefve").unwrap();
    let found = Templates::load(options(&[&dir])).unwrap_err();
    assert_eq!(found.len(), 1);
    assert!(found[0].to_string().contains("line 2 of this template is not UTF-8"), "{}", found[0]);
}

/// `/student/<int:year>/<slug:slug>/`
fn routes() -> Arc<RouteTable> {
    let declaration = |text: &str, target| Declaration {
        text: text.to_owned(),
        syntax: Syntax::Path,
        kwargs: Vec::new(),
        place: Location::caller(),
        target,
    };
    let archive = declaration("<int:year>/<slug:slug>/", Target::Route { name: Some("archive".to_owned()) });
    let (app_name, children) = (Some("student".to_owned()), vec![archive]);
    let student = declaration("student/", Target::Include { app_name, namespace: None, children });
    Arc::new(RouteTable::build(&[student], &Converters::default()).0)
}

#[test]
fn url_reverses_a_name() {
    let check = |call: &str, script_name: Option<&str>, expected: &str| {
        let dir = folder(&[("page.html", &format!("{{{{ {call} }}}}"))]);
        let script_name = script_name.map(str::to_owned);
        let options = TemplateOptions { routes: routes(), script_name, ..options(&[&dir]) };
        let page = Templates::load(options).unwrap().render("page.html", context! { year: 2003 });
        match page {
            Ok(page) => assert_eq!(page, expected, "{call}"),
            Err(error) => assert!(error.to_string().contains(expected), "{call}: {error}"),
        }
    };
    check(r#"url(name="student:archive", year=year, slug="a-b")"#, None, "/student/2003/a-b/");
    check(r#"url(name="student:archive", args=[2003, "a"])"#, None, "/student/2003/a/");
    check(r#"url(name="student:archive", args=[year, "a"])"#, Some("/under/"), "/under/student/2003/a/");
    check(r#"url(name="student:archive", kwargs={"year": 2003, "slug": "a"})"#, None, "/student/2003/a/");
    check(r#"url(name="student:archive", kwargs=[1])"#, None, "`kwargs` is not a map");
    check(
        r#"url(name="student:archive")"#,
        None,
        "NoReverseMatch: Reverse for 'archive' with no arguments not found.",
    );
    check(
        r#"url(name="student:gone")"#,
        None,
        "page.html, line 1, column 4: NoReverseMatch: Reverse for 'gone' not found.",
    );
    check(r#"url(name="none:gone")"#, None, "'none' is not a registered namespace");
    check(r#"url(name="student:archive", args=year)"#, None, "`args` is not a list");
    check(r#"url(name="student:archive", year=[], slug="a")"#, None, "`year` is array");
}

#[test]
fn autoescaping_can_be_switched_off() {
    let dir = folder(&[("page.html", "{{ x }}")]);
    let templates = Templates::load(TemplateOptions { autoescape: false, ..options(&[&dir]) }).unwrap();
    assert_eq!(templates.render("page.html", context! { x: "<b>" }).unwrap(), "<b>");
}

#[test]
fn uses_reach_through_parents_includes_and_components() {
    let templates = load(&[
        ("base.html", "{% include 'nav.html' %}{% block b %}{% endblock %}"),
        ("nav.html", "{{ request.session.name }}"),
        ("page.html", "{% extends 'base.html' %}"),
        ("plain.html", "{{ request.path }}"),
        ("parts.html", "{% component Who(@request) %}{{ request.session.name }}{% endcomponent Who %}"),
        ("calls.html", "{{ <Who/> }}"),
    ]);
    let session = |name| templates.get(name).unwrap().uses().attribute("request", "session");
    assert!(session("base.html") && session("nav.html") && session("page.html") && session("calls.html"));
    assert!(!session("plain.html"));
}

#[tokio::test]
async fn refresh_reads_changed_files_under_debug() {
    let dir = folder(&[("a.html", "one")]);
    let debug = |debug| Templates::load(TemplateOptions { debug, ..options(&[&dir]) }).unwrap();
    let (watching, resting) = (debug(true), debug(false));
    write(dir.path(), "a.html", "another");
    write(dir.path(), "b.html", "new");
    for templates in [&watching, &resting] {
        templates.refresh().await.unwrap();
    }
    assert_eq!(watching.render("a.html", context! {}).unwrap(), "another");
    assert_eq!(watching.render("b.html", context! {}).unwrap(), "new");
    assert_eq!(resting.render("a.html", context! {}).unwrap(), "one");

    write(dir.path(), "b.html", "{% broken");
    assert!(matches!(watching.refresh().await, Err(TemplateError::Broken(faults)) if faults.len() == 1));
    write(dir.path(), "b.html", "mended again");
    watching.refresh().await.unwrap();
    assert_eq!(watching.render("b.html", context! {}).unwrap(), "mended again");
}

/// An honest tag has no fifty others in it. Before, the text was followed to its end once for each of them.
#[test]
fn tags_that_never_end_are_suspicious() {
    let templates = load(&[("a.html", "{{ x | striptags }}")]);
    let strip = |x: String| templates.render("a.html", context! { x });
    for text in ["<a".repeat(1_000_000), "<a ".repeat(500) + ">", "<<a>".repeat(60) + &">".repeat(60)] {
        match strip(text) {
            Err(TemplateError::Suspicious { place, message }) => {
                assert_eq!((place.line, place.column), (1, 8), "{message}");
            }
            other => assert!(other.is_ok_and(|page| page.len() < 1000)),
        }
    }
    assert!(matches!(strip("<a".repeat(1_000_000)), Err(TemplateError::Suspicious { .. })));
    assert_eq!(strip("<a".to_owned() + &"b".repeat(2000)).unwrap(), "&lt;a".to_owned() + &"b".repeat(2000));
    assert!(strip("<a ".repeat(49) + &"b".repeat(2000)).is_ok());
}

fn price(cents: i64, _: tera::Kwargs, _: &tera::State<'_>) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn extend(tera: &mut Tera) {
    tera.register_filter("price", price);
    tera.register_function("shop", |_: tera::Kwargs, _: &tera::State<'_>| "the shop");
    tera.register_test("cheap", |cents: i64, _: tera::Kwargs, _: &tera::State<'_>| cents < 100);
}

#[test]
fn a_site_teaches_filters_functions_and_tests() {
    let source = "{{ 1250 | price }} {{ shop() }} {% if 99 is cheap %}cheap{% endif %}";
    let dir = folder(&[("page.html", source)]);
    let options = TemplateOptions { extensions: vec![extend], ..options(&[&dir]) };
    assert_eq!(
        Templates::load(options).unwrap().render("page.html", context! {}).unwrap(),
        "12.50 the shop cheap"
    );
}

#[test]
fn the_first_template_that_there_is() {
    let templates = load(&[("b.html", "b"), ("c.html", "c")]);
    let select = |names: &[&str]| templates.select(names).and_then(|template| template.render(context! {}));
    assert_eq!(select(&["a.html", "b.html", "c.html"]).unwrap(), "b");
    match select(&["a.html", "d.html"]).unwrap_err() {
        TemplateError::DoesNotExist { name, tried, .. } => {
            assert_eq!((name.as_str(), tried.len()), ("a.html, d.html", 2));
        }
        error => panic!("{error}"),
    }
    assert!(select(&[]).is_err());
}

/// Django's tags that are functions and filters here, with Django's results.
#[test]
fn tags_that_are_functions_and_filters() {
    let check = |source: &str, expected: &str| {
        let dir = folder(&[("page.html", source)]);
        let options = TemplateOptions { media_url: "/media/".to_owned(), ..options(&[&dir]) };
        let cities = [("Thimphu", "Bhutan"), ("Paro", "Bhutan"), ("Delft", "NL"), ("Haa", "Bhutan")];
        let cities: Vec<std::collections::BTreeMap<_, _>> =
            cities.into_iter().map(|(name, country)| [("name", name), ("country", country)].into()).collect();
        let context = context! { cities, nothing: "", text: "<b>" };
        match Templates::load(options).unwrap().render("page.html", context) {
            Ok(page) => assert_eq!(page, expected, "{source}"),
            Err(error) => panic!("{source}: {error}"),
        }
    };
    check("{{ get_media_prefix() }}{{ get_static_prefix() }}", "/media/");
    check("{{ widthratio(value=175, max_value=200, max_width=100) }}", "88");
    check("{{ widthratio(value=1, max_value=8, max_width=20) }}", "2");
    check("{{ widthratio(value='x', max_value=8, max_width=20) }}", "");
    check("{{ widthratio(value=5, max_value=0, max_width=20) }}", "0");
    check("{{ firstof(of=[nothing, 0, text, 'last']) }}|{{ firstof(of=[nothing]) }}", "&lt;b&gt;|");
    check(
        "{% for group in cities | regroup(by='country') %}{{ group.grouper }}:{% for city in group.list %}{{ city.name }},{% endfor %};{% endfor %}",
        "Bhutan:Thimphu,Paro,;NL:Delft,;Bhutan:Haa,;",
    );
    check("{% filter spaceless %} <p>\n  <a> x </a>\n</p> {% endfilter %}", "<p><a> x </a></p>");
    let moment = "'2026-07-15T12:00:00+00:00'";
    check(
        &format!("{{{{ {moment} | timezone(arg='Europe/Brussels') | date(arg='H:i T O I') }}}}"),
        "14:00 CEST +0200 1",
    );
    check(
        &format!("{{{{ {moment} | timezone(arg='Asia/Thimphu') | utc | date(arg='H:i e') }}}}"),
        "12:00 UTC",
    );
    check(&format!("{{{{ {moment} | localtime | date(arg='H:i') }}}}"), "12:00");
    check(&format!("{{{{ {moment} | timezone(arg='No/Where') | date(arg='H:i') }}}}"), "");
}

/// What the dictionary says of Django's other tags.
#[test]
fn the_idioms_of_the_dictionary() {
    let check = |source: &str, expected: &str| {
        let templates = load(&[("page.html", source), ("a.html", "{{ name }}")]);
        assert_eq!(
            templates.render("page.html", context! { list: [1, 2, 3], nobody: [0; 0] }).unwrap(),
            expected,
            "{source}"
        );
    };
    check("{% set name = 'x' %}{% include 'a.html' %}", "x");
    check("{% for x in nobody %}{{ x }}{% else %}empty{% endfor %}", "empty");
    check(
        "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }} {% endfor %}",
        "10truefalse 21falsefalse 32falsetrue ",
    );
    check(
        "{% for x in list %}{% if loop.index is odd %}odd{% else %}even{% endif %} {% endfor %}",
        "odd even odd ",
    );
    check("{% raw %}{{ x }}{% endraw %}{# nothing #}", "{{ x }}");
}
