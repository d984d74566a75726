use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=trees.txt");
    let rows: String = fs::read_to_string("trees.txt")
        .unwrap()
        .lines()
        .map(|line| {
            let (name, feet) = line.split_once(' ').unwrap();
            format!("({name:?}, {feet}.0),")
        })
        .collect();
    let out = Path::new(&env::var_os("OUT_DIR").unwrap()).join("trees.rs");
    fs::write(out, format!("pub const TREES: &[(&str, f64)] = &[{rows}];")).unwrap();
}
