//! What a [`Dict`] can do.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use indexmap::Equivalent;

use crate::serialize::key::hash_text;
use crate::serialize::value::{Dict, Entries, Key, Value};

/// What a dict holds that nothing was put into.
static NOTHING: LazyLock<Entries> = LazyLock::new(Entries::new);

/// Text looked up as a key without making one.
struct TextKey<'a>(&'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_text(self.0, state);
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.as_str() == Some(self.0)
    }
}

impl Dict {
    /// An empty dict.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty dict with room for so many entries.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: (capacity > 0).then(|| Arc::new(Entries::with_capacity(capacity))) }
    }

    fn entries(&self) -> &Entries {
        self.entries.as_deref().unwrap_or_else(|| &NOTHING)
    }

    /// The entries to be changed: those of this dict alone from now on.
    fn own(&mut self) -> &mut Entries {
        Arc::make_mut(self.entries.get_or_insert_default())
    }

    /// The same, if what is to be changed is there: nothing is copied in vain.
    fn own_if(&mut self, there: impl FnOnce(&Entries) -> bool) -> Option<&mut Entries> {
        let entries = self.entries.as_mut()?;
        there(entries).then(|| Arc::make_mut(entries))
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// The value of a text key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().get(&TextKey(key))
    }

    /// The value of a text key, to be changed in place.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.own_if(|entries| entries.contains_key(&TextKey(key)))?.get_mut(&TextKey(key))
    }

    /// The value of a key of any kind.
    #[must_use]
    pub fn get_key(&self, key: &Key) -> Option<&Value> {
        self.entries().get(key)
    }

    /// Whether it has that text key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.entries().contains_key(&TextKey(key))
    }

    /// Sets a value and gives back the one it replaces.
    ///
    /// As in Python, a key that is there keeps its place and its own form (`d = {1: "a"}; d[1.0] = "b"` is `{1: "b"}`).
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        self.own().insert(key.into(), value.into())
    }

    /// Takes a text key out; the rest keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.own_if(|entries| entries.contains_key(&TextKey(key)))?.shift_remove(&TextKey(key))
    }

    /// Takes a key of any kind out; the rest keep their order.
    pub fn remove_key(&mut self, key: &Key) -> Option<Value> {
        self.own_if(|entries| entries.contains_key(key))?.shift_remove(key)
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.entries = None;
    }

    /// The entries in order.
    pub fn iter(&self) -> Iter<'_> {
        self.entries().iter()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Key> + DoubleEndedIterator {
        self.entries().keys()
    }

    /// The values in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator {
        self.entries().values()
    }
}

impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dict").field("entries", self.entries()).finish()
    }
}

/// The entries of a [`Dict`] in order.
pub type Iter<'a> = indexmap::map::Iter<'a, Key, Value>;

impl<'a> IntoIterator for &'a Dict {
    type Item = (&'a Key, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Dict {
    type Item = (Key, Value);
    type IntoIter = indexmap::map::IntoIter<Key, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.map(Arc::unwrap_or_clone).unwrap_or_default().into_iter()
    }
}

impl<K: Into<Key>, V: Into<Value>> Extend<(K, V)> for Dict {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_some() {
            self.own().extend(entries.map(|(key, value)| (key.into(), value.into())));
        }
    }
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut dict = Self::new();
        dict.extend(entries);
        dict
    }
}

impl<K: Into<Key>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Dict {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(dict: &Dict) -> Vec<&str> {
        dict.keys().filter_map(Key::as_str).collect()
    }

    #[test]
    fn keys_keep_their_places() {
        let mut dict = Dict::from([("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(dict.insert("a", 9), Some(Value::Int(1)));
        assert_eq!(texts(&dict), ["a", "b", "c"]);
        assert_eq!(dict.remove("a"), Some(Value::Int(9)));
        assert_eq!(dict.remove("a"), None);
        dict.insert("a", 1);
        assert_eq!(texts(&dict), ["b", "c", "a"]);
        assert_eq!(dict.remove_key(&Key::from("c")), Some(Value::Int(3)));
        assert_eq!(texts(&dict), ["b", "a"]);
        dict.clear();
        assert!(dict.is_empty());
    }

    #[test]
    fn the_first_form_of_a_key_stays() {
        let mut dict = Dict::new();
        dict.insert(1_i64, "int");
        assert_eq!(dict.insert(true, "bool"), Some(Value::from("int")));
        let entries: Vec<_> = dict.iter().collect();
        assert_eq!(entries, [(&Key::from(1_i64), &Value::from("bool"))]);
        assert_eq!(entries[0].0.value(), &Value::Int(1));
        assert!(!dict.contains_key("1"));
    }

    #[test]
    fn a_clone_and_its_original_go_their_own_ways() {
        let mut one = Dict::from([("a", 1), ("b", 2)]);
        let mut other = one.clone();
        assert_eq!((other.remove("c"), other.get_mut("c")), (None, None));
        assert!(std::ptr::eq(one.entries(), other.entries()), "nothing was changed");
        other.insert("c", 3);
        *one.get_mut("a").unwrap() = Value::Int(9);
        let third = one.clone();
        one.clear();
        assert_eq!(
            (one.len(), texts(&other), other.get("a")),
            (0, vec!["a", "b", "c"], Some(&Value::Int(1)))
        );
        assert_eq!(third.clone().into_iter().count(), third.len());
        assert_eq!(third, Dict::from([("a", 9), ("b", 2)]));
    }

    #[test]
    fn a_dict_that_was_emptied_is_an_empty_one() {
        let mut emptied = Dict::from([("a", 1)]);
        emptied.remove("a");
        for empty in [Dict::new(), Dict::with_capacity(9), Dict::from([("a", 1); 0]), emptied] {
            assert_eq!(empty, Dict::new());
            assert_eq!((empty.len(), empty.iter().next(), empty.get("a")), (0, None, None));
        }
    }

    #[test]
    fn values_are_small() {
        assert_eq!((size_of::<Dict>(), size_of::<Value>()), (8, 32));
    }

    #[test]
    fn equality_ignores_order() {
        assert_eq!(Dict::from([("a", 1), ("b", 2)]), Dict::from([("b", 2), ("a", 1)]));
        assert_ne!(Dict::from([("a", 1)]), Dict::from([("a", 2)]));
    }
}
