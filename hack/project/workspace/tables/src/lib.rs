//! A table that the build script makes from trees.txt.

include!(concat!(env!("OUT_DIR"), "/trees.rs"));
