//! Decimal digits at a fixed width: for the dates that every request writes, without the formatting machinery.

/// Writes the last digits of a number over all of `place`, with zeros in front.
pub(crate) fn put(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        // A remainder of ten fits into a byte.
        #[allow(clippy::cast_possible_truncation)]
        let last = (number % 10) as u8;
        *digit = b'0' + last;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_place_is_written() {
        for (number, text) in [(0, "0000"), (7, "0007"), (2026, "2026"), (12_026, "2026")] {
            let mut place = *b"xxxx";
            put(&mut place, number);
            assert_eq!(std::str::from_utf8(&place), Ok(text));
        }
        put(&mut [], 1);
    }
}
