//! `OPTIONS` of an entry of `CACHES`, read with every fault at once.

#[cfg(any(feature = "memcached", feature = "redis"))]
use std::time::Duration;

use crate::cache::caches::BackendParts;
use crate::checks::CheckMessage;
use crate::conf::secret::{Options, sounds_secret};
use crate::conf::section::nearest;

/// Takes the members of `OPTIONS` one by one; [`OptionReader::finish`] says what was wrong, and what nobody took.
#[derive(Debug)]
pub(super) struct OptionReader<'a> {
    parts: &'a BackendParts<'a>,
    known: Vec<&'static str>,
    faults: Vec<CheckMessage>,
}

impl<'a> OptionReader<'a> {
    pub(super) const fn new(parts: &'a BackendParts<'a>) -> Self {
        Self { parts, known: Vec::new(), faults: Vec::new() }
    }

    fn options(&self) -> &'a Options {
        &self.parts.settings.options
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, name: &'static str) -> Option<usize> {
        self.known.push(name);
        let written = self.options().get(name)?;
        let count = written.as_integer().and_then(|number| usize::try_from(number).ok());
        if count.is_none() {
            self.wrong(name, written, "a whole number, 0 or more");
        }
        count
    }

    /// A number of seconds, more than zero.
    #[cfg(any(feature = "memcached", feature = "redis"))]
    pub(super) fn seconds(&mut self, name: &'static str) -> Option<Duration> {
        self.known.push(name);
        let written = self.options().get(name)?;
        #[allow(clippy::cast_precision_loss, reason = "no sensible number of seconds is that large")]
        let number = written.as_float().or_else(|| written.as_integer().map(|number| number as f64));
        let time = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
        let time = time.filter(|time| !time.is_zero());
        if time.is_none() {
            self.wrong(name, written, "a number of seconds, more than 0");
        }
        time
    }

    /// `true` or `false`.
    #[cfg(any(feature = "memcached", feature = "redis"))]
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.known.push(name);
        let written = self.options().get(name)?;
        let flag = written.as_bool();
        if flag.is_none() {
            self.wrong(name, written, "true or false");
        }
        flag
    }

    /// A text.
    #[cfg(feature = "redis")]
    pub(super) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        self.known.push(name);
        let written = self.options().get(name)?;
        let text = written.as_str();
        if text.is_none() {
            self.wrong(name, written, "text");
        }
        text
    }

    /// Says that a member of the entry is wrong.
    pub(super) fn fault(&mut self, member: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.faults.push(self.parts.fault("nuages.E403", member, message).hint(hint));
    }

    fn wrong(&mut self, name: &str, written: &toml::Value, right: &str) {
        let shown = match sounds_secret(name) {
            true => "This".to_owned(),
            false => written.to_string(),
        };
        self.fault(&format!("OPTIONS.{name}"), format!("{shown} is not allowed."), format!("It is {right}."));
    }

    /// # Errors
    /// Every fault that was found, and every member that nobody took.
    pub(super) fn finish(mut self) -> Result<(), Vec<CheckMessage>> {
        let unknown: Vec<&String> =
            self.options().keys().filter(|name| !self.known.contains(&name.as_str())).collect();
        for name in unknown {
            let near = nearest(name, self.known.iter().copied())
                .map_or_else(String::new, |near| format!("Did you mean {near}? "));
            let hint = match self.known.is_empty() {
                true => "It has none.".to_owned(),
                false => format!("{near}There is: {}.", self.known.join(", ")),
            };
            let message = format!("{} has no such option.", self.parts.settings.backend);
            let fault = self.parts.fault("nuages.E402", &format!("OPTIONS.{name}"), message).hint(hint);
            self.faults.push(fault);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}

/// `MAX_ENTRIES` and `CULL_FREQUENCY` of the backends that keep house themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CullLimits {
    /// When there are so many, some go.
    pub max_entries: usize,
    /// Which part of them goes: 3 is a third, 0 is all.
    pub cull_frequency: usize,
}

impl CullLimits {
    pub(super) fn read(options: &mut OptionReader<'_>) -> Self {
        Self {
            max_entries: options.count("MAX_ENTRIES").unwrap_or(300),
            cull_frequency: options.count("CULL_FREQUENCY").unwrap_or(3),
        }
    }
}
