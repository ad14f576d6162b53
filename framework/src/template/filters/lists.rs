//! Filters of lists, and of whatever there is.

use std::cmp::Ordering;

use tera::value::Key;
use tera::{Error, Number, TeraResult, Value};

use super::html::conditional_escape;
use super::numbers::as_number;
use super::{Call, python};

pub(super) fn default(call: &Call<'_>) -> TeraResult<Value> {
    Ok(if python::truth(call.value) { call.value.clone() } else { call.arg()?.clone() })
}

pub(super) fn default_if_none(call: &Call<'_>) -> TeraResult<Value> {
    // In Django a name that is not there is no `None`, and shown as nothing.
    Ok(match () {
        () if call.value.is_none() => call.arg()?.clone(),
        () if call.value.is_undefined() => "".into(),
        () => call.value.clone(),
    })
}

pub(super) fn yesno(call: &Call<'_>) -> TeraResult<Value> {
    let words = call.arg.filter(|arg| !arg.is_none()).map_or_else(|| "yes,no,maybe".to_owned(), python::text);
    let words: Vec<&str> = words.split(',').collect();
    let (yes, no, maybe) = match words.as_slice() {
        [] | [_] => return Ok(call.value.clone()),
        [yes, no, maybe] => (yes, no, maybe),
        [yes, no, ..] => (yes, no, no),
    };
    Ok((*match () {
        () if call.value.is_none() => maybe,
        () if python::truth(call.value) => yes,
        () => no,
    })
    .into())
}

/// What there is at that place, from the end if it is negative; `None` behind the end.
fn item(value: &Value, at: isize) -> TeraResult<Option<Value>> {
    let place = |length: usize| match usize::try_from(at) {
        Ok(at) => Some(at).filter(|at| *at < length),
        Err(_) => length.checked_sub(at.unsigned_abs()),
    };
    if let Some(text) = value.as_str() {
        let characters: Vec<char> = text.chars().collect();
        return Ok(place(characters.len()).map(|at| characters[at].to_string().into()));
    }
    match value.as_array() {
        Some(items) => Ok(place(items.len()).map(|at| items[at].clone())),
        None => Err(Error::message(format!("{} has no first, last or random part", value.name()))),
    }
}

pub(super) fn first(call: &Call<'_>) -> TeraResult<Value> {
    Ok(item(call.value, 0)?.unwrap_or_else(|| "".into()))
}

pub(super) fn last(call: &Call<'_>) -> TeraResult<Value> {
    Ok(item(call.value, -1)?.unwrap_or_else(|| "".into()))
}

pub(super) fn random(call: &Call<'_>) -> TeraResult<Value> {
    let length = match call.value.as_str() {
        Some(text) => text.chars().count(),
        None => call.value.as_array().map_or(0, <[Value]>::len),
    };
    if length == 0 {
        return item(call.value, 0).map(|_| "".into());
    }
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::message(format!("random: {error}")))?;
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let at = isize::try_from(u64::from_le_bytes(bytes) % length).unwrap_or_default();
    Ok(item(call.value, at)?.unwrap_or_else(|| "".into()))
}

pub(super) fn length(call: &Call<'_>) -> TeraResult<Value> {
    Ok(match call.value.as_str() {
        Some(text) => text.chars().count(),
        None => call.value.len().unwrap_or(0),
    }
    .into())
}

/// The items that a `for` would give: characters of a text, keys of a map.
fn items(value: &Value) -> Option<Vec<Value>> {
    if let Some(text) = value.as_str() {
        return Some(text.chars().map(|character| character.to_string().into()).collect());
    }
    if let Some(map) = value.as_map() {
        return Some(map.keys().map(Key::as_value).collect());
    }
    value.as_array().map(<[Value]>::to_vec)
}

pub(super) fn join(call: &Call<'_>) -> TeraResult<Value> {
    let Some(items) = items(call.value) else { return Ok(call.value.clone()) };
    let arg = call.arg()?;
    if call.autoescape {
        let items: Vec<String> = items.iter().map(conditional_escape).collect();
        return Ok(Value::safe_string(&items.join(&conditional_escape(arg))));
    }
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    Ok(match (texts, arg.as_str()) {
        (Some(texts), Some(arg)) => Value::safe_string(&texts.join(arg)),
        _ => call.value.clone(),
    })
}

pub(super) fn slice(call: &Call<'_>) -> TeraResult<Value> {
    let Some(bounds) = bounds(&python::text(call.arg()?)) else { return Ok(call.value.clone()) };
    if let Some(text) = call.value.as_str() {
        let characters: Vec<char> = text.chars().collect();
        return Ok(cut_out(&characters, bounds).map_or_else(
            || call.value.clone(),
            |characters| characters.into_iter().collect::<String>().into(),
        ));
    }
    let Some(items) = call.value.as_array() else { return Ok(call.value.clone()) };
    Ok(cut_out(items, bounds).map_or_else(|| call.value.clone(), Into::into))
}

type Bounds = [Option<i128>; 3];

/// `2`, `1:2`, `:-1`, `::2` as Python's `slice()` takes them.
fn bounds(text: &str) -> Option<Bounds> {
    let bits: Vec<Option<i128>> = text
        .split(':')
        .map(|bit| match bit {
            "" => Some(None),
            bit => python::int(&bit.into()).ok().map(Some),
        })
        .collect::<Option<_>>()?;
    match bits.as_slice() {
        [stop] => Some([None, *stop, None]),
        [start, stop] => Some([*start, *stop, None]),
        [start, stop, step] => Some([*start, *stop, *step]),
        _ => None,
    }
}

/// Python's `items[start:stop:step]`; `None` for a step of 0.
fn cut_out<T: Clone>(items: &[T], [start, stop, step]: Bounds) -> Option<Vec<T>> {
    let length = i128::try_from(items.len()).ok()?;
    let step = step.unwrap_or(1);
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: i128| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(low, high);
    let (mut at, end) = match step {
        0 => return None,
        1.. => (start.map_or(0, place), stop.map_or(length, place)),
        _ => (start.map_or(length - 1, place), stop.map_or(-1, place)),
    };
    let mut out = Vec::new();
    while (step > 0 && at < end) || (step < 0 && at > end) {
        out.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    Some(out)
}

pub(super) fn unordered_list(call: &Call<'_>) -> TeraResult<Value> {
    let Some(items) = items(call.value) else {
        return Err(Error::message(format!("unordered_list: {} is no list", call.value.name())));
    };
    let show = |value: &Value| if call.autoescape { conditional_escape(value) } else { python::text(value) };
    let mut out = String::new();
    push_list(&items, 1, &show, &mut out)?;
    Ok(Value::safe_string(&out))
}

/// Lists nested deeper than this are refused rather than followed.
const DEEPEST: usize = 200;

fn push_list(
    items: &[Value],
    depth: usize,
    show: &impl Fn(&Value) -> String,
    out: &mut String,
) -> TeraResult<()> {
    if depth > DEEPEST {
        return Err(Error::message(format!("unordered_list: lists nested more than {DEEPEST} deep")));
    }
    let indent = "\t".repeat(depth);
    let mut rest = items.iter().peekable();
    let mut first = true;
    while let Some(item) = rest.next() {
        if !std::mem::take(&mut first) {
            out.push('\n');
        }
        out.push_str(&format!("{indent}<li>{}", show(item)));
        if let Some(children) = rest.next_if(|next| next.is_array()).and_then(Value::as_array)
            && !children.is_empty()
        {
            out.push_str(&format!("\n{indent}<ul>\n"));
            push_list(children, depth + 1, show, out)?;
            out.push_str(&format!("\n{indent}</ul>\n{indent}"));
        }
        out.push_str("</li>");
    }
    Ok(())
}

pub(super) fn dictsort(call: &Call<'_>) -> TeraResult<Value> {
    sort(call, false)
}

pub(super) fn dictsortreversed(call: &Call<'_>) -> TeraResult<Value> {
    sort(call, true)
}

fn sort(call: &Call<'_>, reversed: bool) -> TeraResult<Value> {
    let arg = python::text(call.arg()?);
    if python::number(&Value::from(arg.clone())).is_err() && (arg.starts_with('_') || arg.contains("._")) {
        return Ok("".into());
    }
    let Some(items) = items(call.value) else { return Ok("".into()) };
    if as_number(call.arg()?).is_some() || python::number(&Value::from(arg.clone())).is_ok() {
        // A number is a place in a list, and the name of nothing in a map (`KeyError`).
        if let Some(map) = items.iter().find(|item| item.is_map()) {
            return Err(Error::message(format!("dictsort: {} has no place {arg}", map.name())));
        }
    }
    let keys: Option<Vec<Value>> = items.iter().map(|item| resolve(item, call.arg?, &arg)).collect();
    let Some(keys) = keys else { return Ok("".into()) };
    let mut order: Vec<usize> = (0..items.len()).collect();
    let mut comparable = true;
    order.sort_by(|one, other| {
        let (one, other) = if reversed { (other, one) } else { (one, other) };
        compare(&keys[*one], &keys[*other], &mut comparable)
    });
    if !comparable {
        return Ok("".into());
    }
    Ok(order.into_iter().map(|at| items[at].clone()).collect::<Vec<_>>().into())
}

/// What an item has under that name, or at that place.
fn resolve(item: &Value, arg: &Value, path: &str) -> Option<Value> {
    if let Some(Number::Integer(at)) = as_number(arg) {
        return item_at(item, at);
    }
    let mut value = item.clone();
    for part in path.split('.') {
        value = match value.as_map() {
            Some(map) => map.get(&Key::from(part.to_owned()))?.clone(),
            None => return None,
        };
    }
    Some(value)
}

fn item_at(value: &Value, at: i128) -> Option<Value> {
    item(value, isize::try_from(at).ok()?).ok().flatten()
}

/// Python's `<`: numbers with numbers, texts with texts, lists with lists; whatever else is not comparable. It is an order in
/// any case, because a sort of Rust's may panic over one that contradicts itself.
fn compare(one: &Value, other: &Value, comparable: &mut bool) -> Ordering {
    if let (Some(one), Some(other)) = (as_number(one), as_number(other)) {
        return match (one, other) {
            (Number::Integer(one), Number::Integer(other)) => one.cmp(&other),
            (Number::Integer(one), other) => integer_and_float(one, other.as_float()),
            (one, Number::Integer(other)) => integer_and_float(other, one.as_float()).reverse(),
            (one, other) => float_order(one.as_float(), other.as_float()),
        };
    }
    if let (Some(one), Some(other)) = (one.as_str(), other.as_str()) {
        return one.cmp(other);
    }
    let (Some(one), Some(other)) = (one.as_array(), other.as_array()) else {
        *comparable = false;
        return sort_of_value(one).cmp(&sort_of_value(other));
    };
    for (one, other) in one.iter().zip(other) {
        match compare(one, other, comparable) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    one.len().cmp(&other.len())
}

fn sort_of_value(value: &Value) -> u8 {
    match () {
        () if as_number(value).is_some() => 0,
        () if value.as_str().is_some() => 1,
        () if value.as_array().is_some() => 2,
        () => 3,
    }
}

/// What is no number comes last; both zeros are the same.
fn float_order(one: f64, other: f64) -> Ordering {
    one.partial_cmp(&other).unwrap_or_else(|| one.is_nan().cmp(&other.is_nan()))
}

/// Exactly, as in Python: an integer beyond 53 bits is not rounded before.
fn integer_and_float(integer: i128, float: f64) -> Ordering {
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() || float >= BEYOND {
        return Ordering::Less;
    }
    if float < -BEYOND {
        return Ordering::Greater;
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the range was checked, and the fraction is compared afterwards"
    )]
    let whole = float.trunc() as i128;
    integer.cmp(&whole).then_with(|| float_order(0.0, float.fract()))
}

/// The items in groups of equal keys that follow each other (Django's `{% regroup %}`).
pub(super) fn regroup(call: &Call<'_>) -> TeraResult<Value> {
    let arg = call.arg()?;
    let path = python::text(arg);
    let items = call.value.as_array();
    let items = items.ok_or_else(|| Error::message(format!("regroup: {} is no list", call.value.name())))?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in items {
        let key = resolve(item, arg, &path).unwrap_or_else(Value::none);
        match groups.last_mut() {
            Some((grouper, list)) if *grouper == key => list.push(item.clone()),
            _ => groups.push((key, vec![item.clone()])),
        }
    }
    let shown = groups.into_iter().map(|(grouper, list)| {
        let map: tera::Map =
            [("grouper".into(), grouper), ("list".into(), list.into())].into_iter().collect();
        Value::from(map)
    });
    Ok(shown.collect::<Vec<_>>().into())
}

#[cfg(test)]
mod tests {
    use tera::Value;

    use super::compare;

    #[test]
    fn what_is_compared_is_in_one_order() {
        let values: Vec<Value> = vec![
            f64::NAN.into(),
            (-f64::NAN).into(),
            0.5.into(),
            (1_i64 << 53).into(),
            ((1_i64 << 53) + 1).into(),
            9_007_199_254_740_992.0.into(),
            f64::INFINITY.into(),
            f64::NEG_INFINITY.into(),
            1.into(),
            "a".into(),
            true.into(),
            Value::none(),
            vec![Value::from(f64::NAN)].into(),
            vec![Value::from("a")].into(),
            vec![Value::from(1)].into(),
        ];
        let order = |one: &Value, other: &Value| compare(one, other, &mut true);
        for a in &values {
            for b in &values {
                assert_eq!(order(a, b), order(b, a).reverse(), "{a:?} {b:?}");
                for c in &values {
                    let chain = order(a, b).is_le() && order(b, c).is_le();
                    assert!(!chain || order(a, c).is_le(), "{a:?} {b:?} {c:?}");
                }
            }
        }
        // A sort that finds a contradiction panics.
        let mut many: Vec<Value> = values.iter().cycle().take(200).cloned().collect();
        many.sort_by(order);
        let mut comparable = true;
        compare(&1.into(), &"a".into(), &mut comparable);
        assert!(!comparable);
    }
}
