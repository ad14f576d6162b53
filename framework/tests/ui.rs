//! What the compiler says of a view that is none: its words are part of the interface.
#![allow(missing_docs, reason = "tests")]

#[test]
fn views_that_are_none() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
