//! `Range` and `If-Range`: which part of a file is asked for (RFC 9110 section 14).

use std::ops::Range;

use crate::http::date::parse_http_date;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// All of it: nothing else is asked for, or not in words that can be followed.
    Whole,
    /// These bytes: 206.
    Of(Range<u64>),
    /// None that there are: 416.
    Beyond,
}

/// The part that a `Range` header asks for, of so many bytes. With an `If-Range` that names another state of the file (its
/// ETag, or its date in seconds since 1970), it is all of it.
///
/// Several parts at once are answered with the whole: no browser asks for them, and thousands of tiny ones are an attack.
///
/// ```
/// use nuages::http::range::{Part, part};
///
/// assert_eq!(part(Some("bytes=0-3"), None, None, None, 10), Part::Of(0..4));
/// assert_eq!(part(Some("bytes=-3"), None, None, None, 10), Part::Of(7..10));
/// assert_eq!(part(Some("bytes=10-"), None, None, None, 10), Part::Beyond);
/// assert_eq!(part(Some("bytes=0-3"), Some("\"new\""), Some("\"old\""), None, 10), Part::Whole);
/// ```
#[must_use]
pub fn part(
    range: Option<&str>,
    if_range: Option<&str>,
    etag: Option<&str>,
    modified: Option<i64>,
    length: u64,
) -> Part {
    let Some(range) = range else { return Part::Whole };
    let is_current = match if_range {
        None => true,
        // A weak ETag matches nothing here (section 13.1.5).
        Some(tag) if tag.starts_with('"') => Some(tag) == etag,
        Some(date) => modified.is_some() && parse_http_date(date) == modified,
    };
    let asked = range.strip_prefix("bytes=").filter(|_| is_current);
    let Some((first, last)) = asked.and_then(|range| range.trim().split_once('-')) else {
        return Part::Whole;
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if last < first => Part::Whole,
        (Some(Some(first)), Some(_)) if first >= length => Part::Beyond,
        (Some(Some(first)), Some(last)) => {
            Part::Of(first..last.map_or(length, |last| last.saturating_add(1).min(length)))
        }
        (Some(None), Some(Some(count))) => match count.min(length) {
            0 => Part::Beyond,
            count => Part::Of(length - count..length),
        },
        _ => Part::Whole,
    }
}

/// Digits, or nothing at all. A number beyond 64 bits is beyond any file.
#[allow(clippy::option_option, reason = "no number, none said, one said")]
fn number(text: &str) -> Option<Option<u64>> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_part_of_a_file() {
        for (range, expected) in [
            ("bytes=0-0", Part::Of(0..1)),
            ("bytes=3-", Part::Of(3..10)),
            ("bytes=3-99", Part::Of(3..10)),
            ("bytes=-4", Part::Of(6..10)),
            ("bytes=-99", Part::Of(0..10)),
            ("bytes=9-99999999999999999999999", Part::Of(9..10)),
            ("bytes=10-", Part::Beyond),
            ("bytes=99999999999999999999999-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=5-3", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(Some(range), None, None, None, 10), expected, "{range}");
        }
        assert_eq!(part(Some("bytes=0-"), None, None, None, 0), Part::Beyond);
        let if_range = |tag| part(Some("bytes=0-0"), Some(tag), Some("\"e\""), Some(5), 10);
        assert_eq!(if_range("\"e\""), Part::Of(0..1));
        assert_eq!(if_range("Thu, 01 Jan 1970 00:00:05 GMT"), Part::Of(0..1));
        for other in ["\"x\"", "W/\"e\"", "Thu, 01 Jan 1970 00:00:06 GMT", "x"] {
            assert_eq!(if_range(other), Part::Whole, "{other}");
        }
    }

    #[test]
    fn thousands_of_parts_take_no_time() {
        let evil = format!("bytes={}", "0-1,".repeat(1_000_000));
        let start = std::time::Instant::now();
        assert_eq!(part(Some(&evil), None, None, None, 10), Part::Whole);
        assert!(start.elapsed() < std::time::Duration::from_secs(1));
    }

    proptest! {
        #[test]
        fn a_part_is_within_the_file(range in "(bytes=)?[0-9,-]{0,25}", length in 0..1000_u64) {
            if let Part::Of(range) = part(Some(&range), None, None, None, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
