//! Which of several servers keeps a key: pymemcache's choice, so that Django and nuages look in the same place.
//!
//! It is rendezvous hashing with MurmurHash3 (pymemcache 4.0 `client/rendezvous.py`, `client/murmur3.py`): each server is
//! weighed against the key, and the heaviest wins. A server that is down keeps its keys: pymemcache would move them to
//! others after some failures and back after a minute, each process for itself, and a value that was deleted meanwhile
//! would be there again.

/// The place of the server that keeps the key, among servers by pymemcache's names for them; 0 if there is none.
pub(super) fn keeper<'a>(servers: impl IntoIterator<Item = &'a str>, key: &str) -> usize {
    let weighed = servers.into_iter().enumerate().map(|(place, name)| (murmur3_32(name, key), name, place));
    // Of two that weigh the same, the one whose name is the later in the alphabet.
    weighed.max().map_or(0, |(_, _, place)| place)
}

/// MurmurHash3 of `name-key`, seed 0, over characters: pymemcache takes the low byte of each.
fn murmur3_32(name: &str, key: &str) -> u32 {
    let characters = name.chars().chain(std::iter::once('-')).chain(key.chars());
    let mut hash = 0_u32;
    let (mut length, mut block) = (0_u32, 0_u32);
    for character in characters {
        block |= (u32::from(character) & 0xff) << (8 * (length % 4));
        length = length.wrapping_add(1);
        if length.is_multiple_of(4) {
            hash = (hash ^ scramble(block)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
            block = 0;
        }
    }
    if !length.is_multiple_of(4) {
        hash ^= scramble(block);
    }
    hash ^= length;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

const fn scramble(block: u32) -> u32 {
    block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_pymemcaches() {
        // pymemcache.client.murmur3.murmur3_32(f"{name}-{key}")
        for (name, key, hash) in [
            ("", "", 4_182_070_047),
            ("a", "", 412_051_291),
            ("127.0.0.1:11211", ":1:key", 1_989_752_470),
            ("127.0.0.1:11211", ":1:key1", 1_386_599_498),
            ("h:1", "ab", 4_196_091_980),
            ("h:1", "abc", 1_879_510_669),
            ("h:1", "abcd", 3_984_341_416),
            ("h:1", "abcde", 464_033_951),
            ("h:1", ":1:日本語é😀", 3_130_266_551),
            ("h:1", "ÿĀÿĀÿĀÿĀÿĀÿĀÿĀÿĀÿĀ", 3_594_188_572),
        ] {
            assert_eq!(murmur3_32(name, key), hash, "{name}-{key}");
        }
    }

    #[test]
    fn the_keeper_is_pymemcaches() {
        let servers = ["127.0.0.1:11211", "127.0.0.1:11212", "/tmp/memcached.sock"];
        // RendezvousHash(servers).get_node(f":1:key{n}")
        let keepers: Vec<usize> = (0..24).map(|n| keeper(servers, &format!(":1:key{n}"))).collect();
        assert_eq!(keepers, [2, 2, 2, 1, 2, 0, 2, 2, 2, 2, 2, 2, 0, 2, 2, 1, 0, 2, 1, 1, 0, 1, 2, 2]);
        assert_eq!(keeper(["one:1"], "any"), 0);
        assert_eq!(keeper([], "any"), 0);
    }
}
