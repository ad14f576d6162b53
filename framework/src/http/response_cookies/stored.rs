//! The cookies of a response as a value, for a page that is kept.

use crate::http::response_cookies::{Morsel, ResponseCookies};
use crate::serialize::value::{Dict, Value};

impl ResponseCookies {
    /// All of them, as a value that [`ResponseCookies::from_value`] reads.
    pub(crate) fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(|morsel| Value::Dict(morsel.to_dict())).collect())
    }

    /// What [`ResponseCookies::to_value`] gave; `None` for anything else.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let Value::List(morsels) = value else { return None };
        morsels.iter().map(Morsel::from_value).collect::<Option<_>>().map(Self)
    }
}

impl Morsel {
    fn to_dict(&self) -> Dict {
        let mut dict = Dict::new();
        for (key, text) in [
            ("name", &*self.name),
            ("value", &*self.value),
            ("domain", &*self.domain),
            ("expires", &*self.expires),
            ("path", &*self.path),
            ("same_site", &*self.same_site),
        ] {
            dict.insert(key, text);
        }
        for (key, flag) in
            [("http_only", self.http_only), ("partitioned", self.partitioned), ("secure", self.secure)]
        {
            dict.insert(key, flag);
        }
        dict.insert("max_age", self.max_age.map_or(Value::None, Value::Int));
        dict
    }

    fn from_value(value: &Value) -> Option<Self> {
        let Value::Dict(dict) = value else { return None };
        let text = |key: &str| dict.get(key)?.as_str().map(str::to_owned);
        let flag = |key: &str| match dict.get(key)? {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        };
        Some(Self {
            name: text("name")?,
            value: text("value")?,
            domain: text("domain")?,
            expires: text("expires")?,
            http_only: flag("http_only")?,
            max_age: match dict.get("max_age")? {
                Value::None => None,
                Value::Int(seconds) => Some(*seconds),
                _ => return None,
            },
            partitioned: flag("partitioned")?,
            path: text("path")?.into(),
            same_site: text("same_site")?.into(),
            secure: flag("secure")?,
        })
    }
}
