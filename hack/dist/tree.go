package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
)

// programs are those of one platform. None of them needs C, so each runs whatever the system has for a C library.
func (r release) programs(ctx context.Context, p platform, work string) ([]file, error) {
	dir := filepath.Join(work, p.goarch)
	if _, err := os.Stat(dir); err != nil {
		if err := r.build(ctx, p.goarch, dir); err != nil {
			return nil, err
		}
	}
	var files []file
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{"bin/" + name, 0o755, data})
	}
	return files, nil
}

// build leaves out what differs between two checkouts of a commit: where they lie, and what git has to say of them.
func (r release) build(ctx context.Context, goarch, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	env := project.Env("CGO_ENABLED=0", "GOOS=linux", "GOARCH="+goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=")
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version=" + r.version, "-o", dir + "/"}
	for _, name := range names {
		args = append(args, "./cmd/"+name)
	}
	if _, err := project.Run(ctx, r.source, env, "go", args...); err != nil {
		return fmt.Errorf("build for %s: %w", goarch, err)
	}
	return nil
}

// common is what all platforms have: man pages, completions, README, licenses.
func (r release) common(ctx context.Context, work string) ([]file, error) {
	// Where this machine is of one of the platforms, that is built here once.
	dir, share := filepath.Join(work, runtime.GOARCH), filepath.Join(work, "share")
	if err := r.build(ctx, runtime.GOARCH, dir); err != nil {
		return nil, err
	}
	if _, err := project.Run(ctx, "", nil, filepath.Join(dir, "cargo-cow"), "share", "--date", r.date.Format(time.DateOnly), share); err != nil {
		return nil, fmt.Errorf("make man pages: %w", err)
	}
	var files []file
	err := fs.WalkDir(os.DirFS(share), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(share, name))
		files = append(files, file{"share/" + name, 0o644, data})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"README.md", "LICENSE"} {
		data, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{docs + name, 0o644, data})
	}
	licenses, err := r.licenses(ctx)
	if err != nil {
		return nil, fmt.Errorf("collect licenses: %w", err)
	}
	return append(files, file{docs + "LICENSES-OF-MODULES", 0o644, licenses}), nil
}

// A module is as much as is asked of go list about one.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// licenses are those of all that is linked into the programs, which are to go with them.
func (r release) licenses(ctx context.Context) ([]byte, error) {
	modules := map[string]module{}
	for _, p := range platforms {
		env := project.Env("CGO_ENABLED=0", "GOOS=linux", "GOARCH="+p.goarch)
		out, err := project.Run(ctx, r.source, env, "go", "list", "-deps", "-json=Module", "./cmd/cargo-cow", "./cmd/cargo-cow-rustc")
		if err != nil {
			return nil, err
		}
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var listed struct{ Module *module }
			if err := dec.Decode(&listed); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if m := listed.Module; m != nil && !m.Main {
				modules[m.Path] = *m
			}
		}
	}
	goroot, err := project.Run(ctx, r.source, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	all := []module{{Path: "the Go standard library", Dir: strings.TrimSpace(string(goroot))}}
	for _, m := range modules {
		all = append(all, m)
	}
	slices.SortFunc(all[1:], func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	b.WriteString("What cargo-cow is linked from, besides its own code, with the license of each.\n")
	for _, m := range all {
		found, err := filepath.Glob(filepath.Join(m.Dir, "LICENSE*"))
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("%s has no LICENSE: %v", m.Path, err)
		}
		for _, name := range found {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			title := strings.TrimSpace(m.Path + " " + m.Version + ", " + path.Base(name))
			fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", title, strings.Repeat("=", len(title)), bytes.TrimSpace(text))
		}
	}
	return b.Bytes(), nil
}
