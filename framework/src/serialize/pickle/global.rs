//! The classes and functions that a pickle may name: the allow-list.

use crate::serialize::pickle::fault::DecodeError;

/// A name that data needs. Everything else is refused where it is named, before anything could be made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Global {
    DateTime,
    Date,
    Time,
    TimeDelta,
    TimeZone,
    Decimal,
    Uuid,
    Set,
    FrozenSet,
    Bytes,
    ByteArray,
    Complex,
    /// `object`: only as the base that [`Global::Reconstructor`] is told.
    Object,
    /// `copyreg._reconstructor`: how protocols 0 and 1 make an object of a class.
    Reconstructor,
    /// `_codecs.encode`: how protocols 0 to 2, which have no bytes, write them.
    Encode,
}

/// Module, name, meaning. `builtins` and `copyreg` have other names in protocols 0 to 2: those of Python 2.
const GLOBALS: &[(&str, &str, Global)] = &[
    ("datetime", "datetime", Global::DateTime),
    ("datetime", "date", Global::Date),
    ("datetime", "time", Global::Time),
    ("datetime", "timedelta", Global::TimeDelta),
    ("datetime", "timezone", Global::TimeZone),
    ("decimal", "Decimal", Global::Decimal),
    ("uuid", "UUID", Global::Uuid),
    ("builtins", "set", Global::Set),
    ("builtins", "frozenset", Global::FrozenSet),
    ("builtins", "bytes", Global::Bytes),
    ("builtins", "bytearray", Global::ByteArray),
    ("builtins", "complex", Global::Complex),
    ("builtins", "object", Global::Object),
    ("copyreg", "_reconstructor", Global::Reconstructor),
    ("_codecs", "encode", Global::Encode),
];

impl Global {
    /// What a pickle means by that name.
    pub(super) fn find(module: &str, name: &str) -> Result<Self, DecodeError> {
        let today = match module {
            "__builtin__" => "builtins",
            "copy_reg" => "copyreg",
            other => other,
        };
        GLOBALS
            .iter()
            .find(|(in_module, named, _)| *in_module == today && *named == name)
            .map(|(_, _, global)| *global)
            .ok_or_else(|| DecodeError::Refused { module: module.to_owned(), name: name.to_owned() })
    }

    /// Its module and name, as Python 3 writes them.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        GLOBALS
            .iter()
            .find(|(_, _, global)| *global == self)
            .map_or(("builtins", "object"), |(module, name, _)| (*module, *name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_global_has_its_names() {
        for (module, name, global) in GLOBALS {
            assert_eq!(global.names(), (*module, *name));
            assert_eq!(Global::find(module, name), Ok(*global));
        }
        assert_eq!(Global::find("__builtin__", "set"), Ok(Global::Set));
        assert_eq!(Global::find("copy_reg", "_reconstructor"), Ok(Global::Reconstructor));
    }

    #[test]
    fn everything_else_is_refused_by_its_name() {
        for (module, name) in [
            ("os", "system"),
            ("posix", "system"),
            ("nt", "system"),
            ("subprocess", "Popen"),
            ("builtins", "eval"),
            ("builtins", "exec"),
            ("builtins", "getattr"),
            ("builtins", "__import__"),
            ("__builtin__", "apply"),
            ("copyreg", "__newobj__"),
            ("copyreg", "add_extension"),
            ("_codecs", "decode"),
            ("datetime", "datetime.now"),
            ("datetime", "tzinfo"),
            ("zoneinfo", "ZoneInfo"),
            ("pytz", "_UTC"),
            ("collections", "OrderedDict"),
            ("functools", "partial"),
            ("operator", "attrgetter"),
            ("uuid", "uuid4"),
            ("uuid", "_ifconfig_getter"),
            ("", ""),
        ] {
            assert_eq!(
                Global::find(module, name),
                Err(DecodeError::Refused { module: module.to_owned(), name: name.to_owned() })
            );
        }
    }
}
