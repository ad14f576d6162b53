//! Maps of headers that are used again: each request brings one and each response needs one.
//!
//! A map with room for a response's headers is just too large for the allocator's short way. hyper makes the map of a connection's next
//! request from that of the response before it, so that one which is kept here when its request is gone comes back with room.

use std::cell::RefCell;

use http::HeaderMap;

/// Room for what the usual middleware says, so that the map does not move for the seventh header.
const ROOM: usize = 8;

/// A map with more room is one of few, and not kept.
const LARGEST: usize = 64;

/// So many are kept for each thread, of a kilobyte or so: as many requests as may wait for one commit, each of which holds one.
const KEPT: usize = 128;

thread_local! {
    static SPARE: RefCell<Vec<HeaderMap>> = const { RefCell::new(Vec::new()) };
}

/// An empty map with room.
pub(crate) fn take() -> HeaderMap {
    let spare = SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
    spare.unwrap_or_else(|| HeaderMap::with_capacity(ROOM))
}

/// Keeps a map that is not wanted any more, if it has room and there are not too many; nothing of its content stays.
pub(crate) fn give(mut map: HeaderMap) {
    if !(ROOM..=LARGEST).contains(&map.capacity()) {
        return;
    }
    map.clear();
    // A thread that is ending keeps none.
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < KEPT {
            spare.push(map);
        }
    });
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{COOKIE, HOST};

    use super::*;

    #[test]
    fn a_map_comes_back_empty_and_with_its_room() {
        let mut map = HeaderMap::with_capacity(20);
        map.insert(COOKIE, HeaderValue::from_static("sessionid=secret"));
        map.append(COOKIE, HeaderValue::from_static("b=2"));
        let room = map.capacity();
        give(map);
        let mut map = take();
        assert_eq!((map.len(), map.get(COOKIE), map.capacity()), (0, None, room));
        map.insert(HOST, HeaderValue::from_static("a"));
        assert_eq!(map.iter().count(), 1);
    }

    #[test]
    fn few_are_kept_and_none_that_is_small_or_large() {
        for room in [0, 1, 500] {
            give(HeaderMap::with_capacity(room));
        }
        assert_eq!(SPARE.with_borrow(Vec::len), 0);
        for _ in 0..KEPT + 10 {
            give(HeaderMap::with_capacity(ROOM));
        }
        assert_eq!(SPARE.with_borrow(Vec::len), KEPT);
    }
}
