package workspaces

import (
	"crypto/sha256"
	"fmt"
)

// Data asks SQLite by sqlx, whose macros check queries against what is in .sqlx, and
// compiles that database from C.
func Data() *Workspace {
	b := newBuilder("data")
	const sqlx = `sqlx = { version = "0.8", default-features = false, features = ["runtime-tokio", "sqlite", "macros", "migrate"] }`
	b.Files[".cargo/config.toml"] = "[env]\nSQLX_OFFLINE = \"true\"\n"
	b.Files["migrations/1_notes.sql"] = "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, text TEXT NOT NULL);\n"
	tables := []string{"notes", "people", "places", "words"}
	for _, table := range tables {
		query := "SELECT id FROM " + table
		hash := fmt.Sprintf("%x", sha256.Sum256([]byte(query)))
		b.Files[".sqlx/query-"+hash+".json"] = fmt.Sprintf(`{
  "db_name": "SQLite",
  "query": %q,
  "describe": {
    "columns": [{ "name": "id", "ordinal": 0, "type_info": "Integer" }],
    "parameters": { "Right": 0 },
    "nullable": [false]
  },
  "hash": %q
}
`, query, hash)
		b.member(table, []string{sqlx, "pool"}, map[string]string{
			"src/lib.rs": fmt.Sprintf(`pub async fn first(pool: &pool::Pool) -> Result<i64, sqlx::Error> {
    Ok(sqlx::query!(%q).fetch_one(pool).await?.id)
}
`, query),
		})
		if table == "notes" {
			b.edit("offline data", ".sqlx/query-"+hash+".json", `"nullable": [false]`, `"nullable": [ false ]`)
		}
	}
	b.member("pool", []string{sqlx}, map[string]string{
		"src/lib.rs": "pub type Pool = sqlx::SqlitePool;\npub const MEMORY: &str = \"sqlite::memory:\";\n",
	})
	b.member("schema", []string{sqlx}, map[string]string{
		"src/lib.rs": "pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!(\"../migrations\");\n",
	})
	b.member("sums", nil, map[string]string{"src/lib.rs": "pub fn sum(a: i64, b: i64) -> i64 { a + b }\n"})
	b.member("report", []string{"notes", "people", "sums", "pool", sqlx}, map[string]string{
		"src/lib.rs": "pub async fn report(p: &pool::Pool) -> Result<i64, sqlx::Error> { Ok(sums::sum(notes::first(p).await?, people::first(p).await?)) }\n",
	})
	b.member("search", []string{"places", "words", "pool", sqlx}, map[string]string{
		"src/lib.rs": "pub async fn search(p: &pool::Pool) -> Result<i64, sqlx::Error> { Ok(places::first(p).await? + words::first(p).await?) }\n",
	})
	b.member("app", []string{"report", "search", "schema", "pool", `tokio = { version = "1", features = ["rt", "macros"] }`}, map[string]string{
		"src/main.rs": `#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pool = pool::Pool::connect(pool::MEMORY).await.unwrap();
    println!("{} {:?} {:?}", schema::MIGRATOR.iter().count(), report::report(&pool).await.is_ok(), search::search(&pool).await.is_ok());
}
`,
	})
	b.edit("migration", "migrations/2_people.sql", "", "CREATE TABLE people (id INTEGER PRIMARY KEY NOT NULL);\n")
	b.edit("sum", "sums/src/lib.rs", "a + b", "b + a")
	return b.done()
}
