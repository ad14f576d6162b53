use proptest::prelude::*;

use super::*;

const BOUNDARY: &str = "multipart/form-data; boundary=B";

/// Each part: whether it has a disposition, and its content.
fn parts(body: &[u8], piece: usize) -> Result<Vec<(bool, Vec<u8>)>, MultipartError> {
    let mut parser = MultipartParser::new(BOUNDARY)?;
    let mut parts: Vec<(bool, Vec<u8>)> = Vec::new();
    let mut drain = |parser: &mut MultipartParser| -> Result<(), MultipartError> {
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(head) => parts.push((head.disposition.is_some(), Vec::new())),
                Event::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                Event::End => {}
            }
        }
        Ok(())
    };
    for piece in body.chunks(piece) {
        parser.push(piece);
        drain(&mut parser)?;
    }
    parser.close();
    drain(&mut parser)?;
    Ok(parts)
}

fn check(body: &str, expected: &[(bool, &str)]) {
    for piece in [1, 2, 3, 7, 1000] {
        let found = parts(body.as_bytes(), piece).unwrap();
        let found: Vec<(bool, &str)> =
            found.iter().map(|(head, content)| (*head, std::str::from_utf8(content).unwrap())).collect();
        assert_eq!(found, expected, "{body:?} in pieces of {piece}");
    }
}

const HEAD: &str = "Content-Disposition: form-data; name=a\r\n\r\n";

#[test]
fn bodies_are_cut_at_every_boundary() {
    check("", &[]);
    check("--B", &[(false, "")]);
    check("--B--\r\n", &[(false, ""), (false, "--\r\n")]);
    check(&format!("--B\r\n{HEAD}1\r\n--B--"), &[(false, ""), (true, "1"), (false, "--")]);
    // Nothing is asked of what stands around a boundary.
    check(&format!("x--B\r\n{HEAD}1--By"), &[(false, "x"), (true, "1"), (false, "y")]);
    // One line feed and one carriage return before it go.
    check(&format!("--B\r\n{HEAD}1\n\r\n--B"), &[(false, ""), (true, "1\n")]);
    check(&format!("--B\r\n{HEAD}1\r--B"), &[(false, ""), (true, "1")]);
    check(&format!("--B\r\n{HEAD}1\n--B"), &[(false, ""), (true, "1")]);
    // A head whose empty line belongs to the boundary is none.
    check(
        &format!("--B\r\n{HEAD}--B"),
        &[(false, ""), (false, "\r\nContent-Disposition: form-data; name=a")].map(|(head, text)| {
            (head, if text.is_empty() { text } else { "\r\nContent-Disposition: form-data; name=a\r\n" })
        }),
    );
    // The last boundary may be missing.
    check(&format!("--B\r\n{HEAD}1\r\n"), &[(false, ""), (true, "1\r\n")]);
}

#[test]
fn heads_are_limited() {
    for piece in [1, 100, 5000] {
        let long = format!("--B\r\nX: {}\r\n\r\n1\r\n--B--", "y".repeat(2000));
        assert_eq!(parts(long.as_bytes(), piece), Err(MultipartError::HeadTooLarge));
        let raw = "z".repeat(1024) + "--B";
        assert_eq!(parts(raw.as_bytes(), piece), Err(MultipartError::HeadTooLarge));
        assert!(parts(("z".repeat(1023) + "--B").as_bytes(), piece).is_ok());
        let endless = "z".repeat(100_000);
        assert_eq!(parts(endless.as_bytes(), piece), Err(MultipartError::HeadTooLarge));
    }
}

#[test]
fn boundaries_are_printable() {
    for (header, fits) in [
        ("multipart/form-data; boundary=x", true),
        ("multipart/mixed; boundary=\"a b\"", true),
        ("multipart/form-data; boundary=\"a \"", false),
        ("multipart/form-data", false),
        ("Multipart/form-data; boundary=x", false),
        ("multipart/form-data; boundary=é", false),
    ] {
        assert_eq!(MultipartParser::new(header).is_ok(), fits, "{header}");
    }
    assert!(MultipartParser::new(&format!("multipart/form-data; boundary={}", "x".repeat(201))).is_ok());
    assert!(MultipartParser::new(&format!("multipart/form-data; boundary={}", "x".repeat(202))).is_err());
}

#[test]
fn a_body_that_nearly_has_boundaries_takes_linear_time() {
    let start = std::time::Instant::now();
    for evil in ["\r", "\r\n", "-", "--", "\r\n--", "\r\n-"] {
        let body = format!("--B\r\n{HEAD}{}", evil.repeat(400_000));
        assert!(parts(body.as_bytes(), 1000).is_ok());
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}

proptest! {
    #[test]
    fn pieces_do_not_matter(words in prop::collection::vec(prop_oneof![
        Just("--B".to_owned()), Just("\r\n".to_owned()), Just("\r".to_owned()), Just("\n".to_owned()), Just("-".to_owned()),
        Just(HEAD.to_owned()), Just("B".to_owned()), Just("\r\n--B\r\n".to_owned()), "[a-z:;=\"\r\n-]{0,30}",
    ], 0..30), piece in 1..40_usize) {
        let body = words.concat();
        prop_assert_eq!(parts(body.as_bytes(), piece), parts(body.as_bytes(), usize::MAX));
    }

    #[test]
    fn no_bytes_panic(body in prop::collection::vec(any::<u8>(), 0..3000), piece in 1..100_usize) {
        let _ = parts(&body, piece);
    }
}
