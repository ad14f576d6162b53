//! Files, variables and tables become one table of what was written, each value with its place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::conf::fault::SettingsFault;
use crate::conf::source::{Layer, SettingsSource, VARIABLE_PREFIX};
use crate::conf::written::{Members, Place, Shape, Written, shown_path};

/// What all layers say together.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// The settings, each as the highest layer that names it has it.
    pub(crate) members: Members,
    /// What could not be taken at all.
    pub(crate) faults: Vec<SettingsFault>,
    /// Settings on lines that are not TOML: they were written, but nobody can tell what they say.
    pub(crate) unreadable: Vec<String>,
    /// Whether a whole layer is missing or broken, so that an absent setting may well have been written in it.
    pub(crate) broken: bool,
}

impl Layers {
    /// Reads every layer of the source and lays them upon each other.
    pub(crate) fn read(source: &SettingsSource) -> Self {
        let mut layers = Self::default();
        for (index, layer) in source.layers.iter().enumerate() {
            let above = match layer {
                Layer::File { path, may_be_missing } => {
                    layers.read_file(index, path, *may_be_missing, &source.base_dir)
                }
                Layer::Text { name, text } => layers.read_text(index, &Arc::from(name.as_str()), text),
                Layer::Table(table) => {
                    table.iter().map(|(name, value)| (name.clone(), from_toml(value, index))).collect()
                }
                Layer::Json(object) => {
                    object.iter().map(|(name, value)| (name.clone(), from_json(value, index))).collect()
                }
                Layer::Variables(variables) => layers.read_variables(index, variables),
            };
            lay_over(&mut layers.members, above);
        }
        layers
    }

    fn read_file(&mut self, layer: usize, path: &Path, may_be_missing: bool, base_dir: &Path) -> Members {
        let shown = shown_path(path, base_dir);
        match fs::read_to_string(path) {
            Ok(text) => self.read_text(layer, &shown, &text),
            Err(error) if may_be_missing && error.kind() == io::ErrorKind::NotFound => Members::new(),
            Err(error) => {
                self.broken = true;
                self.faults.push(SettingsFault::Unreadable { path: shown, source: Arc::new(error) });
                Members::new()
            }
        }
    }

    fn read_text(&mut self, layer: usize, path: &Arc<str>, text: &str) -> Members {
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::of(text);
        let broken: Vec<usize> =
            errors.iter().map(|error| error.span().map_or(1, |span| lines.line(span.start))).collect();
        for (error, line) in errors.iter().zip(&broken) {
            self.faults.push(SettingsFault::Syntax {
                place: Place::file(layer, path, *line),
                message: error.message().to_owned(),
            });
        }
        self.broken |= !errors.is_empty();
        let at = |offset| Place::file(layer, path, lines.line(offset));
        let mut members = members_of(table.get_ref(), &at);
        // What stands on a broken line was only guessed at by the parser.
        members.retain(|name, written| {
            let readable = !touches(written, &broken);
            if !readable {
                self.unreadable.push(name.clone());
            }
            readable
        });
        members
    }

    fn read_variables(&mut self, layer: usize, variables: &[(OsString, OsString)]) -> Members {
        let mut sorted: Vec<_> = variables.iter().collect();
        // A table's own variable comes before those of its members.
        sorted.sort();
        let mut members = Members::new();
        for (name, value) in sorted {
            let shown = name.to_string_lossy();
            let place = Place::variable(layer, &shown);
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                let reason = "it is not UTF-8".to_owned();
                self.faults.push(SettingsFault::Variable { place, reason });
                continue;
            };
            let path = name.strip_prefix(VARIABLE_PREFIX).unwrap_or(name);
            let keys: Vec<&str> = path.split("__").collect();
            if keys.iter().any(|key| key.is_empty()) {
                let reason = "a name is missing before or behind two underscores".to_owned();
                self.faults.push(SettingsFault::Variable { place, reason });
                continue;
            }
            if let Err(reason) = put(&mut members, &keys, from_variable(value, &place)) {
                self.faults.push(SettingsFault::Variable { place, reason });
            }
        }
        members
    }
}

/// Lays one table over another: a table over a table goes member by member, unless it stands alone.
fn lay_over(below: &mut Members, above: Members) {
    for (name, written) in above {
        match (below.get_mut(&name).map(|below| &mut below.shape), written.shape) {
            (Some(Shape::Table(below)), Shape::Table(above)) if !stands_alone(&above) => {
                lay_over(below, above);
            }
            (_, shape) => {
                below.insert(name, Written { shape, ..written });
            }
        }
    }
}

/// Whether an entry names its own engine: what an earlier layer says of another engine means nothing to it.
fn stands_alone(entry: &Members) -> bool {
    ["ENGINE", "BACKEND", "URL"].iter().any(|name| entry.contains_key(*name))
}

/// Puts a value where the path leads, making the tables on the way.
fn put(members: &mut Members, path: &[&str], value: Written) -> Result<(), String> {
    match path {
        [] => Ok(()),
        [name] => {
            members.insert((*name).to_owned(), value);
            Ok(())
        }
        [name, rest @ ..] => {
            let table = members.entry((*name).to_owned()).or_insert_with(|| Written {
                shape: Shape::Table(Members::new()),
                place: value.place.clone(),
                raw: None,
            });
            match &mut table.shape {
                Shape::Table(members) => put(members, rest, value),
                _ => Err(format!("{name} is no table, as {} says", table.place)),
            }
        }
    }
}

/// Whether the value, or any member of it, was written on one of those lines.
fn touches(written: &Written, lines: &[usize]) -> bool {
    written.place.line().is_some_and(|line| lines.contains(&line))
        || match &written.shape {
            Shape::List(entries) => entries.iter().any(|entry| touches(entry, lines)),
            Shape::Table(members) => members.values().any(|member| touches(member, lines)),
            _ => false,
        }
}

fn from_variable(value: &str, place: &Place) -> Written {
    let shape = match DeValue::parse(value) {
        Ok(parsed) => from_parsed(parsed.get_ref(), &|_| place.clone()),
        Err(_) => Shape::Text(value.to_owned()),
    };
    Written { shape, place: place.clone(), raw: Some(value.into()) }
}

fn from_toml(value: &toml::Value, layer: usize) -> Written {
    let shape = match value {
        toml::Value::String(text) => Shape::Text(text.clone()),
        toml::Value::Integer(number) => Shape::Int(*number),
        toml::Value::Float(number) => Shape::Float(*number),
        toml::Value::Boolean(value) => Shape::Bool(*value),
        toml::Value::Datetime(value) => Shape::Datetime(*value),
        toml::Value::Array(list) => Shape::List(list.iter().map(|entry| from_toml(entry, layer)).collect()),
        toml::Value::Table(table) => {
            Shape::Table(table.iter().map(|(name, value)| (name.clone(), from_toml(value, layer))).collect())
        }
    };
    Written { shape, place: Place::program(layer), raw: None }
}

fn from_json(value: &serde_json::Value, layer: usize) -> Written {
    use serde_json::Value;
    let shape = match value {
        Value::Null => Shape::Null,
        Value::Bool(value) => Shape::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Shape::Int(whole),
            (None, Some(float)) if !number.is_u64() => Shape::Float(float),
            _ => Shape::Huge(number.to_string()),
        },
        Value::String(text) => Shape::Text(text.clone()),
        Value::Array(list) => Shape::List(list.iter().map(|entry| from_json(entry, layer)).collect()),
        Value::Object(object) => {
            Shape::Table(object.iter().map(|(name, value)| (name.clone(), from_json(value, layer))).collect())
        }
    };
    Written { shape, place: Place::program(layer), raw: None }
}

/// The members of a parsed table; each stands where its name stands.
fn members_of(table: &DeTable<'_>, at: &dyn Fn(usize) -> Place) -> Members {
    table
        .iter()
        .map(|(name, value)| {
            let shape = from_parsed(value.get_ref(), at);
            let written = Written { shape, place: at(name.span().start), raw: None };
            (name.get_ref().clone().into_owned(), written)
        })
        .collect()
}

/// A parsed value; `at` tells the place of an offset.
fn from_parsed(value: &DeValue<'_>, at: &dyn Fn(usize) -> Place) -> Shape {
    match value {
        DeValue::String(text) => Shape::Text(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(whole) => Shape::Int(whole),
            Err(_) => Shape::Huge(number.to_string()),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(float) => Shape::Float(float),
            Err(_) => Shape::Huge(number.to_string()),
        },
        DeValue::Boolean(value) => Shape::Bool(*value),
        DeValue::Datetime(value) => Shape::Datetime(*value),
        DeValue::Array(list) => Shape::List(
            list.iter()
                .map(|entry| Written {
                    shape: from_parsed(entry.get_ref(), at),
                    place: at(entry.span().start),
                    raw: None,
                })
                .collect(),
        ),
        DeValue::Table(table) => Shape::Table(members_of(table, at)),
    }
}

/// The offsets at which the lines of a text end.
struct Lines {
    ends: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        Self { ends: text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect() }
    }

    /// The line of an offset, counted from 1.
    fn line(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }
}
