//! Requests and responses.

pub mod accept;
pub mod body;
pub mod cache_control;
pub mod charset;
pub mod conditional;
pub mod connection;
pub mod content_disposition;
pub mod cookies;
pub mod date;
pub mod defaults;
pub mod file_body;
pub mod file_name;
pub(crate) mod file_request;
pub mod file_response;
pub mod form;
pub mod header_parameters;
pub(crate) mod header_text;
pub mod header_value;
pub mod host;
pub mod json;
pub mod mime_types;
pub mod multipart;
pub mod path;
pub mod query_dict;
pub mod quote;
pub mod range;
pub mod request;
pub mod request_body;
pub mod response;
pub mod response_cookies;
pub mod set_cookie;
pub mod uploaded_file;
pub mod uri;
pub mod vary;
#[cfg(test)]
pub(crate) mod vectors;
