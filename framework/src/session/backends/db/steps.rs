//! Writes that are to be done together, put into an order in which as many as possible are.

use std::collections::{BTreeMap, HashMap};

use crate::session::backends::db::write::{AskedWrite, Kind};

/// Writes of one kind, each to another row, by their keys.
#[derive(Debug)]
pub(super) struct Step<A> {
    pub(super) kind: Kind,
    pub(super) jobs: Vec<AskedWrite<A>>,
}

/// Puts writes of a kind together, and writes to the same row in their order.
///
/// Within a step they are sorted by key: servers lock row after row, and two processes that lock in the same order do not
/// wait for each other in a circle.
pub(super) fn steps<A>(jobs: Vec<AskedWrite<A>>) -> Vec<Step<A>> {
    let mut turns: HashMap<_, usize> = HashMap::with_capacity(jobs.len());
    let mut steps: BTreeMap<(usize, Kind), Vec<AskedWrite<A>>> = BTreeMap::new();
    for waiting in jobs {
        let turn = turns.entry(waiting.job.key.clone()).or_default();
        steps.entry((*turn, waiting.job.kind())).or_default().push(waiting);
        *turn += 1;
    }
    let sorted = |((_, kind), mut jobs): ((usize, Kind), Vec<AskedWrite<A>>)| {
        jobs.sort_by(|one, other| one.job.key.cmp(&other.job.key));
        Step { kind, jobs }
    };
    steps.into_iter().map(sorted).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::grouping::group::Asked;
    use crate::session::backends::db::write::{Change, Write};
    use crate::session::key::SessionKey;
    use crate::session::store::Version;

    #[test]
    fn writes_to_a_row_keep_their_order() {
        let write = |key: &str, kind| {
            let expected = Some(Version::default());
            let change = match kind {
                Kind::Delete => Change::Delete { expected: None },
                _ => Change::Delete { expected },
            };
            let key = SessionKey::parse(&format!("{key:0>8}")).unwrap();
            Asked::new(Box::new(Write { key, change }), oneshot::channel::<()>().0)
        };
        let steps = steps(vec![
            write("b", Kind::Delete),
            write("a", Kind::Delete),
            write("a", Kind::DeleteIf),
            write("c", Kind::DeleteIf),
            write("a", Kind::Delete),
        ]);
        let shown: Vec<(Kind, Vec<&str>)> = steps
            .iter()
            .map(|step| (step.kind, step.jobs.iter().map(|asked| &asked.job.key.as_str()[7..]).collect()))
            .collect();
        let expected: Vec<(Kind, Vec<&str>)> = vec![
            (Kind::Delete, vec!["a", "b"]),
            (Kind::DeleteIf, vec!["c"]),
            (Kind::DeleteIf, vec!["a"]),
            (Kind::Delete, vec!["a"]),
        ];
        assert_eq!(shown, expected);
    }
}
