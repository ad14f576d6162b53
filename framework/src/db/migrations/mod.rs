//! Migrations: SQL files that are applied once, in order, and recorded where Django records its own.
//!
//! A site keeps them in `migrations/<app>/`, an app may bring its own in its program
//! ([`App::migrations`](crate::apps::app::App::migrations)). The name of a file says what it is:
//!
//! | file | is |
//! |---|---|
//! | `0001_initial.sql` | what applies it, on every kind of database |
//! | `0001_initial.sqlite.sql`, `.postgres.sql`, `.mysql.sql` | what applies it on that kind, instead of the former |
//! | `0001_initial.down.sql`, `0001_initial.down.sqlite.sql`, … | what takes it back; without one it cannot be unapplied |
//!
//! Inside an app the number is the order. Comments at the top of a file may say more:
//!
//! ```sql
//! -- depends: sessions.0001_initial, shop.0003_prices
//! -- atomic: no
//! -- operation: Create model Product
//! CREATE TABLE shop_product (id integer NOT NULL PRIMARY KEY, name varchar(80) NOT NULL);
//! ```
//!
//! `depends` names migrations of other apps that come first, `atomic: no` runs it outside a transaction, `operation` is the line that
//! `migrate --plan` and `sqlmigrate` show.
//!
//! The table `django_migrations` and the names in it are Django's. So where `sessions.0001_initial` is recorded by either, the
//! other finds nothing to do, and the tables are the same ones.

pub mod executor;
pub mod graph;
pub mod loader;
pub mod migration;
pub mod name;
pub mod recorder;
pub mod script;
pub mod splitter;
