package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/rustc"
	"github.com/cargo-cow/cargo-cow/layers/rustc/rustctest"
	"github.com/cargo-cow/cargo-cow/layers/warehouse"
)

// The warehouse is asked by calls of a compiler that is not run: its output is written by
// the process itself.

// layCrates makes what all processes' calls have in common, a toolchain.
func layCrates(dir string) error {
	for name, text := range map[string]string{
		"toolchain/bin/rustc":                     rustctest.LinkedWith("librustc_driver-1.so"),
		"toolchain/lib/librustc_driver-1.so":      "compiler",
		"toolchain/lib/rustlib/x/lib/libstd.rlib": "std",
	} {
		if err := writeNew(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	return nil
}

func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o666)
}

// compiled is what the compiler makes of a crate's source.
func compiled(crate, number int) string {
	return fmt.Sprintf("crate %d from source %d\n", crate, number) + string(program(number*100+crate))
}

// warehouse carries out an operation on the warehouse.
func (o *operator) warehouse(q request, r *response) error {
	w := warehouse.In(o.Store)
	switch q.Op {
	case opVerify:
		v, err := w.Verify(background, warehouse.Verification{Content: true})
		if err != nil {
			return err
		}
		for _, d := range v.Damaged {
			r.Problems = append(r.Problems, d.Path+": "+d.Problem)
		}
		return nil
	case opSweep:
		_, err := w.Sweep(background, time.Now().Add(q.Clock))
		return err
	}
	dir := filepath.Join(o.Crates, fmt.Sprint("of-", o.Number))
	call, err := o.call(dir, q)
	if err != nil {
		return err
	}
	if q.Op == opPut {
		return put(w, call, dir, q)
	}
	out := filepath.Join(dir, "target")
	answer, err := w.Find(call, out)
	if err == nil {
		defer answer.Close()
		_, err = answer.Materialize(background)
	}
	if m := (*warehouse.Miss)(nil); errors.As(err, &m) {
		r.Kind, r.Error = miss, m.Error()
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(out, answer.Files[0].Name))
	r.Text = fmt.Sprintf("%x", digestOf(text))
	return err
}

// call is that which compiles a crate from a source, in a directory of this process's.
func (o *operator) call(dir string, q request) (*rustc.Request, error) {
	// What a call before has left there must not answer.
	if err := os.RemoveAll(filepath.Join(dir, "target")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "target"), 0o777); err != nil {
		return nil, err
	}
	crate := fmt.Sprint("crate", q.Crate)
	if err := writeNew(filepath.Join(dir, "src", crate+".rs"), fmt.Sprint("source ", q.Number)); err != nil {
		return nil, err
	}
	call, err := rustc.Parse([]string{
		o.Crates + "/toolchain/bin/rustc", "--crate-name", crate, "src/" + crate + ".rs", "--error-format=json", "--json=artifacts",
		"--crate-type", "lib", "--emit=dep-info,metadata", "-C", "metadata=0123", "-C", "extra-filename=-4567",
		"--out-dir", dir + "/target",
	})
	if err != nil {
		return nil, err
	}
	return rustc.NewRequest(call, rustc.Context{Dir: dir, Environ: []string{"CARGO_HOME=/none", "PATH=/usr/bin:/bin", "WHO="}})
}

// put compiles a crate, and keeps what was compiled.
func put(w *warehouse.Warehouse, call *rustc.Request, dir string, q request) error {
	crate := fmt.Sprint("crate", q.Crate)
	path := filepath.Join(dir, "target/lib"+crate+"-4567.rmeta")
	if err := os.WriteFile(path, []byte(compiled(q.Crate, q.Number)), 0o666); err != nil {
		return err
	}
	list := fmt.Sprintf("%s: src/%s.rs\n\n# env-dep:WHO=\n", path, crate)
	if err := os.WriteFile(filepath.Join(dir, "target", crate+"-4567.d"), []byte(list), 0o666); err != nil {
		return err
	}
	rec, err := call.Record(rustc.Run{
		Began: time.Now().Add(time.Second), Cost: time.Second, Files: []rustc.Artifact{{Path: path, Emit: "metadata"}},
	})
	if err != nil {
		return err
	}
	return w.Put(background, rec, filepath.Dir(path), true)
}
