//! Testing a site: a [`Client`](client::Client) asks it without a socket, keeps its cookies and looks into its session.

mod assertions;
pub mod builder;
pub mod client;
pub mod cookie_jar;
pub mod error;
pub mod html;
pub mod multipart;
pub mod queries;
pub mod request;
pub mod response;
mod store_calls;
