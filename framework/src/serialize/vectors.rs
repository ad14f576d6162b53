//! Reads the golden vectors in `tests/vectors`, for tests alone.
//!
//! They are JSON in which values that JSON has not are tagged: an object with one member whose name begins with `$`
//! (`{"$int": "9223372036854775808"}`, `{"$tuple": [1, 2]}`, `{"$dict": [[1, "int key"]]}`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::serialize::datetime::DateTime;
use crate::serialize::json;
use crate::serialize::timedelta::TimeDelta;
use crate::serialize::value::{Dict, Key, Value};

/// The entries of `tests/vectors/<name>.json`, tags not yet resolved, and which list of the file they come from.
pub(crate) fn load(name: &str, list: &str) -> Vec<Dict> {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let Ok(Value::Dict(file)) = json::loads(&text) else { panic!("{path}: not a JSON object") };
    let entries = file.get(list).and_then(Value::as_list).unwrap_or_else(|| panic!("{path}: no list {list}"));
    assert!(!entries.is_empty(), "{path}: {list} is empty");
    entries
        .iter()
        .map(|entry| entry.as_dict().cloned().unwrap_or_else(|| panic!("{path}: {entry:?}")))
        .collect()
}

/// A text member of an entry.
pub(crate) fn text<'a>(entry: &'a Dict, name: &str) -> &'a str {
    entry.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {name:?} in {entry:?}"))
}

/// A member that is the error which Python raises: its name.
pub(crate) fn error(value: &Value) -> Option<&str> {
    let dict = value.as_dict()?;
    if dict.contains_key("error") && dict.contains_key("message") {
        dict.get("error")?.as_str()
    } else {
        None
    }
}

/// The value that tagged JSON stands for; `None` for `$opaque`, which no value can be.
pub(crate) fn untag(value: &Value) -> Option<Value> {
    match value {
        Value::List(items) => items.iter().map(untag).collect::<Option<Vec<_>>>().map(Value::List),
        Value::Dict(dict) => match dict.iter().next() {
            Some((name, inner))
                if dict.len() == 1 && name.as_str().is_some_and(|name| name.starts_with('$')) =>
            {
                untag_one(name.as_str()?, inner)
            }
            _ => dict
                .iter()
                .map(|(key, value)| Some((key.clone(), untag(value)?)))
                .collect::<Option<Vec<_>>>()
                .map(|entries| Value::Dict(entries.into_iter().collect())),
        },
        plain => Some(plain.clone()),
    }
}

fn untag_one(tag: &str, inner: &Value) -> Option<Value> {
    let text = || inner.as_str().unwrap_or_else(|| panic!("{tag} {inner:?}"));
    let items = || -> Option<Vec<Value>> {
        inner.as_list().unwrap_or_else(|| panic!("{tag} {inner:?}")).iter().map(untag).collect()
    };
    let bytes = || STANDARD.decode(text()).unwrap();
    Some(match tag {
        "$int" => Value::from(text().parse::<num_bigint::BigInt>().unwrap()),
        "$float" => Value::Float(text().parse().unwrap()),
        "$codepoints" => {
            let points = items()?.iter().map(|point| point.as_i64().unwrap() as u32).collect::<Vec<_>>();
            // Two halves side by side are kept as they are: Python can hold them.
            match points.iter().map(|&point| char::from_u32(point)).collect::<Option<String>>() {
                Some(text) => Value::Str(text),
                None => Value::Surrogates(points.into_boxed_slice()),
            }
        }
        "$dict" => {
            let mut dict = Dict::new();
            for pair in items()? {
                let [key, value] = pair.as_list().unwrap() else { panic!("{pair:?}") };
                dict.insert(Key::try_from(key.clone()).unwrap(), value.clone());
            }
            Value::Dict(dict)
        }
        "$datetime" => Value::DateTime(DateTime::fromisoformat(text()).unwrap()),
        "$timedelta" => Value::TimeDelta(match inner {
            Value::Int(seconds) => TimeDelta::from_seconds(*seconds).unwrap(),
            _ => TimeDelta::from_microseconds(text().replace('.', "").parse().unwrap()).unwrap(),
        }),
        "$date" => {
            let midnight = DateTime::fromisoformat(text()).unwrap();
            Value::Date(midnight.local().date())
        }
        "$time" => {
            let that_day = DateTime::fromisoformat(&format!("2000-01-01T{}", text())).unwrap();
            Value::Time(that_day.local().time())
        }
        "$tuple" => Value::Tuple(items()?),
        "$set" => Value::Set(items()?),
        "$frozenset" => Value::FrozenSet(items()?),
        "$bytes" => Value::Bytes(bytes()),
        "$bytearray" => Value::ByteArray(bytes()),
        "$decimal" => Value::Decimal(text().to_owned()),
        "$uuid" => Value::Uuid(text().parse().unwrap()),
        "$complex" => {
            let parts = items()?;
            Value::Complex(parts[0].as_f64().unwrap(), parts[1].as_f64().unwrap())
        }
        "$opaque" => return None,
        other => panic!("unknown tag {other}"),
    })
}
