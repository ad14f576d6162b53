//! Columns that somebody else may have filled: what cannot be read is a value of its own, not an error of the whole
//! statement.
//!
//! SQLite lets any column hold anything: bytes where text should be, text that is no UTF-8, a date that is none. The
//! servers do not, and never give such a value.

use crate::db::timestamp::Timestamp;

/// A text, or bytes that are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoredText {
    Text(String),
    Unreadable,
}

impl StoredText {
    /// The text, if it is one.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unreadable => None,
        }
    }
}

/// A date and time; `None` if what is there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredTime(pub(crate) Option<Timestamp>);

#[cfg(feature = "sqlite")]
mod sqlite {
    use sqlx::error::BoxDynError;
    use sqlx::sqlite::{Sqlite, SqliteTypeInfo, SqliteValueRef};
    use sqlx::{Decode, Type};

    use super::{StoredText, StoredTime};
    use crate::db::timestamp::Timestamp;

    impl Type<Sqlite> for StoredText {
        fn type_info() -> SqliteTypeInfo {
            <String as Type<Sqlite>>::type_info()
        }

        fn compatible(_: &SqliteTypeInfo) -> bool {
            true
        }
    }

    impl<'r> Decode<'r, Sqlite> for StoredText {
        fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
            let bytes = <&[u8] as Decode<'r, Sqlite>>::decode(value)?;
            Ok(std::str::from_utf8(bytes).map_or(Self::Unreadable, |text| Self::Text(text.to_owned())))
        }
    }

    impl Type<Sqlite> for StoredTime {
        fn type_info() -> SqliteTypeInfo {
            <Timestamp as Type<Sqlite>>::type_info()
        }

        fn compatible(_: &SqliteTypeInfo) -> bool {
            true
        }
    }

    impl<'r> Decode<'r, Sqlite> for StoredTime {
        fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
            let bytes = <&[u8] as Decode<'r, Sqlite>>::decode(value)?;
            Ok(Self(std::str::from_utf8(bytes).ok().and_then(|text| Timestamp::parse(text).ok())))
        }
    }
}

/// A server's columns hold what they are declared to hold.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! sound {
    ($DB:ty) => {
        impl sqlx::Type<$DB> for StoredText {
            fn type_info() -> <$DB as sqlx::Database>::TypeInfo {
                <String as sqlx::Type<$DB>>::type_info()
            }

            fn compatible(kind: &<$DB as sqlx::Database>::TypeInfo) -> bool {
                <String as sqlx::Type<$DB>>::compatible(kind)
            }
        }

        impl<'r> sqlx::Decode<'r, $DB> for StoredText {
            fn decode(
                value: <$DB as sqlx::Database>::ValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                <String as sqlx::Decode<'r, $DB>>::decode(value).map(Self::Text)
            }
        }

        impl sqlx::Type<$DB> for StoredTime {
            fn type_info() -> <$DB as sqlx::Database>::TypeInfo {
                <Timestamp as sqlx::Type<$DB>>::type_info()
            }

            fn compatible(kind: &<$DB as sqlx::Database>::TypeInfo) -> bool {
                <Timestamp as sqlx::Type<$DB>>::compatible(kind)
            }
        }

        impl<'r> sqlx::Decode<'r, $DB> for StoredTime {
            fn decode(
                value: <$DB as sqlx::Database>::ValueRef<'r>,
            ) -> Result<Self, sqlx::error::BoxDynError> {
                <Timestamp as sqlx::Decode<'r, $DB>>::decode(value).map(|at| Self(Some(at)))
            }
        }
    };
}

#[cfg(feature = "postgres")]
sound!(sqlx::Postgres);

#[cfg(feature = "mysql")]
sound!(sqlx::MySql);
