package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// crate publishes a version of a crate in the directory $WORK/registry, which
// stands for crates.io from then on: its function version tells its version. The
// name has four letters or more.
func crate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || len(args[0]) < 4 {
		ts.Fatalf("usage: crate NAME VERSION")
	}
	name, version := args[0], args[1]
	files := [][2]string{
		{"Cargo.toml", fmt.Sprintf("[package]\nname = %q\nversion = %q\nedition = \"2021\"\n", name, version)},
		{"src/lib.rs", fmt.Sprintf("pub fn version() -> &'static str { %q }\n", version)},
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zip)
	for _, f := range files {
		ts.Check(archive.WriteHeader(&tar.Header{Name: name + "-" + version + "/" + f[0], Mode: 0o644, Size: int64(len(f[1]))}))
		_, err := archive.Write([]byte(f[1]))
		ts.Check(err)
	}
	ts.Check(archive.Close())
	ts.Check(zip.Close())

	registry := ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "registry"))
	entry := filepath.Join(registry, "index", name[:2], name[2:4], name)
	ts.Check(os.MkdirAll(filepath.Dir(entry), 0o777))
	ts.Check(os.WriteFile(filepath.Join(registry, name+"-"+version+".crate"), packed.Bytes(), 0o666))
	index, err := os.OpenFile(entry, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	ts.Check(err)
	_, err = fmt.Fprintf(index, `{"name":%q,"vers":%q,"deps":[],"cksum":"%x","features":{},"yanked":false}`+"\n", name, version, sha256.Sum256(packed.Bytes()))
	ts.Check(err)
	ts.Check(index.Close())

	config := filepath.Join(ts.Getenv("CARGO_HOME"), "config.toml")
	ts.Check(os.MkdirAll(filepath.Dir(config), 0o777))
	ts.Check(os.WriteFile(config, fmt.Appendf(nil, "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\nlocal-registry = %q\n", registry), 0o666))
}
