//! A closed set of words as a kind of setting.

/// Makes an enum of the words that a setting may be; a fault lists them.
///
/// ```
/// use nuages::conf::settings::Settings;
///
/// nuages::setting_choice! {
///     /// When parcels leave the house.
///     pub enum Dispatch {
///         /// With the next van.
///         Now = "now",
///         /// With the last van of the day.
///         Evening = "evening",
///     }
/// }
/// nuages::settings_section! {
///     /// The shop's settings.
///     pub struct ShopSettings, prefix "SHOP_" {
///         /// When parcels leave the house.
///         dispatch: Dispatch = Dispatch::Now,
///     }
/// }
///
/// let shop = [nuages::conf::section::SectionDef::of::<ShopSettings>()];
/// let faults = Settings::from_toml("SECRET_KEY = 'k'\nSHOP_DISPATCH = 'tomorrow'", &shop).unwrap_err();
/// assert_eq!(
///     faults.faults()[0].to_string(),
///     "settings.toml:2: SHOP_DISPATCH is \"tomorrow\"\n    allowed: \"now\", \"evening\"",
/// );
/// ```
#[macro_export]
macro_rules! setting_choice {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name {
            $( $(#[$variant_meta])* #[doc = ""] #[doc = concat!("Written `\"", $word, "\"`.")] $variant ),+
        }

        impl $name {
            /// Every one of them, in the order that faults list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is written in the settings.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::conf::kind::SettingKind for $name {
            fn allowed() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed($crate::__setting_words!($($word),+))
            }

            fn read(
                written: &$crate::conf::written::Written,
                setting: &str,
                faults: &mut ::std::vec::Vec<$crate::conf::fault::SettingsFault>,
            ) -> ::std::option::Option<Self> {
                let word = written.text();
                let found = Self::ALL.iter().copied().find(|choice| word == Some(choice.as_str()));
                if found.is_none() {
                    faults.push($crate::conf::fault::SettingsFault::wrong(written, setting, Self::allowed(), false));
                }
                found
            }

            fn show(&self) -> $crate::conf::kind::Shown {
                $crate::conf::kind::Shown::from(self.as_str())
            }
        }
    };
}

/// The words in quotes, separated by commas, as one literal.
#[doc(hidden)]
#[macro_export]
macro_rules! __setting_words {
    ($first:literal $(, $word:literal)*) => {
        concat!("\"", $first, "\"" $(, ", \"", $word, "\"")*)
    };
}
