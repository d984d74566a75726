package main

import (
	"io/fs"
	"time"
)

// A release is one version of the program, to be made.
type release struct {
	source  string // the module's root
	version string // as cargo and dpkg read it
	date    time.Time
}

// A platform is what programs are built for. Its triple is that of Rust for programs without a C library of the system's:
// cargo binstall looks for it where there is musl, and where there is glibc if it finds none for that.
type platform struct {
	goarch, triple, debian string
}

var platforms = []platform{
	{"amd64", "x86_64-unknown-linux-musl", "amd64"},
	{"arm64", "aarch64-unknown-linux-musl", "arm64"},
}

// A file is one that is installed, at a path below /usr or /usr/local.
type file struct {
	path string
	mode fs.FileMode
	data []byte
}

// Where texts about the program lie.
const docs = "share/doc/cargo-cow/"

var names = []string{"cargo-cow", "cargo-cow-rustc"}
