//! A service of one page, which asks itself for it.

mod work;

use std::time::Duration;

use anyhow::Context;
use axum::{extract::Path, routing::get, Json, Router};
use clap::Parser;
use serde::{Deserialize, Serialize};

#[derive(Parser)]
struct Args {
    /// whom to answer
    #[arg(long, default_value = "you")]
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    service: String,
    name: String,
    work: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no name")]
struct BadName(String);

fn checked(name: &str) -> Result<&str, BadName> {
    if regex::Regex::new("^[a-z]+$").unwrap().is_match(name) {
        Ok(name)
    } else {
        Err(BadName(name.to_string()))
    }
}

async fn page(Path(name): Path<String>) -> Json<Answer> {
    tracing::debug!(%name, "asked");
    let work = work::answer().unwrap_or_else(|e| e.to_string());
    Json(Answer { service: env!("CARGO_PKG_NAME").to_string(), name, work })
}

async fn ask(name: &str) -> anyhow::Result<Answer> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("listen")?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/{name}", get(page));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build()?;
    let answer = client.get(format!("http://{address}/{name}")).send().await?.error_for_status()?;
    Ok(serde_json::from_str(&answer.text().await?)?)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let args = Args::parse();
    let answer = ask(checked(&args.name)?).await?;
    println!("{} to {}: {}", answer.service, answer.name, answer.work);
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn names() {
        assert!(super::checked("you").is_ok());
        assert!(super::checked("You").is_err());
    }
}
