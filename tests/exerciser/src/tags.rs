//! Values as the driver writes them: JSON with tags for what JSON has no word for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nuages::serialize::json;
use nuages::serialize::value::{DateTime, Dict, Key, TimeDelta, Value};
use num_bigint::BigInt;

/// Beyond this an integer is not plain JSON.
const PLAIN: i64 = (1 << 53) - 1;

/// Why a tagged value cannot be read: the request itself is wrong.
#[derive(Debug)]
pub(crate) struct BadTag(pub(crate) String);

fn bad<T>(what: impl Into<String>) -> Result<T, BadTag> {
    Err(BadTag(what.into()))
}

/// A tagged tree becomes the value it stands for.
pub(crate) fn decode(tree: Value) -> Result<Value, BadTag> {
    match tree {
        Value::List(items) => Ok(Value::List(decode_all(items)?)),
        Value::Dict(dict) => {
            if dict.len() == 1
                && let Some((key, inner)) = dict.iter().next()
                && let Some(tag) = key.as_str().filter(|key| key.starts_with('$'))
            {
                return untag(tag, inner.clone());
            }
            let items = dict.into_iter().map(|(key, value)| Ok((key, decode(value)?)));
            Ok(Value::Dict(items.collect::<Result<Dict, BadTag>>()?))
        }
        plain => Ok(plain),
    }
}

fn decode_all(items: Vec<Value>) -> Result<Vec<Value>, BadTag> {
    items.into_iter().map(decode).collect()
}

fn untag(tag: &str, inner: Value) -> Result<Value, BadTag> {
    let parsed = match (tag, inner) {
        ("$int", Value::Str(digits)) => digits.parse::<BigInt>().ok().map(Value::from),
        ("$float", Value::Str(text)) => match text.as_str() {
            "nan" => Some(Value::Float(f64::NAN)),
            "inf" => Some(Value::Float(f64::INFINITY)),
            "-inf" => Some(Value::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        ("$codepoints", Value::List(points)) => {
            let points: Option<Vec<u32>> = points
                .iter()
                .map(|point| point.as_i64().and_then(|point| u32::try_from(point).ok()))
                .collect();
            points.and_then(Value::from_code_points)
        }
        ("$dict", Value::List(pairs)) => {
            let mut dict = Dict::new();
            for pair in pairs {
                let Value::List(pair) = pair else { return bad("a pair of $dict is a list") };
                let Ok([key, value]) = <[Value; 2]>::try_from(pair) else {
                    return bad("a pair of $dict has two members");
                };
                let Ok(key) = Key::try_from(decode(key)?) else {
                    return bad("a key of $dict must be hashable");
                };
                dict.insert(key, decode(value)?);
            }
            Some(Value::Dict(dict))
        }
        ("$tuple", Value::List(items)) => Some(Value::Tuple(decode_all(items)?)),
        ("$set", Value::List(items)) => Some(Value::Set(distinct(decode_all(items)?))),
        ("$frozenset", Value::List(items)) => Some(Value::FrozenSet(distinct(decode_all(items)?))),
        ("$bytes", Value::Str(text)) => STANDARD.decode(text).ok().map(Value::Bytes),
        ("$bytearray", Value::Str(text)) => STANDARD.decode(text).ok().map(Value::ByteArray),
        ("$datetime", Value::Str(text)) => DateTime::fromisoformat(&text).ok().map(Value::DateTime),
        ("$date", Value::Str(text)) => {
            time::Date::parse(&text, time::macros::format_description!("[year]-[month]-[day]"))
                .ok()
                .map(Value::Date)
        }
        ("$time", Value::Str(text)) => parse_time(&text).map(Value::Time),
        ("$timedelta", Value::Int(seconds)) => TimeDelta::from_seconds(seconds).map(Value::TimeDelta),
        ("$timedelta", Value::Str(text)) => parse_timedelta(&text).map(Value::TimeDelta),
        ("$decimal", Value::Str(text)) => Some(Value::Decimal(text)),
        ("$uuid", Value::Str(text)) => text.parse().ok().map(Value::Uuid),
        ("$complex", Value::List(parts)) => match decode_all(parts)?.as_slice() {
            [re, im] => re.as_f64().zip(im.as_f64()).map(|(re, im)| Value::Complex(re, im)),
            _ => None,
        },
        _ => None,
    };
    parsed.map_or_else(|| bad(format!("unknown tag {tag:?}, or it holds nothing of its kind")), Ok)
}

fn distinct(items: Vec<Value>) -> Vec<Value> {
    let keys = items.into_iter().filter_map(|item| Key::try_from(item).ok());
    let dict: Dict = keys.map(|key| (key, Value::None)).collect();
    dict.into_iter().map(|(key, _)| key.into_value()).collect()
}

fn parse_time(text: &str) -> Option<time::Time> {
    use time::macros::format_description;
    time::Time::parse(text, format_description!("[hour]:[minute]:[second].[subsecond]"))
        .or_else(|_| time::Time::parse(text, format_description!("[hour]:[minute]:[second]")))
        .ok()
}

fn parse_timedelta(text: &str) -> Option<TimeDelta> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let micros: i128 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    TimeDelta::from_microseconds(sign * (seconds.parse::<i128>().ok()? * 1_000_000 + micros))
}

fn tag(name: &str, inner: impl Into<Value>) -> Value {
    Value::Dict([(Key::from(name), inner.into())].into_iter().collect())
}

/// A value becomes its tagged tree.
pub(crate) fn encode(value: Value) -> Value {
    match value {
        Value::Int(n) if !(-PLAIN..=PLAIN).contains(&n) => tag("$int", n.to_string()),
        Value::BigInt(n) => tag("$int", n.to_string()),
        Value::Float(x) if x.is_nan() => tag("$float", "nan"),
        Value::Float(x) if x.is_infinite() => tag("$float", if x > 0.0 { "inf" } else { "-inf" }),
        Value::Surrogates(points) => tag(
            "$codepoints",
            Value::List(points.iter().map(|point| Value::Int(i64::from(*point))).collect()),
        ),
        Value::List(items) => Value::List(encode_all(items)),
        Value::Dict(dict) => {
            let alone = dict.len() == 1
                && dict.keys().filter_map(Key::as_str).any(|key| key.starts_with('$') || key == "error");
            if !alone && dict.keys().all(|key| key.as_str().is_some()) {
                return Value::Dict(dict.into_iter().map(|(key, value)| (key, encode(value))).collect());
            }
            let pairs = dict
                .into_iter()
                .map(|(key, value)| Value::List(vec![encode(key.into_value()), encode(value)]));
            tag("$dict", Value::List(pairs.collect()))
        }
        Value::Tuple(items) => tag("$tuple", Value::List(encode_all(items))),
        Value::Set(items) => tag("$set", sorted(items)),
        Value::FrozenSet(items) => tag("$frozenset", sorted(items)),
        Value::Bytes(bytes) => tag("$bytes", STANDARD.encode(bytes)),
        Value::ByteArray(bytes) => tag("$bytearray", STANDARD.encode(bytes)),
        Value::DateTime(at) => tag("$datetime", at.isoformat()),
        Value::Date(date) => {
            tag("$date", format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day()))
        }
        Value::Time(at) => {
            let (hour, minute, second, micro) = at.as_hms_micro();
            let fraction = if micro == 0 { String::new() } else { format!(".{micro:06}") };
            tag("$time", format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
        }
        Value::TimeDelta(span) => {
            let micros = span.as_microseconds();
            if micros % 1_000_000 == 0 {
                let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
                return tag("$timedelta", seconds);
            }
            let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
            tag("$timedelta", format!("{sign}{}.{:06}", size / 1_000_000, size % 1_000_000))
        }
        Value::Decimal(text) => tag("$decimal", text),
        Value::Uuid(uuid) => tag("$uuid", uuid.to_string()),
        Value::Complex(re, im) => {
            tag("$complex", Value::List(vec![encode(Value::Float(re)), encode(Value::Float(im))]))
        }
        plain => plain,
    }
}

fn encode_all(items: Vec<Value>) -> Vec<Value> {
    items.into_iter().map(encode).collect()
}

fn sorted(items: Vec<Value>) -> Value {
    let mut items = encode_all(items);
    items.sort_by_cached_key(|item| json::dumps(item).unwrap_or_default());
    Value::List(items)
}
