//! An async fn becomes a view, views become a URLconf.

pub mod views;
