use std::io::Read as _;

use base64::Engine as _;
use flate2::bufread::GzDecoder;
use serde_json::Value;

use super::*;
use crate::http::vectors;

fn content_of(content: &Value) -> Vec<u8> {
    if let Some(text) = content.as_str() {
        return text.as_bytes().to_vec();
    }
    if let Some(encoded) = content["b64"].as_str() {
        return base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    }
    let times = usize::try_from(content["repeat"][1].as_u64().unwrap()).unwrap();
    content["repeat"][0].as_str().unwrap().repeat(times).into_bytes()
}

fn unpack(bytes: &[u8]) -> (Vec<u8>, usize) {
    let mut decoder = GzDecoder::new(bytes);
    let mut content = Vec::new();
    decoder.read_to_end(&mut content).unwrap();
    let name = decoder.header().unwrap().filename().unwrap_or_default();
    assert!(name.iter().all(|&letter| letter == b'a') && name.len() < 100);
    (content, name.len())
}

async fn all_of(response: &mut HttpResponse) -> Vec<u8> {
    match response.take_body() {
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::Stream(pieces) => {
            let pieces: Vec<Bytes> = pieces.into_inner().map(Result::unwrap).collect().await;
            pieces.concat()
        }
    }
}

#[tokio::test]
async fn what_is_compressed_is_what_django_compresses() {
    for case in vectors::load("gzips") {
        let content = content_of(&case["content"]);
        let mut response = if case["streaming"] == true {
            HttpResponse::streaming(stream::iter([Ok::<_, io::Error>(content.clone())]))
        } else {
            HttpResponse::new(content.clone())
        };
        response.status =
            http::StatusCode::from_u16(case["status"].as_u64().unwrap().try_into().unwrap()).unwrap();
        for (name, value) in case["response"].as_object().unwrap() {
            response.set_header(name, value.as_str().unwrap()).unwrap();
        }
        let mut headers = HeaderMap::new();
        if let Some(accept) = case["accept_encoding"].as_str() {
            let bytes = vectors::bytes(&Value::from(accept));
            headers.insert("accept-encoding", HeaderValue::from_bytes(&bytes).unwrap());
        }
        let mut response = compress(response, accepts_gzip(&headers)).await.unwrap();
        for (name, expected) in case["out"].as_object().unwrap() {
            assert_eq!(response.header(name), expected.as_str(), "{name} of {case}");
        }
        let body = all_of(&mut response).await;
        if case["compressed"] == true {
            assert_eq!(unpack(&body).0, content, "{case}");
        } else {
            assert_eq!(body, content, "{case}");
        }
    }
}

#[tokio::test]
async fn the_length_tells_less_of_the_content() {
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let mut response = compress(HttpResponse::new("x".repeat(1000)), true).await.unwrap();
        let announced: usize = response.header("content-length").unwrap().parse().unwrap();
        let body = all_of(&mut response).await;
        assert_eq!(announced, body.len());
        lengths.insert(unpack(&body).1);
    }
    assert!(lengths.len() > 60, "{lengths:?}");
    assert!(lengths.iter().all(|&length| length < 100));
}

#[tokio::test]
async fn long_content_comes_back_whole() {
    let content: Vec<u8> = (0..200_000_u32).flat_map(|number| (number % 977).to_be_bytes()).collect();
    let mut response = compress(HttpResponse::new(content.clone()), true).await.unwrap();
    assert_eq!(unpack(&all_of(&mut response).await).0, content);
}

#[tokio::test]
async fn each_piece_of_a_stream_can_be_read_when_it_comes() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
    let pieces = stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((Ok::<_, io::Error>(piece), receiver))
    });
    let mut response = compress(HttpResponse::streaming(pieces), true).await.unwrap();
    let Body::Stream(compressed) = response.take_body() else { panic!("a stream stays a stream") };
    let mut compressed = compressed.into_inner();
    sender.send("tick\n").unwrap();
    let first = compressed.next().await.unwrap().unwrap();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    decoder.write_all(&first).unwrap();
    decoder.flush().unwrap();
    assert_eq!(decoder.get_ref(), b"tick\n");
    drop(sender);
    let rest: Vec<u8> = compressed.map(Result::unwrap).collect::<Vec<_>>().await.concat();
    decoder.write_all(&rest).unwrap();
    assert_eq!(decoder.finish().unwrap(), b"tick\n");
}

#[tokio::test]
async fn a_stream_that_fails_fails_still() {
    let pieces = stream::iter([Ok("a"), Err(io::Error::other("torn"))]);
    let mut response = compress(HttpResponse::streaming(pieces), true).await.unwrap();
    let Body::Stream(compressed) = response.take_body() else { panic!("a stream stays a stream") };
    let mut compressed = compressed.into_inner();
    assert!(compressed.next().await.unwrap().is_ok());
    assert_eq!(compressed.next().await.unwrap().unwrap_err().to_string(), "torn");
    assert!(compressed.next().await.is_none());
}

/// The range counts bytes of the file: what is compressed behind it fits nowhere.
#[tokio::test]
async fn a_part_of_a_file_stays_what_it_is() {
    let content = "x".repeat(1000);
    for status in [http::StatusCode::PARTIAL_CONTENT, http::StatusCode::OK] {
        let response = HttpResponse::new(content.clone()).with_status(status);
        let response = response.with_header("content-range", "bytes 0-999/5000").unwrap();
        let response = response.with_header("etag", "\"a\"").unwrap();
        let mut response = compress(response, true).await.unwrap();
        assert_eq!(response.header("content-encoding"), None);
        assert_eq!(response.header("etag"), Some("\"a\""));
        assert_eq!(response.header("vary"), Some("Accept-Encoding"));
        assert_eq!(all_of(&mut response).await, content.as_bytes());
    }
    let whole = HttpResponse::new(content).with_header("accept-ranges", "bytes").unwrap();
    let whole = compress(whole, true).await.unwrap();
    assert_eq!(whole.header("content-encoding"), Some("gzip"));
    assert_eq!(whole.header("accept-ranges"), None);
}

#[tokio::test]
async fn long_pieces_come_back_whole() {
    let pieces: Vec<Vec<u8>> = (0..3_u8).map(|piece| vec![piece; LONG * 2]).collect();
    let stream = stream::iter(pieces.clone().into_iter().map(Ok::<_, io::Error>));
    let mut response = compress(HttpResponse::streaming(stream), true).await.unwrap();
    assert_eq!(unpack(&all_of(&mut response).await).0, pieces.concat());
}
