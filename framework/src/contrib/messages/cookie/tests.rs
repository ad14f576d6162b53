use serde_json::Value as Json;

use super::*;
use crate::conf::secret::Secret;
use crate::contrib::messages::message::Message;
use crate::http::vectors;

fn codec(key: &str) -> CookieCodec {
    CookieCodec::new(&SigningKeys::new(&Secret::new(key), &[]))
}

fn message(list: &Json) -> Item {
    let message =
        Message::new(list[0].as_i64().unwrap(), list[1].as_str().unwrap()).extra_tags(list[2].as_str());
    Item::Message(if list[3] == true { message.safe() } else { message })
}

fn messages(list: &Json) -> Vec<Item> {
    list.as_array().unwrap().iter().map(message).collect()
}

fn texts(items: &[Item]) -> Vec<&str> {
    items
        .iter()
        .map(|item| match item {
            Item::Message(message) => message.text(),
            Item::Other(_) => panic!("no message"),
        })
        .collect()
}

#[test]
fn djangos_cookies_are_read_and_written() {
    let codec = codec("vectors-secret-key");
    for case in vectors::of("messages", "encode") {
        let items = messages(&case["messages"]);
        assert_eq!(format!("[{}]", parts(&items).join(",")), case["json"].as_str().unwrap());
        let spaced = Value::List(items.iter().map(Item::to_value).collect());
        let session = String::from_utf8(crate::http::json::dumps(&spaced).unwrap()).unwrap();
        assert_eq!(session, case["session"].as_str().unwrap());
        let Some(cookie) = case["cookie"].as_str() else {
            assert_eq!(codec.write(items, false).value, None);
            continue;
        };
        assert_eq!(codec.read(Some(cookie)).unwrap().stored.unwrap().items, items, "{cookie}");
        // What is written differs in the time alone.
        let payload = |cookie: &str| cookie.split(':').next().unwrap_or_default().to_owned();
        let written = codec.write(items, false).value.unwrap();
        assert_eq!(payload(&written), payload(cookie));
    }
}

#[test]
fn as_many_fit_as_in_django() {
    let codec = codec("vectors-secret-key");
    let mut compared = 0;
    for case in vectors::of("messages", "_store") {
        let list = case["messages"].as_array().unwrap();
        if list.is_empty() {
            continue;
        }
        let items = list.iter().map(|one| {
            Item::Message(Message::new(one[0].as_i64().unwrap(), one[1].as_str().unwrap()).extra_tags(None))
        });
        let written = codec.write(items.collect(), case["remove_oldest"] == false);
        assert_eq!(written.left.len() as u64, case["unstored"].as_u64().unwrap());
        let payload = |cookie: &str| cookie.split(':').next().unwrap_or_default().to_owned();
        assert_eq!(payload(&written.value.unwrap()), payload(case["cookie"].as_str().unwrap()));
        compared += 1;
    }
    assert_eq!(compared, 8);
}

#[test]
fn what_is_no_cookie_of_ours_is_bad() {
    let written = codec("one").write(vec![message(&serde_json::json!([20, "m", "", false]))], false);
    let cookie = written.value.unwrap();
    let found = codec("one").read(Some(&cookie)).unwrap();
    assert!(!found.bad && found.stored.is_some());
    for torn in [&*cookie.replace(':', "."), &cookie[1..], "x", ":::"] {
        let found = codec("one").read(Some(torn)).unwrap();
        assert!(found.bad && found.stored.is_none(), "{torn}");
    }
    assert!(codec("other").read(Some(&cookie)).unwrap().bad);
    for nothing in [None, Some("")] {
        let found = codec("one").read(nothing).unwrap();
        assert!(!found.bad && found.stored.is_none());
    }
}

#[test]
fn too_many_are_cut_at_either_end() {
    let codec = codec("k");
    let long =
        |number: u64| (0..20).map(|step| (number * 977 + step * 7919).pow(3).to_string()).collect::<String>();
    let items: Vec<Item> = (1..20).map(|number| Item::Message(Message::new(20, long(number)))).collect();
    let all: Vec<String> = texts(&items).into_iter().map(str::to_owned).collect();
    for keep_oldest in [true, false] {
        let written = codec.write(items.clone(), keep_oldest);
        let cookie = written.value.unwrap();
        assert!(cookie.len() <= 2048, "{}", cookie.len());
        let found = codec.read(Some(&cookie)).unwrap();
        assert!(found.more);
        let kept = found.stored.unwrap().items;
        assert!(!kept.is_empty() && !written.left.is_empty());
        let both = if keep_oldest {
            [texts(&kept), texts(&written.left)]
        } else {
            [texts(&written.left), texts(&kept)]
        };
        assert_eq!(both.concat(), all);
    }
    let huge = vec![Item::Message(Message::new(20, (0..400).map(|n| long(n + 1)).collect::<String>()))];
    let written = codec.write(huge, true);
    assert_eq!(written.left.len(), 1);
    assert!(codec.read(written.value.as_deref()).unwrap().more, "the cookie says that there is more");
}
