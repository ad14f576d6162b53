//! Against Django's own answers.

use serde_json::Value as Json;
use tera::{Context, Tera, Value};

use super::*;
use crate::template::escape::escape_html;

fn load(name: &str) -> Vec<Json> {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

/// A value of the vectors as a template has it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::none(),
        Json::Object(map) if map.len() == 1 => {
            let (tag, inner) = map.iter().next().unwrap();
            match tag.as_str() {
                "$safe" => Value::safe_string(inner.as_str().unwrap()),
                "$date" | "$datetime" | "$time" | "$decimal" => inner.as_str().unwrap().into(),
                "$float" => inner.as_str().unwrap().parse::<f64>().unwrap().into(),
                _ => map
                    .iter()
                    .map(|(name, item)| (name.clone().into(), value(item)))
                    .collect::<tera::Map>()
                    .into(),
            }
        }
        Json::Object(map) => {
            map.iter().map(|(name, item)| (name.clone().into(), value(item))).collect::<tera::Map>().into()
        }
        Json::Array(items) => items.iter().map(value).collect::<Vec<_>>().into(),
        Json::String(text) => text.as_str().into(),
        other => Value::from_serializable(other),
    }
}

fn tera(escaped: bool, settings: &FilterSettings, source: &str) -> Result<Tera, tera::Error> {
    let mut tera = Tera::default();
    tera.set_escape_fn(escape_html);
    register(&mut tera, settings);
    tera.add_raw_template(if escaped { "page.html" } else { "page.txt" }, source)?;
    Ok(tera)
}

fn render(case: &Json, escaped: bool, settings: &FilterSettings) -> Result<String, tera::Error> {
    let mut context = Context::new();
    context.insert_value("value", value(&case["value"]));
    let name = case["filter"].as_str().unwrap();
    let source = match case.get("arg") {
        Some(arg) => {
            context.insert_value("arg", value(arg));
            format!("{{{{ value | {name}(arg=arg) }}}}")
        }
        None => format!("{{{{ value | {name} }}}}"),
    };
    tera(escaped, settings, &source)?.render(if escaped { "page.html" } else { "page.txt" }, &context)
}

/// Whether Django shows the result as nuages does: numbers, truth values, lists and `None` are shown in tera's way.
fn is_text(result: &Json) -> bool {
    result.is_string() || result.get("$safe").is_some()
}

fn compare(file: &str, settings: &FilterSettings, least: usize) {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in load(file) {
        // Not compared: letters for what is no date, which Django half formats; a separator that is no text, which Django
        // refuses with autoescape off alone; a list that `join` gives back as it is, which tera shows in its own way.
        let (plain, name) = (&case["value"], case["filter"].as_str().unwrap());
        let no_date = name == "date" && (plain.is_string() || plain.is_number());
        if no_date || (name == "join" && case["arg"].is_number()) {
            continue;
        }
        compared += 1;
        if case.get("error").is_some() {
            if let Ok(shown) = render(&case, true, settings) {
                wrong.push(format!("{case}\n  shown {shown:?}"));
            }
            continue;
        }
        if !is_text(&case["result"]) {
            let def = FILTERS.iter().find(|def| def.name == case["filter"].as_str().unwrap()).unwrap();
            let arg = case.get("arg").map(value);
            let result = apply(def, value(&case["value"]), arg.as_ref(), true, settings);
            let expected = value(&case["result"]);
            match result {
                Ok(result) if result == expected => {}
                result => wrong.push(format!("{case}\n  gives {result:?}")),
            }
            continue;
        }
        for (escaped, expected) in [(true, &case["rendered"]), (false, &case["off"])] {
            if name == "join" && expected.as_str().unwrap().starts_with("['") {
                continue;
            }
            match render(&case, escaped, settings) {
                Ok(shown) if shown == expected.as_str().unwrap() => {}
                Ok(shown) => wrong.push(format!("{case}\n  shown {shown:?} (autoescape {escaped})")),
                Err(error) => wrong.push(format!("{case}\n  fails: {error}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared >= least, "{compared}");
}

#[test]
fn filters_are_djangos() {
    compare("filters", &FilterSettings::default(), 1500);
}

#[test]
fn filters_are_djangos_in_another_zone() {
    let zone = TimeZone::named("Europe/Brussels").unwrap();
    compare("filters_more", &FilterSettings { zone, use_tz: true }, 4000);
}
