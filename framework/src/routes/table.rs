//! Every route of the site: path to route, name to path.

/// The table of routes.
#[derive(Debug, Default)]
pub struct RouteTable {}
