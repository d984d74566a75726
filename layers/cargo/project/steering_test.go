package project

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// steer returns what steers cargo in top/app.
func steer(t *testing.T, top string) (string, error) {
	t.Helper()
	tool := Tool{Dir: filepath.Join(top, "app"), Environ: []string{"HOME=" + filepath.Join(top, "nobody"), "CARGO_HOME=" + filepath.Join(top, "nobody")}}
	if err := os.MkdirAll(tool.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return tool.Steering(top)
}

// Each change of what decides which programs run is seen, and nothing else is.
func TestSteering(t *testing.T) {
	top := t.TempDir()
	known := map[string]string{}
	is := func(what string, isNew bool) {
		t.Helper()
		id, err := steer(t, top)
		if err != nil {
			t.Fatal(err)
		}
		if was, seen := known[id]; seen == isNew {
			t.Errorf("%s: the same as %q: %v, want new: %v", what, was, seen, isNew)
		}
		known[id] = what
	}
	is("nothing", true)
	if id, _ := steer(t, top); id != "" {
		t.Errorf("nothing steers, and the digest is %q", id)
	}
	write(t, top+"/app/Cargo.toml", "[package]\nname = \"a\"\n")
	write(t, top+"/app/src/lib.rs", "fn f() {}\n")
	is("sources", false)
	write(t, top+"/app/.cargo/config.toml", "[build]\nrustc-wrapper = \"tools/wrap\"\n")
	is("configuration", true)
	write(t, top+"/app/tools/wrap", "#!/bin/sh\n")
	is("the wrapper that it names", true)
	write(t, top+"/app/tools/wrap", "#!/bin/sh\nevil\n")
	is("another wrapper", true)
	write(t, top+"/app/tools/other", "#!/bin/sh\n")
	is("a program that it does not name", false)
	write(t, top+"/.cargo/config", "[env]\nX = \"1\"\n")
	is("configuration above", true)
	write(t, top+"/rust-toolchain", "1.85.0\n")
	is("a toolchain by name", true)
	write(t, top+"/app/rust-toolchain.toml", "[toolchain]\nchannel = \"1.90.0\"\n")
	is("another toolchain", true)
	write(t, top+"/app/more.toml", "[build]\nrustc = \"evil\"\n")
	is("a file that nothing includes", false)
	write(t, top+"/app/.cargo/config.toml", "include = [\"../more.toml\"]\n")
	is("one that is included", true)
	write(t, top+"/app/more.toml", "[build]\nrustc = \"worse\"\n")
	is("one that is included and changed", true)

	write(t, top+"/app/rust-toolchain.toml", "[toolchain]\npath = \"../toolchain\"\n")
	is("a toolchain that is not there", true)
	write(t, top+"/toolchain/bin/cargo", "#!/bin/sh\n")
	if _, err := steer(t, top); !errors.Is(err, ErrOwnToolchain) {
		t.Errorf("the toolchain is in the checkout: got %v", err)
	}
	if err := os.Remove(top + "/app/rust-toolchain.toml"); err != nil {
		t.Fatal(err)
	}
	write(t, top+"/app/rust-toolchain", "../toolchain\n")
	if _, err := steer(t, top); !errors.Is(err, ErrOwnToolchain) {
		t.Errorf("in the older form: got %v", err)
	}
}

// It does not depend on where the checkout lies.
func TestSteeringElsewhere(t *testing.T) {
	var ids []string
	for range 2 {
		top := t.TempDir()
		write(t, top+"/app/.cargo/config.toml", "[build]\nrustc-wrapper = \"tools/wrap\"\n")
		write(t, top+"/app/tools/wrap", "#!/bin/sh\n")
		write(t, top+"/rust-toolchain.toml", "[toolchain]\nchannel = \"stable\"\n")
		id, err := steer(t, top)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[0] == "" {
		t.Errorf("got %q", ids)
	}
}

// Configuration may be anything: it is an error, or has a digest.
func FuzzSteering(f *testing.F) {
	f.Add("[build]\nrustc = \"x\"\n", "[toolchain]\nchannel = \"stable\"\n")
	f.Add("include = [\"config.toml\"]\n", "stable")
	f.Add("include = [{ path = \"/dev/zero\", optional = true }]\n", "/")
	f.Add("[env]\nLD_PRELOAD = { value = \"x.so\", relative = true }\n", "[toolchain]\npath = \"..\"\n")
	f.Add("\x00", "a\nb")
	f.Fuzz(func(t *testing.T, config, toolchain string) {
		top := t.TempDir()
		write(t, top+"/app/.cargo/config.toml", config)
		write(t, top+"/app/rust-toolchain", toolchain)
		if id, err := steer(t, top); err == nil && id == "" {
			t.Error("there is configuration, and it has no digest")
		}
	})
}
