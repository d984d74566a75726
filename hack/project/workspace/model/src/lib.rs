//! Trees with their heights.

use derive::Name;
use serde::Serialize;

#[derive(Debug, Name, Serialize)]
pub struct Tree {
    pub name: &'static str,
    pub metres: f64,
}

pub fn tallest() -> Tree {
    tables::TREES
        .iter()
        .map(|&(name, feet)| Tree { name, metres: units::metres(feet) })
        .max_by(|a, b| a.metres.total_cmp(&b.metres))
        .expect("a tree")
}
