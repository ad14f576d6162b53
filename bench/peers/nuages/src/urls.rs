//! The 100 routes, or those of so many areas as `BENCH_AREAS` says, two each and eight beside them; the measured one in the middle.

use nuages::prelude::*;
use nuages::urls::declare::Entry;

use crate::views;

const AREAS: u32 = 46;

pub fn urls() -> Urls {
    let mut entries: Vec<Entry> = vec![
        path("plaintext", views::plaintext).into(),
        path("json", views::json).into(),
        path("template", views::template).into(),
        path("session/read", views::read).into(),
        path("session/write", views::write).into(),
        path("session/set", views::set_key).into(),
        path("session/get", views::get_key).into(),
    ];
    let areas = std::env::var("BENCH_AREAS").ok().and_then(|areas| areas.parse().ok()).unwrap_or(AREAS);
    for area in 0..areas {
        if area == areas / 2 {
            entries.push(path("users/<int:id>/posts/<slug:slug>", views::post).into());
        }
        entries.push(path(format!("area{area}/about"), views::about).kwarg("area", area).into());
        entries.push(path(format!("area{area}/<int:id>/items/<slug:slug>"), views::item).into());
    }
    entries.into_iter().collect()
}
