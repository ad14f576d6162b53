//! What comes before what.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::migrations::loader::Migrations;
use crate::db::migrations::migration::Migration;
use crate::db::migrations::name::MigrationKey;

/// One step of a plan.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What is to be done.
    pub migration: &'a Migration,
    /// Whether it is to be taken back.
    pub backwards: bool,
}

/// Where `migrate` is to bring an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To the state behind that migration: forward, or back.
    At(MigrationKey),
    /// To the state before its first.
    Zero(String),
}

/// The migrations and what they wait for. Orders are those of Django 5.2 `db/migrations/graph.py`, so that both sides apply
/// the same ones in the same order.
#[derive(Debug)]
pub struct Graph<'a> {
    migrations: &'a Migrations,
    parents: BTreeMap<&'a MigrationKey, BTreeSet<&'a MigrationKey>>,
    children: BTreeMap<&'a MigrationKey, BTreeSet<&'a MigrationKey>>,
}

impl<'a> Graph<'a> {
    /// The graph of those migrations; dependencies that do not exist are left out (the loader tells of them).
    #[must_use]
    pub fn new(migrations: &'a Migrations) -> Self {
        let mut graph = Self { migrations, parents: BTreeMap::new(), children: BTreeMap::new() };
        let mut before: Option<&MigrationKey> = None;
        for migration in migrations.iter() {
            let key = migration.key();
            graph.parents.entry(key).or_default();
            graph.children.entry(key).or_default();
            if let Some(before) = before.filter(|before| before.app == key.app) {
                graph.join(before, key);
            }
            for dependency in &migration.dependencies {
                if let Some(parent) = migrations.get(dependency) {
                    graph.join(parent.key(), key);
                }
            }
            before = Some(key);
        }
        graph
    }

    fn join(&mut self, parent: &'a MigrationKey, child: &'a MigrationKey) {
        self.parents.entry(child).or_default().insert(parent);
        self.children.entry(parent).or_default().insert(child);
    }

    /// What that migration waits for, itself left out.
    pub fn parents(&self, key: &MigrationKey) -> impl Iterator<Item = &'a MigrationKey> {
        self.parents.get(key).into_iter().flatten().copied()
    }

    /// The last migration of each app, in the order of the apps.
    #[must_use]
    pub fn leaves(&self) -> Vec<&'a MigrationKey> {
        self.ends(&self.children)
    }

    /// Those that have none of their own app before (or behind) them.
    fn ends(&self, next: &BTreeMap<&'a MigrationKey, BTreeSet<&'a MigrationKey>>) -> Vec<&'a MigrationKey> {
        next.iter()
            .filter(|(key, others)| others.iter().all(|other| other.app != key.app))
            .map(|(key, _)| *key)
            .collect()
    }

    /// Everything that has to be applied for that migration, in order, itself at the end.
    #[must_use]
    pub fn forwards(&self, target: &'a MigrationKey) -> Vec<&'a MigrationKey> {
        deep(target, &self.parents)
    }

    /// Everything that has to be taken back with that migration, in order, itself at the end.
    #[must_use]
    pub fn backwards(&self, target: &'a MigrationKey) -> Vec<&'a MigrationKey> {
        deep(target, &self.children)
    }

    /// What is to be done to get from `applied` to the targets (Django's `MigrationExecutor.migration_plan`).
    #[must_use]
    pub fn plan(&self, targets: &[Target], applied: &BTreeSet<MigrationKey>) -> Vec<Step<'a>> {
        let mut applied: BTreeSet<&MigrationKey> = applied.iter().collect();
        let mut plan: Vec<Step<'a>> = Vec::new();
        for target in targets {
            let undone: Vec<&'a MigrationKey> = match target {
                Target::Zero(app) => {
                    self.ends(&self.parents).into_iter().filter(|key| key.app == *app).collect()
                }
                // Back to it means without its children of its own app; what depends on it elsewhere may stay.
                Target::At(key) if applied.contains(key) => self
                    .children
                    .get(key)
                    .into_iter()
                    .flatten()
                    .copied()
                    .filter(|child| child.app == key.app)
                    .collect(),
                Target::At(key) => {
                    let Some(target) = self.migrations.get(key) else { continue };
                    for key in self.forwards(target.key()) {
                        if applied.insert(key) {
                            plan.extend(self.step(key, false));
                        }
                    }
                    continue;
                }
            };
            for key in undone.into_iter().flat_map(|root| self.backwards(root)) {
                if applied.remove(key) {
                    plan.extend(self.step(key, true));
                }
            }
        }
        plan
    }

    /// The steps that lead to everything.
    #[must_use]
    pub fn plan_all(&self, applied: &BTreeSet<MigrationKey>) -> Vec<Step<'a>> {
        let targets: Vec<Target> = self.leaves().into_iter().cloned().map(Target::At).collect();
        self.plan(&targets, applied)
    }

    /// A migration that is applied although one that it waits for is not, and that one (Django's `check_consistent_history`).
    #[must_use]
    pub fn inconsistency(
        &self,
        applied: &BTreeSet<MigrationKey>,
    ) -> Option<(&'a MigrationKey, &'a MigrationKey)> {
        self.parents.iter().filter(|(key, _)| applied.contains(**key)).find_map(|(key, parents)| {
            parents.iter().find(|parent| !applied.contains(**parent)).map(|parent| (*key, *parent))
        })
    }

    fn step(&self, key: &MigrationKey, backwards: bool) -> Option<Step<'a>> {
        self.migrations.get(key).map(|migration| Step { migration, backwards })
    }
}

/// A circle of migrations that wait for each other, if there is one.
#[must_use]
pub fn circle(migrations: &Migrations) -> Option<Vec<MigrationKey>> {
    let graph = Graph::new(migrations);
    let mut sound: BTreeSet<&MigrationKey> = BTreeSet::new();
    for start in graph.parents.keys() {
        // The way from the start to where we are, and what is left to try at each of its places.
        let mut way = vec![(*start, graph.parents(start))];
        while let Some((key, parents)) = way.last_mut() {
            let key = *key;
            match parents.next() {
                Some(parent) if sound.contains(parent) => {}
                Some(parent) => {
                    if let Some(at) = way.iter().position(|(other, _)| *other == parent) {
                        return Some(way[at..].iter().map(|(key, _)| (*key).clone()).collect());
                    }
                    way.push((parent, graph.parents(parent)));
                }
                None => {
                    sound.insert(key);
                    way.pop();
                }
            }
        }
    }
    None
}

/// Depth first, the last name first, as Django's `iterative_dfs` walks.
fn deep<'a>(
    start: &'a MigrationKey,
    next: &BTreeMap<&'a MigrationKey, BTreeSet<&'a MigrationKey>>,
) -> Vec<&'a MigrationKey> {
    let mut visited = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = BTreeSet::new();
    let mut stack = vec![(start, false)];
    while let Some((key, done)) = stack.pop() {
        if seen.contains(key) {
            continue;
        }
        if done {
            seen.insert(key);
            visited.push(key);
        } else if open.insert(key) {
            stack.push((key, true));
            stack.extend(next.get(key).into_iter().flatten().map(|key| (*key, false)));
        }
    }
    visited
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::migrations::migration::EmbeddedMigration;

    const fn file(file: &'static str, sql: &'static str) -> EmbeddedMigration {
        EmbeddedMigration { file, sql }
    }
    const A: &[EmbeddedMigration] = &[
        file("0001_a.sql", ""),
        file("0002_b.sql", "-- depends: c.0001_a, b.0001_a"),
        file("0003_c.sql", ""),
    ];
    const B: &[EmbeddedMigration] = &[file("0001_a.sql", "-- depends: a.0001_a"), file("0002_b.sql", "")];
    const C: &[EmbeddedMigration] = &[file("0001_a.sql", "")];

    fn migrations() -> Migrations {
        let (migrations, faults) =
            Migrations::load(std::path::Path::new("/nowhere"), [("a", A), ("b", B), ("c", C), ("d", &[])]);
        assert!(faults.is_empty(), "{faults:?}");
        migrations
    }

    fn key(text: &str) -> MigrationKey {
        MigrationKey::parse(text).unwrap()
    }

    fn check(targets: &[Target], applied: &[&str], expected: &[&str]) {
        let migrations = migrations();
        let applied = applied.iter().map(|text| key(text)).collect();
        let plan: Vec<String> = Graph::new(&migrations)
            .plan(targets, &applied)
            .iter()
            .map(|step| format!("{}{}", if step.backwards { "-" } else { "" }, step.migration.key()))
            .collect();
        assert_eq!(plan, expected, "{targets:?} from {applied:?}");
    }

    #[test]
    fn forwards_in_djangos_order() {
        // What Django 5.2 plans for the same graph.
        let all: Vec<Target> = ["a.0003_c", "b.0002_b", "c.0001_a"].map(key).map(Target::At).into();
        check(&all, &[], &["c.0001_a", "a.0001_a", "b.0001_a", "a.0002_b", "a.0003_c", "b.0002_b"]);
        check(&all, &["a.0001_a", "c.0001_a"], &["b.0001_a", "a.0002_b", "a.0003_c", "b.0002_b"]);
        check(&[Target::At(key("b.0001_a"))], &[], &["a.0001_a", "b.0001_a"]);
    }

    #[test]
    fn backwards_takes_what_depends_on_it() {
        let all = ["a.0001_a", "a.0002_b", "a.0003_c", "b.0001_a", "b.0002_b", "c.0001_a"];
        check(&[Target::Zero("b".to_owned())], &all, &["-b.0002_b", "-a.0003_c", "-a.0002_b", "-b.0001_a"]);
        check(&[Target::At(key("a.0002_b"))], &all, &["-a.0003_c"]);
        check(&[Target::At(key("a.0001_a"))], &all, &["-a.0003_c", "-a.0002_b"]);
        check(&[Target::At(key("a.0003_c"))], &all, &[]);
        check(&[Target::Zero("d".to_owned())], &all, &[]);
    }

    #[test]
    fn a_hole_in_the_history_is_found() {
        let migrations = migrations();
        let graph = Graph::new(&migrations);
        let applied = |keys: &[&str]| keys.iter().map(|text| key(text)).collect::<BTreeSet<_>>();
        assert_eq!(graph.inconsistency(&applied(&["a.0001_a", "b.0001_a", "gone.0001_x"])), None);
        assert_eq!(graph.inconsistency(&applied(&["b.0001_a"])), Some((&key("b.0001_a"), &key("a.0001_a"))));
    }
}
