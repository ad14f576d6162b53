//! A backtrace's text taken apart: what was called, and where.

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) file: String,
    pub(super) line: usize,
}

/// The calls that have a place, the innermost first.
pub(super) fn frames(backtrace: &str) -> Vec<Frame> {
    let mut found = Vec::new();
    let mut function = "";
    for line in backtrace.lines() {
        let line = line.trim_start();
        if let Some(place) = line.strip_prefix("at ") {
            let mut parts = place.rsplitn(3, ':');
            let (_column, number, file) = (parts.next(), parts.next(), parts.next());
            if let (Some(Ok(line)), Some(file)) = (number.map(str::parse), file) {
                found.push(Frame { function: function.to_owned(), file: file.to_owned(), line });
            }
        } else if let Some((number, name)) = line.split_once(": ")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            function = name;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Frame, frames};

    #[test]
    fn a_backtrace_is_taken_apart() {
        let text = "   0: std::backtrace_rs::backtrace::trace\n             at /rustc/x/library/std/src/b.rs:66:5\n   \
                    1: <nuages::error::Error as core::convert::From<E>>::from\n             at ./framework/src/error.rs:99:9\n   \
                    2: shop::views::buy::{{closure}}\n             at ./apps/shop/src/views.rs:12:30\n   \
                    3: main\n   4: shop::x\n             at C:\\x\\y.rs:7:1\n";
        let frame =
            |function: &str, file: &str, line| Frame { function: function.into(), file: file.into(), line };
        assert_eq!(
            frames(text),
            [
                frame("std::backtrace_rs::backtrace::trace", "/rustc/x/library/std/src/b.rs", 66),
                frame(
                    "<nuages::error::Error as core::convert::From<E>>::from",
                    "./framework/src/error.rs",
                    99
                ),
                frame("shop::views::buy::{{closure}}", "./apps/shop/src/views.rs", 12),
                frame("shop::x", "C:\\x\\y.rs", 7)
            ]
        );
        assert_eq!(frames("disabled backtrace"), []);
    }
}
