//! What cannot be written, and the limits.

/// How deep lists and dicts may be nested in JSON, either way.
///
/// Python stops with a `RecursionError` when containers and the frames of its callers together pass 1000: a bare
/// interpreter reads and writes 994 levels, a view under Django some dozens less.
pub const MAX_DEPTH: usize = 994;

/// How many digits an integer may have in JSON, either way: Python's `sys.int_info.default_max_str_digits`.
pub const MAX_DIGITS: usize = 4300;

/// Why a value has no JSON or no pickle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A value of a kind that JSON does not have: Python's `TypeError`.
    #[error("Object of type {0} is not JSON serializable; make it text, a number, a list or a dict first")]
    Type(&'static str),
    /// A key of a kind that JSON does not have: Python's `TypeError`.
    #[error("keys must be str, int, float, bool or None, not {0}")]
    KeyType(&'static str),
    /// An integer of too many digits: Python's `ValueError`.
    #[error("Exceeds the limit ({MAX_DIGITS} digits) for integer string conversion")]
    Digits,
    /// Nested too deep: Python's `RecursionError`.
    #[error("containers are nested too deep for Python: JSON holds {MAX_DEPTH} levels, a pickle 499")]
    Depth,
    /// A value that a Rust type can hold and Python's cannot: a year beyond 9999, text that is no `Decimal`. Python's
    /// `ValueError`.
    #[error("no {type_name} of Python can hold {value}")]
    Range {
        /// The class in Python.
        type_name: &'static str,
        /// The value, as text.
        value: String,
    },
}

impl EncodeError {
    /// The name of the exception that Python raises: `TypeError`, `ValueError` or `RecursionError`.
    #[must_use]
    pub const fn python_name(&self) -> &'static str {
        match self {
            Self::Type(_) | Self::KeyType(_) => "TypeError",
            Self::Digits | Self::Range { .. } => "ValueError",
            Self::Depth => "RecursionError",
        }
    }
}
