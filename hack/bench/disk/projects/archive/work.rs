//! Packs a text twice, and unpacks it.

use std::io::{Cursor, Read, Write};

use sha2::Digest;

pub fn answer() -> anyhow::Result<String> {
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("a"), "text")?;
    let entries = walkdir::WalkDir::new(dir.path()).into_iter().count();
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut tar = tar::Builder::new(gzip);
    tar.append_dir_all("all", dir.path())?;
    let packed = tar.into_inner()?.finish()?;
    anyhow::ensure!(!packed.is_empty(), "nothing was packed");
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("a", zip::write::SimpleFileOptions::default())?;
    zip.write_all(b"text")?;
    let mut zip = zip::ZipArchive::new(zip.finish()?)?;
    let mut text = String::new();
    zip.by_name("a")?.read_to_string(&mut text)?;
    let digest = sha2::Sha256::digest(text.as_bytes());
    Ok(format!("{entries} entries, {:02x}{:02x}", digest[0], digest[1]))
}
