package workspaces

// Web is a service on axum, with files compiled in by include_dir, their types by
// mime_guess, and a command line by clap.
func Web() *Workspace {
	b := newBuilder("web")
	webParts(b)
	webRoutes(b)
	webServers(b)
	b.edit("asset", "assets/static/index.html", "one", "two")
	b.edit("new asset", "assets/static/new.txt", "", "new\n")
	b.edit("model", "model/src/lib.rs", "pub id: u64", "pub id: u64 ")
	b.edit("handler", "api/src/lib.rs", "\"api\"", "\"the api\"")
	return b.done()
}

// webParts are what the service is made of below its routes.
func webParts(b *builder) {
	const serde = `serde = { version = "1", features = ["derive"] }`
	b.member("model", []string{serde}, map[string]string{
		"src/lib.rs": "#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]\npub struct Note { pub id: u64, pub text: String }\n",
	})
	b.member("errors", []string{`thiserror = "1"`}, map[string]string{
		"src/lib.rs": "#[derive(Debug, thiserror::Error)]\npub enum Error { #[error(\"no note {0}\")] Missing(u64) }\n",
	})
	b.member("store", []string{"model", "errors"}, map[string]string{
		"src/lib.rs": `use std::{collections::BTreeMap, sync::Mutex};
#[derive(Default)]
pub struct Store(Mutex<BTreeMap<u64, model::Note>>);
impl Store {
    pub fn put(&self, n: model::Note) { self.0.lock().unwrap().insert(n.id, n); }
    pub fn get(&self, id: u64) -> Result<model::Note, errors::Error> { self.0.lock().unwrap().get(&id).cloned().ok_or(errors::Error::Missing(id)) }
}
#[cfg(test)]
mod tests { #[test] fn missing() { assert!(super::Store::default().get(1).is_err()) } }
`,
	})
	b.member("assets", []string{`include_dir = "0.7"`, `mime_guess = "2"`}, map[string]string{
		"src/lib.rs": `use include_dir::{include_dir, Dir};
static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/static");
pub fn file(path: &str) -> Option<(String, &'static [u8])> {
    let f = FILES.get_file(path)?;
    Some((mime_guess::from_path(path).first_or_octet_stream().to_string(), f.contents()))
}
`,
		"static/index.html": "<p>one</p>\n",
		"static/style.css":  "p { color: red }\n",
	})
	b.member("settings", []string{serde, `serde_json = "1"`}, map[string]string{
		"src/lib.rs": "#[derive(serde::Deserialize)]\npub struct Settings { pub port: u16 }\npub fn read(text: &str) -> serde_json::Result<Settings> { serde_json::from_str(text) }\n",
	})
	b.member("auth", []string{`base64 = "0.22"`}, map[string]string{
		"src/lib.rs": "use base64::Engine;\npub fn token(user: &str) -> String { base64::engine::general_purpose::STANDARD.encode(user) }\n",
	})
	b.member("version", nil, map[string]string{
		"build.rs": `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let out = std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]).output().unwrap();
    println!("cargo:rustc-env=COMMIT={}", String::from_utf8(out.stdout).unwrap().trim());
}
`,
		"src/lib.rs": "pub const COMMIT: &str = env!(\"COMMIT\");\n",
	})
}

// webRoutes answer requests.
func webRoutes(b *builder) {
	b.member("api", []string{"store", "model", "auth", `axum = { version = "0.8", default-features = false, features = ["json"] }`}, map[string]string{
		"src/lib.rs": `use axum::{extract::{Path, State}, http::StatusCode, routing::get, Json, Router};
use std::sync::Arc;
async fn note(State(s): State<Arc<store::Store>>, Path(id): Path<u64>) -> Result<Json<model::Note>, StatusCode> {
    s.get(id).map(Json).map_err(|_| StatusCode::NOT_FOUND)
}
pub fn router(s: Arc<store::Store>) -> Router { Router::new().route("/note/{id}", get(note)).with_state(s) }
pub fn token() -> String { auth::token("api") }
`,
	})
	b.member("pages", []string{"assets", `axum = { version = "0.8", default-features = false }`}, map[string]string{
		"src/lib.rs": `use axum::{extract::Path, http::StatusCode, response::IntoResponse, routing::get, Router};
async fn page(Path(path): Path<String>) -> Result<impl IntoResponse, StatusCode> {
    let (kind, bytes) = assets::file(&path).ok_or(StatusCode::NOT_FOUND)?;
    Ok(([("content-type", kind)], bytes))
}
pub fn router() -> Router { Router::new().route("/{*path}", get(page)) }
`,
	})
}

// webServers are the programs.
func webServers(b *builder) {
	b.member("admin", []string{"store", "model", `clap = { version = "4", features = ["derive"] }`}, map[string]string{
		"src/main.rs": `use clap::Parser;
#[derive(Parser)]
struct Args { #[arg(long, default_value_t = 1)] id: u64 }
fn main() {
    let s = store::Store::default();
    s.put(model::Note { id: 1, text: "note".into() });
    println!("{:?}", s.get(Args::parse().id));
}
`,
	})
	b.member("server", []string{
		"api", "pages", "store", "settings", "version", `clap = { version = "4", features = ["derive"] }`,
		`axum = { version = "0.8", default-features = false, features = ["http1", "tokio"] }`, `tokio = { version = "1", features = ["rt", "macros", "net"] }`,
	}, map[string]string{
		"src/main.rs": `use clap::Parser;
#[derive(Parser)]
struct Args { #[arg(long)] check: bool }
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args = Args::parse();
    let app = pages::router().nest("/api", api::router(Default::default()));
    let settings = settings::read("{\"port\": 0}").unwrap();
    println!("{} {}", version::COMMIT, api::token());
    if args.check { return }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", settings.port)).await.unwrap();
    axum::serve(listener, app).await.unwrap();
}
`,
		"tests/starts.rs": "#[test]\nfn starts() { assert!(std::process::Command::new(env!(\"CARGO_BIN_EXE_server\")).arg(\"--check\").status().unwrap().success()); }\n",
	})
}
