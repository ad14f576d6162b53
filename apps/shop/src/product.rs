//! `shop_product`.

use nuages::db::database::Database;
use nuages::db::sql::{Sql, placeholders};
use nuages::error::Result;
use nuages::on_pool;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::money::Cents;

/// One thing to buy.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Product {
    pub(crate) slug: String,
    pub(crate) name: String,
    teaser: String,
    description: String,
    pub(crate) price: Cents,
    /// Which drawing, and its colour in degrees.
    icon: String,
    hue: i64,
}

/// `slug, name, teaser, description, cents, icon, hue`
type Row = (String, String, String, String, i64, String, i64);

impl From<Row> for Product {
    fn from((slug, name, teaser, description, cents, icon, hue): Row) -> Self {
        // A price below nothing can only be a slip in the table.
        let price = Cents(u64::try_from(cents).unwrap_or_default());
        Self { slug, name, teaser, description, price, icon, hue }
    }
}

static ALL: Sql =
    Sql::new("SELECT slug, name, teaser, description, cents, icon, hue FROM shop_product ORDER BY id");
static ONE: Sql =
    Sql::new("SELECT slug, name, teaser, description, cents, icon, hue FROM shop_product WHERE slug = ?");

impl Product {
    /// Everything there is.
    pub(crate) async fn all(db: &Database) -> Result<Vec<Self>> {
        let rows: Vec<Row> = on_pool!(db, pool => sqlx::query_as(ALL.on(db)).fetch_all(pool).await?);
        Ok(rows.into_iter().map(Self::from).collect())
    }

    /// The one of that name.
    pub(crate) async fn find(db: &Database, slug: &str) -> Result<Option<Self>> {
        let row: Option<Row> =
            on_pool!(db, pool => sqlx::query_as(ONE.on(db)).bind(slug).fetch_optional(pool).await?);
        Ok(row.map(Self::from))
    }

    /// The ones of those names, as far as they are there.
    pub(crate) async fn among(
        db: &Database,
        slugs: impl ExactSizeIterator<Item = &str>,
    ) -> Result<Vec<Self>> {
        if slugs.len() == 0 {
            return Ok(Vec::new());
        }
        let marks = vec!["?"; slugs.len()].join(", ");
        let text = format!(
            "SELECT slug, name, teaser, description, cents, icon, hue FROM shop_product WHERE slug IN ({marks}) ORDER BY id"
        );
        // Nothing but question marks was put into the text.
        let text = AssertSqlSafe(placeholders(text, db.vendor()));
        let rows: Vec<Row> = on_pool!(db, pool => {
            let mut query = sqlx::query_as(text);
            for slug in slugs {
                query = query.bind(slug);
            }
            query.fetch_all(pool).await?
        });
        Ok(rows.into_iter().map(Self::from).collect())
    }
}
