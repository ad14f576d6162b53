//! The table `django_session`, as somebody with a database client sees it.

use nuages::db::sql::Sql;
use nuages::db::sqlx;
use nuages::on_pool;
use nuages::project::Project;

static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM django_session");
static TEXT: Sql = Sql::new("SELECT session_data FROM django_session WHERE session_key = ?");
static INSERT: Sql = Sql::new(
    "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, '2999-01-01 00:00:00')",
);

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

/// Puts a session there that is valid for a long time, with whatever text.
pub(crate) async fn put(project: &Project, key: &str, text: &str) {
    let db = project.db().unwrap();
    on_pool!(db, pool => {
        sqlx::query(INSERT.on(db)).bind(key).bind(text).execute(pool).await.map(|_| ()).unwrap();
    });
}
