//! Which media types a client takes.

use std::borrow::Cow;
use std::cmp::Ordering;

use indexmap::IndexMap;

use crate::http::header_parameters::HeaderParameters;

/// A media type or a range of them, such as `text/*;q=0.5` (Django 5.2 `http/request.py`).
#[derive(Debug, Clone, PartialEq)]
pub struct MediaType {
    main: String,
    sub: String,
    parameters: IndexMap<String, String>,
    quality: f64,
}

impl MediaType {
    /// Reads one type. Broken parameters count as none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let HeaderParameters { value, parameters } = HeaderParameters::parse(text).unwrap_or_default();
        let (main, sub) = value.split_once('/').unwrap_or((&value, ""));
        let quality = parameters.get("q").map_or(1.0, |q| quality(q));
        Self { main: main.to_owned(), sub: sub.to_owned(), parameters, quality }
    }

    /// How much it is wanted, 0 to 1 in steps of 0.001; NaN is kept, as Django keeps it.
    #[must_use]
    pub const fn quality(&self) -> f64 {
        self.quality
    }

    /// 0 for `*/*`, 1 for `text/*`, 2 for `text/html`, 3 for one with parameters.
    #[must_use]
    pub fn specificity(&self) -> u8 {
        match (self.main.as_str(), self.sub.as_str()) {
            ("*", _) => 0,
            (_, "*") => 1,
            _ if self.has_no_range() => 2,
            _ => 3,
        }
    }

    /// Whether that range takes in this type: where both have parameters, or neither, they must be equal; parameters
    /// that the range does not have do not matter.
    #[must_use]
    pub fn matches(&self, range: &Self) -> bool {
        let meets = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && (a == b || a == "*" || b == "*");
        meets(&self.main, &range.main)
            && meets(&self.sub, &range.sub)
            && (range.has_no_range() || self.range() == range.range())
    }
}

impl MediaType {
    /// The parameters but for the quality.
    fn range(&self) -> IndexMap<&str, &str> {
        let all = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| *name != "q").collect()
    }

    fn has_no_range(&self) -> bool {
        self.parameters.keys().all(|name| name == "q")
    }
}

/// The type with its parameters, the quality among them.
impl std::fmt::Display for MediaType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.main)?;
        if !self.sub.is_empty() {
            write!(f, "/{}", self.sub)?;
        }
        self.parameters.iter().try_for_each(|(name, value)| write!(f, "; {name}={value}"))
    }
}

/// The types of an `Accept` header, the most wanted first.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptedTypes(Vec<MediaType>);

impl AcceptedTypes {
    /// Without a header a client takes everything.
    pub(crate) fn any() -> Self {
        Self(vec![MediaType::parse("*/*")])
    }

    /// Reads the header: by quality, then by how specific a type is, then by place; those with `q=0` are left out.
    pub(crate) fn parse(header: &str) -> Self {
        let mut types: Vec<_> = header
            .split(',')
            .filter(|token| !token.trim().is_empty())
            .map(MediaType::parse)
            .filter(|media_type| media_type.quality != 0.0)
            .collect();
        types.sort_by(|a, b| by(b, a));
        Self(types)
    }

    /// The types, the most wanted first.
    pub fn iter(&self) -> impl Iterator<Item = &MediaType> {
        self.0.iter()
    }

    /// The place of the most specific of the ranges that take that type in, best quality first.
    pub(crate) fn best(&self, media_type: &MediaType) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, range) in self.0.iter().enumerate().filter(|(_, range)| media_type.matches(range)) {
            let better = best.is_none_or(|known| range.specificity() > self.0[known].specificity());
            if better {
                best = Some(at);
            }
        }
        best
    }

    pub(crate) fn preferred<'a>(&self, media_types: &[&'a str]) -> Option<&'a str> {
        media_types
            .iter()
            .filter_map(|media_type| Some((self.best(&MediaType::parse(media_type))?, *media_type)))
            .min_by_key(|(at, _)| *at)
            .map(|(_, media_type)| media_type)
    }
}

/// By quality, then by how specific they are. A quality that is no number is less than any: Python's sort leaves such a type
/// wherever it happens to come to, and a sort of Rust's panics over an order that contradicts itself.
fn by(a: &MediaType, b: &MediaType) -> Ordering {
    let rank = |of: &MediaType| if of.quality.is_nan() { -1.0 } else { of.quality };
    rank(a).total_cmp(&rank(b)).then(a.specificity().cmp(&b.specificity()))
}

/// Python's `float()` and `round(…, 3)`; what is no number, or none between 0 and 1, counts as 1.
fn quality(text: &str) -> f64 {
    let text: Cow<'_, str> = match text.trim() {
        digits if digits.contains('_') => {
            let between = |at: usize| {
                digits[..at].ends_with(|c: char| c.is_ascii_digit())
                    && digits[at + 1..].starts_with(|c: char| c.is_ascii_digit())
            };
            if !digits.match_indices('_').all(|(at, _)| between(at)) {
                return 1.0;
            }
            Cow::Owned(digits.replace('_', ""))
        }
        plain => Cow::Borrowed(plain),
    };
    match text.parse::<f64>() {
        Ok(quality) if quality.is_nan() => quality,
        Ok(quality) if (0.0..=1.0).contains(&quality) => format!("{quality:.3}").parse().unwrap_or(1.0),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::vectors;

    #[test]
    fn headers_are_read_as_django_reads_them() {
        for case in vectors::load("accept") {
            let types = case["in"].as_str().map_or_else(AcceptedTypes::any, AcceptedTypes::parse);
            let shown: Vec<String> = types.iter().map(ToString::to_string).collect();
            assert_eq!(serde_json::json!(shown), case["accepted_types"], "{case}");
            for (media_type, accepted) in case["accepts"].as_object().unwrap() {
                let best = types.best(&MediaType::parse(media_type));
                assert_eq!(best.is_some(), accepted.as_bool().unwrap(), "{media_type} of {case}");
            }
            for choice in case["preferred"].as_array().unwrap() {
                let of: Vec<&str> =
                    choice["of"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
                assert_eq!(types.preferred(&of), choice["out"].as_str(), "{choice} of {case}");
            }
        }
    }

    #[test]
    fn a_quality_that_is_no_number_stops_no_sort() {
        for count in [2, 21, 64, 200] {
            let one = |at: usize| match at % 3 {
                0 => format!("a/{at};q=nan"),
                1 => format!("*/*;q=0.{}", at % 10),
                _ => format!("a/{at};q=-nan;level=1"),
            };
            let header = (0..count).map(one).collect::<Vec<_>>().join(",");
            let types = AcceptedTypes::parse(&header);
            let qualities: Vec<f64> = types.iter().map(MediaType::quality).collect();
            let numbers = qualities.iter().take_while(|quality| !quality.is_nan()).count();
            assert!(qualities[..numbers].is_sorted_by(|a, b| a >= b), "{qualities:?}");
            assert!(qualities[numbers..].iter().all(|quality| quality.is_nan()), "{qualities:?}");
        }
    }

    #[test]
    fn types_match_as_djangos_do() {
        for case in vectors::load("media_types") {
            let [a, b] = ["a", "b"].map(|key| MediaType::parse(case[key].as_str().unwrap()));
            assert_eq!(a.matches(&b), case["match"].as_bool().unwrap(), "{case}");
            assert_eq!(Some(u64::from(a.specificity())), case["a_specificity"].as_u64(), "{case}");
            match case["a_quality"].as_f64() {
                Some(quality) => assert!((a.quality() - quality).abs() < 1e-9, "{case}"),
                None => assert!(a.quality().is_nan(), "{case}"),
            }
        }
    }
}
