//! stub
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct RandomError;
pub fn random_string(_: usize, _: &[u8]) -> Result<String, RandomError> {
    Err(RandomError)
}
