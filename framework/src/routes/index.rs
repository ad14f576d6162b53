//! Which routes to try for a path.
//!
//! Django tries every route in turn. Here a radix tree ([`matchit`]) leads from the path to a short list of routes,
//! still in their declared order, of which each is then matched as Django does. The tree decides nothing: it knows
//! no converter, prefers fixed text to an earlier parameter and refuses some routes that Django takes. So it holds
//! *shapes* only, and for each shape every route that could match a path of that shape.
//!
//! Three facts keep it exact; a property test holds them against the plain ordered scan.
//!
//! 1. A route matches only paths of its shape. A segment with a parameter in it is any segment that is not empty; what
//!    may hold a slash is everything from there on.
//! 2. The tree finds a shape for every path that has one, and prefers, from left to right, fixed text to a parameter and
//!    a parameter to "everything". So a route that the tree would have preferred need not be in a shape's list.
//! 3. What the tree refuses is *outside*: it is in the list of every shape that it overlaps, and is tried for the paths
//!    for which the tree has no shape.

use std::collections::HashSet;

use crate::routes::route::Piece;

/// Path to the numbers of the routes that may match, in declared order.
#[derive(Default)]
pub(crate) struct Index {
    tree: matchit::Router<usize>,
    lists: Vec<Vec<usize>>,
    outside: Vec<usize>,
}

/// What is known of the paths that a route matches, segment by segment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    segments: Vec<Segment>,
    /// Anything may follow: the segments are then only those before it.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    /// Not empty, with this at its ends.
    Any {
        prefix: String,
        suffix: String,
    },
}

impl Index {
    /// The index of these routes, each given as the pieces of its whole path (without the slash at its beginning).
    pub(crate) fn new<'r>(routes: impl IntoIterator<Item = &'r [Piece]>) -> Self {
        let shapes: Vec<Shape> = routes.into_iter().map(Shape::of).collect();
        let mut index = Self::default();
        let mut placed: HashSet<String> = HashSet::new();
        let mut keys: Vec<Shape> = Vec::new();
        let mut outside = vec![false; shapes.len()];
        // Those that end come first, so that it is the open ones that are refused where both cannot be.
        for open in [false, true] {
            for (route, shape) in shapes.iter().enumerate().filter(|(_, shape)| shape.open == open) {
                for key in shape.keys() {
                    let spelling = key.spelling();
                    if placed.contains(&spelling) {
                        continue;
                    }
                    if index.tree.insert(spelling.clone(), keys.len()).is_ok() {
                        placed.insert(spelling);
                        keys.push(key);
                    } else {
                        outside[route] = true;
                    }
                }
            }
        }
        index.lists = keys
            .iter()
            .map(|key| {
                let may_match = |&route: &usize| {
                    let shape = &shapes[route];
                    key.overlaps(shape) && (outside[route] || !shape.is_preferred_to(key))
                };
                (0..shapes.len()).filter(may_match).collect()
            })
            .collect();
        index.outside = (0..shapes.len()).filter(|&route| outside[route]).collect();
        index
    }

    /// The routes that may match, in declared order. The path begins with a slash.
    pub(crate) fn candidates(&self, path: &str) -> &[usize] {
        match self.tree.at(path) {
            Ok(found) => &self.lists[*found.value],
            Err(_) => &self.outside,
        }
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("shapes", &self.lists.len())
            .field("outside", &self.outside.len())
            .finish_non_exhaustive()
    }
}

impl Shape {
    fn of(pieces: &[Piece]) -> Self {
        let mut segments = Vec::new();
        let mut current = Segment::Fixed(String::new());
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    let mut parts = text.split('/');
                    if let Some(first) = parts.next() {
                        current.push(first);
                    }
                    for part in parts {
                        segments.push(std::mem::replace(&mut current, Segment::Fixed(part.to_owned())));
                    }
                }
                Piece::Param { conversion, .. } if !conversion.crosses_segments() => current.push_any(),
                // The segment in which it begins is open too: `a<path:p>` matches `ab/c`.
                Piece::Param { .. } => return Self { segments, open: true },
                Piece::Regex(source) => {
                    let mut known = fixed_beginning(source).split('/');
                    if let (Some(first), Some(_)) = (known.next(), known.clone().next()) {
                        current.push(first);
                        segments.push(current);
                        segments.extend(known.map(|part| Segment::Fixed(part.to_owned())));
                        segments.pop();
                    }
                    return Self { segments, open: true };
                }
            }
        }
        segments.push(current);
        Self { segments, open: false }
    }

    /// What to put into the tree: the shape, and for an open one also the case in which nothing follows, because the
    /// tree's "everything" is never empty.
    fn keys(&self) -> Vec<Self> {
        let mut keys = vec![self.clone()];
        if self.open {
            let mut segments = self.segments.clone();
            segments.push(Segment::Fixed(String::new()));
            keys.push(Self { segments, open: false });
        }
        keys
    }

    /// As the tree wants it.
    fn spelling(&self) -> String {
        let mut out = String::new();
        for (number, segment) in self.segments.iter().enumerate() {
            out.push('/');
            match segment {
                Segment::Fixed(text) => out.push_str(&text.replace('{', "{{").replace('}', "}}")),
                Segment::Any { .. } => out.push_str(&format!("{{p{number}}}")),
            }
        }
        if self.open {
            out.push_str("/{*rest}");
        }
        out
    }

    /// May a path that has the spelling of this shape be one of the other's? Never a wrong no.
    fn overlaps(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.segments.len(), other.segments.len());
        let long_enough = match (self.open, other.open) {
            (false, false) => mine == theirs,
            (false, true) => mine > theirs,
            (true, false) => theirs > mine,
            (true, true) => true,
        };
        long_enough && self.segments.iter().zip(&other.segments).all(|(key, segment)| key.overlaps(segment))
    }

    /// Would the tree, from left to right, have taken this shape before the other for a path that has both?
    fn is_preferred_to(&self, other: &Self) -> bool {
        for (a, b) in self.segments.iter().zip(&other.segments) {
            match (a, b) {
                (Segment::Fixed(a), Segment::Fixed(b)) if a == b => {}
                (Segment::Any { .. }, Segment::Any { .. }) => {}
                (Segment::Fixed(_), Segment::Any { .. }) => return true,
                _ => return false,
            }
        }
        other.open && self.segments.len() > other.segments.len()
    }
}

impl Segment {
    fn push(&mut self, text: &str) {
        match self {
            Self::Fixed(fixed) => fixed.push_str(text),
            Self::Any { suffix, .. } => suffix.push_str(text),
        }
    }

    fn push_any(&mut self) {
        match self {
            Self::Fixed(text) => {
                *self = Self::Any { prefix: std::mem::take(text), suffix: String::new() };
            }
            Self::Any { suffix, .. } => suffix.clear(),
        }
    }

    /// The same for one segment; in the tree a parameter is any text, whatever stands beside it.
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed(a), Self::Fixed(b)) => a == b,
            (Self::Fixed(text), Self::Any { prefix, suffix }) => {
                text.len() > prefix.len()
                    && text.starts_with(prefix.as_str())
                    && text.ends_with(suffix.as_str())
            }
            (Self::Any { .. }, Self::Fixed(text)) => !text.is_empty(),
            (Self::Any { .. }, Self::Any { .. }) => true,
        }
    }
}

/// The text that every path must begin with to match an expression: what stands after `^` and before the first
/// character that could mean something else.
fn fixed_beginning(source: &str) -> &str {
    let Some(rest) = source.strip_prefix('^').filter(|rest| !rest.contains('|')) else { return "" };
    let special = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '/' | '_' | '-');
    let end = rest.find(special).unwrap_or(rest.len());
    match rest[end..].chars().next() {
        // The character before it may be absent.
        Some('*' | '?' | '{') => rest[..end].char_indices().next_back().map_or("", |(last, _)| &rest[..last]),
        _ => &rest[..end],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::converter::Converters;
    use crate::routes::route::parse;

    fn index(routes: &[&str]) -> Index {
        let pieces: Vec<Vec<Piece>> =
            routes.iter().map(|route| parse(route, &Converters::default()).0).collect();
        Index::new(pieces.iter().map(Vec::as_slice))
    }

    #[test]
    fn a_path_leads_to_the_routes_of_its_shape() {
        let routes =
            ["<slug:x>/", "new/", "<int:a>-<int:b>/", "a/<str:x>/", "a/b/", "<path:p>", "<str:x>/b/"];
        let index = index(&routes);
        let check = |path: &str, wanted: &[&str]| {
            let found: Vec<&str> = index.candidates(path).iter().map(|&route| routes[route]).collect();
            assert_eq!(found, wanted, "{path}");
        };
        // What stands between two parameters is left to the matching.
        check("/new/", &["<slug:x>/", "new/", "<int:a>-<int:b>/", "<path:p>"]);
        check("/old/", &["<slug:x>/", "<int:a>-<int:b>/", "<path:p>"]);
        check("/a/b/", &["a/<str:x>/", "a/b/", "<path:p>", "<str:x>/b/"]);
        check("/a/c/", &["a/<str:x>/", "<path:p>", "<str:x>/b/"]);
        check("/x/y/z/", &["<path:p>"]);
    }

    /// `a/<path:p>` is refused beside `a/<x>/`, and the tree finds `<x>/<y>/<z>/` instead.
    #[test]
    fn what_the_tree_refuses_is_tried_all_the_same() {
        let index = index(&["a/<x>/", "a/<path:p>", "<x>/<y>/<z>/"]);
        assert_eq!(index.candidates("/a/b/c/"), [1, 2]);
        assert_eq!(index.candidates("/a/b/c/d/"), [1]);
    }

    #[test]
    fn expressions_are_placed_by_their_beginning() {
        let check =
            |source: &str, beginning: &str| assert_eq!(fixed_beginning(source), beginning, "{source}");
        check("^r/year/(?P<x>a)/$", "r/year/");
        check("^s/opt/?$", "s/opt");
        check("^a{2}", "");
        check("^a+/", "a");
        check("^a|b", "");
        check("a/b", "");
        check(r"^a\.b", "a");
        check("^日本?/", "日");
    }
}
