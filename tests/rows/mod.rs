//! The table `django_session`, as somebody with a database client sees it.

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::on_pool;
use nuages::project::Project;

static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session");
static TEXT: Sql = Sql::new("SELECT session_data FROM django_session WHERE session_key = ?");

/// How many sessions there are.
pub(crate) async fn count(project: &Project) -> i64 {
    let db = project.db().unwrap();
    on_pool!(db, pool => sqlx::query_scalar(COUNT.on(db)).fetch_one(pool).await.unwrap())
}

/// `session_data` of that session, if there is one.
pub(crate) async fn text(project: &Project, key: &str) -> Option<String> {
    let db = project.db().unwrap();
    on_pool!(db, pool => sqlx::query_scalar(TEXT.on(db)).bind(key).fetch_optional(pool).await.unwrap())
}
