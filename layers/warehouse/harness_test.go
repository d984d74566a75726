package warehouse

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
)

// A bench is a warehouse with a project, the compiler of which is the test.
type bench struct {
	t    testing.TB
	dir  string
	env  []string
	w    *Warehouse
	more []string // arguments of each call
}

func newBench(t testing.TB, dir string) *bench {
	t.Helper()
	b := &bench{t: t, dir: dir, env: []string{"CARGO_HOME=/none", "PATH=/usr/bin:/bin", "WHO="}, w: In(filepath.Join(dir, "store"))}
	b.write("toolchain/bin/rustc", rustctest.LinkedWith("librustc_driver-1.so"))
	b.write("toolchain/lib/librustc_driver-1.so", "compiler")
	b.write("toolchain/lib/rustlib/x/lib/libstd-1.rlib", "std")
	b.write("store/version", "")
	for _, d := range []string{"src", "target", "store/layers"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) write(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// request is the call that compiles a crate from its source.
func (b *bench) request(crate string) *rustc.Request {
	b.t.Helper()
	argv := append([]string{
		b.dir + "/toolchain/bin/rustc", "--crate-name", crate, "src/" + crate + ".rs", "--error-format=json", "--json=artifacts",
		"--crate-type", "lib", "--emit=dep-info,metadata", "-C", "metadata=0123", "-C", "extra-filename=-4567",
		"--out-dir", b.dir + "/target",
	}, b.more...)
	call, err := rustc.Parse(argv)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := rustc.NewRequest(call, rustc.Context{Dir: b.dir, Environ: b.env})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// compile makes the output of a crate from its source, and a record of that. The
// output is what is said, or tells of the source.
func (b *bench) compile(crate, source string, output ...string) (*rustc.Request, *rustc.Record) {
	b.t.Helper()
	b.write("src/"+crate+".rs", source)
	text := "compiled " + crate + " " + source
	if len(output) > 0 {
		text = output[0]
	}
	path := b.write("target/lib"+crate+"-4567.rmeta", text)
	b.write("target/"+crate+"-4567.d", fmt.Sprintf("%s: src/%s.rs\n\n# env-dep:WHO=\n", path, crate))
	r := b.request(crate)
	rec, err := r.Record(rustc.Run{
		Began: time.Now().Add(time.Second), Cost: time.Second, Files: []rustc.Artifact{{Path: path, Emit: "metadata"}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return r, rec
}

// put compiles a crate and keeps it. It returns where the record and its file are.
func (b *bench) put(crate, source string, output ...string) (record, loose string) {
	b.t.Helper()
	_, rec := b.compile(crate, source, output...)
	b.keep(rec)
	return b.record(rec), b.w.loose(rec.Files[0].Digest)
}

func (b *bench) keep(rec *rustc.Record) {
	b.t.Helper()
	if err := b.w.Put(b.t.Context(), rec, b.dir+"/target", true); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) record(rec *rustc.Record) string {
	return filepath.Join(b.w.dir, unitsDir, rec.Unit, fileName(rec.Request, rec.Key))
}

// answers says why a call is not answered with what was compiled from the source;
// "" if it is.
func (b *bench) answers(crate, source string) string {
	b.t.Helper()
	b.write("src/"+crate+".rs", source)
	r := b.request(crate)
	answer, err := b.w.Find(r, b.t.TempDir())
	if err == nil {
		defer answer.Close()
		_, err = answer.Materialize(b.t.Context())
	}
	var miss *Miss
	if errors.As(err, &miss) {
		return miss.Reason
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return ""
}

// age makes files older.
func age(t testing.TB, by time.Duration, paths ...string) {
	t.Helper()
	for _, path := range paths {
		then := time.Now().Add(-by)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// left are the temporary files of the warehouse.
func (b *bench) left() []string {
	b.t.Helper()
	var all []string
	for _, kind := range []string{unitsDir, filesDir} {
		found, _ := filepath.Glob(filepath.Join(b.w.dir, kind, "*", ".tmp-*"))
		all = append(all, found...)
	}
	return all
}

// layer makes a layer of the store that holds a record's files, and has the record
// say so.
func (b *bench) layer(id string, rec *rustc.Record) {
	b.t.Helper()
	id = strings.Repeat(id, 32)
	for _, f := range rec.Files {
		text, err := os.ReadFile(filepath.Join(b.dir, "target", f.Name))
		if err != nil {
			b.t.Fatal(err)
		}
		b.write("store/layers/"+id+"/debug/deps/"+f.Name, string(text))
	}
	trailer := &rustc.Trailer{Key: rec.Key, Unit: rec.Unit, Request: rec.Request, Files: rec.Files}
	if ok, err := b.w.AddLayer(trailer, rustc.InLayer{Layer: id, Dir: "debug/deps"}); !ok || err != nil {
		b.t.Fatalf("note layer: %v, %v", ok, err)
	}
}
