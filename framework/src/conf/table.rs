//! A table with known members as a kind of setting: an entry of `DATABASES`, of `CACHES`, of `TEMPLATES`.

/// Makes a struct of a table's members, which can then be a setting's type or lie in a list or in a table by alias.
///
/// The members are the fields' names in capitals (`names upper`, as in Django's `DATABASES`) or as they are
/// (`names lower`, as in Django's `OPTIONS`). An unknown member, and every member of a wrong kind, is a fault of its own.
///
/// ```
/// use std::collections::BTreeMap;
/// use nuages::conf::{section::SectionDef, settings::Settings};
///
/// nuages::settings_table! {
///     /// A warehouse.
///     pub struct Warehouse, names upper {
///         /// Where it stands.
///         town: String = "Thimphu",
///         /// How many parcels it holds.
///         room: u64 = 1_000,
///     }
/// }
/// nuages::settings_section! {
///     /// The shop's settings.
///     pub struct ShopSettings, prefix "SHOP_" {
///         /// The warehouses by name.
///         warehouses: BTreeMap<String, Warehouse> = BTreeMap::new(),
///     }
/// }
///
/// let shop = [SectionDef::of::<ShopSettings>()];
/// let text = "SECRET_KEY = 'k'\n[SHOP_WAREHOUSES.north]\nTOWN = 'Paro'\nROOM = 'much'\nROMO = 1";
/// assert_eq!(
///     Settings::from_toml(text, &shop).unwrap_err().to_string(),
///     "the settings have 2 faults:\n\n\
///      settings.toml:4: SHOP_WAREHOUSES.north.ROOM is \"much\"\n    allowed: a whole number, 0 or more\n\n\
///      settings.toml:5: SHOP_WAREHOUSES.north.ROMO is not a setting\n    the nearest known name is ROOM",
/// );
/// ```
#[macro_export]
macro_rules! settings_table {
    ($(#[$meta:meta])* $vis:vis struct $name:ident, names upper { $($fields:tt)* }) => {
        $crate::__settings_table! { true, $(#[$meta])* $vis struct $name { $($fields)* } }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident, names lower { $($fields:tt)* }) => {
        $crate::__settings_table! { false, $(#[$meta])* $vis struct $name { $($fields)* } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __settings_table {
    (
        $capitals:literal,
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $field:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $(
                $(#[doc = $doc])+
                #[doc = ""]
                #[doc = concat!("Default: `", stringify!($default), "`.")]
                pub $field: $type,
            )*
        }

        impl $name {
            /// The members' names, in the order of the fields.
            pub const MEMBERS: &'static [&'static str] = &[$( $crate::__setting_name!("", $field, $capitals) ),*];
        }

        impl ::std::default::Default for $name {
            fn default() -> Self {
                Self { $( $field: <$type as $crate::conf::kind::FromDefault<_>>::from_default($default) ),* }
            }
        }

        impl $crate::conf::kind::SettingKind for $name {
            const SECRET: bool = $( <$type as $crate::conf::kind::SettingKind>::SECRET || )* false;

            fn allowed() -> ::std::borrow::Cow<'static, str> {
                ::std::format!("a table with {}", Self::MEMBERS.join(", ")).into()
            }

            fn read(
                written: &$crate::conf::written::Written,
                setting: &str,
                faults: &mut ::std::vec::Vec<$crate::conf::fault::SettingsFault>,
            ) -> ::std::option::Option<Self> {
                let Some(members) = written.table() else {
                    faults.push($crate::conf::fault::SettingsFault::wrong(written, setting, Self::allowed(), Self::SECRET));
                    return None;
                };
                let before = faults.len();
                let mut table = Self::default();
                let mut reader = $crate::conf::section::Reader::new(members, ::std::format!("{setting}."), faults);
                reader.refuse_others(Self::MEMBERS);
                $( reader.setting($crate::__setting_name!("", $field, $capitals), &mut table.$field); )*
                (faults.len() == before).then_some(table)
            }

            /// The members that differ from their defaults.
            fn show(&self) -> $crate::conf::kind::Shown {
                let default = Self::default();
                let mut shown = ::std::vec::Vec::new();
                $(
                    if self.$field != default.$field {
                        let value = $crate::conf::kind::SettingKind::show(&self.$field);
                        shown.push(($crate::__setting_name!("", $field, $capitals).to_owned(), value));
                    }
                )*
                $crate::conf::kind::Shown::Table(shown.into_iter().collect())
            }
        }
    };
}
