//! Says how to get the program of this name: it is written in Go, and a crate cannot carry it.

fn main() {
    eprint!(include_str!("how.txt"));
    std::process::exit(1);
}
