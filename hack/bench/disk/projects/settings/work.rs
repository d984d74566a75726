//! Reads settings in two languages, and says how they differ.

use uuid::Uuid;

pub fn answer() -> anyhow::Result<String> {
    let one: toml::Table = toml::from_str("version = \"1.3.0\"\n")?;
    let two: serde_yaml::Value = serde_yaml::from_str("version: 1.2.0\n")?;
    let seen = dashmap::DashMap::new();
    for text in [one["version"].as_str(), two["version"].as_str()] {
        seen.insert(semver::Version::parse(text.unwrap_or_default())?, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"settings"));
    }
    let fits = semver::VersionReq::parse("^1.3")?;
    let fitting = seen.iter().filter(|e| fits.matches(e.key())).count();
    let changes = similar::TextDiff::from_lines("a\n", "b\n").iter_all_changes().count();
    Ok(minijinja::Environment::new().render_str("{{ a }} of {{ b }}, {{ c }}", minijinja::context!(a => fitting, b => seen.len(), c => changes))?)
}
