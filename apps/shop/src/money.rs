//! Prices.

use std::fmt;

use serde::{Serialize, Serializer};

/// Euro cents. A template gets the text: `€1,890.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cents(pub(crate) u64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (euros, cents) = ((self.0 / 100).to_string(), self.0 % 100);
        f.write_str("€")?;
        for (at, digit) in euros.chars().enumerate() {
            if at > 0 && (euros.len() - at) % 3 == 0 {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ".{cents:02}")
    }
}

impl Serialize for Cents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text() {
        let check = |cents: u64, text: &str| assert_eq!(Cents(cents).to_string(), text);
        check(0, "€0.00");
        check(5, "€0.05");
        check(99_999, "€999.99");
        check(189_000, "€1,890.00");
        check(12_345_678_900, "€123,456,789.00");
    }
}
