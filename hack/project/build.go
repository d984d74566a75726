package project

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A Unit is one artifact that cargo reports on.
type Unit struct {
	Package string // its name
	Target  string // its name
	Kind    string // the target's first kind, such as "lib" or "custom-build"; "test" also for a unit test
	Fresh   bool
}

func (u Unit) String() string { return u.Package + " " + u.Kind + " " + u.Target }

// A Result is what one run of cargo did.
type Result struct {
	Elapsed time.Duration
	Units   []Unit
}

// Compiled returns the units that were not fresh, those rustc ran for.
func (r Result) Compiled() []Unit {
	return slices.DeleteFunc(slices.Clone(r.Units), func(u Unit) bool { return u.Fresh })
}

// Cargo runs cargo with args (a verb that builds, such as "build" or "test", "--no-run") in dir and reports what it
// compiled. env is added to Env.
func Cargo(ctx context.Context, dir string, env []string, args ...string) (Result, error) {
	args = append(slices.Clone(args), "--message-format=json")
	start := time.Now()
	out, err := Run(ctx, dir, Env(env...), "cargo", args...)
	if err != nil {
		return Result{}, err
	}
	r := Result{Elapsed: time.Since(start)}
	r.Units, err = parseUnits(out)
	if err != nil {
		return Result{}, fmt.Errorf("read cargo's messages: %w", err)
	}
	return r, nil
}

func parseUnits(messages []byte) ([]Unit, error) {
	var units []Unit
	lines := bufio.NewScanner(bytes.NewReader(messages))
	// A message may carry a rendered diagnostic.
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var m struct {
			Reason    string
			PackageID string `json:"package_id"`
			Target    struct {
				Name string
				Kind []string
			}
			Profile struct{ Test bool }
			Fresh   bool
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil || m.Reason != "compiler-artifact" {
			continue // another message, or a line that a build printed itself
		}
		u := Unit{Package: packageName(m.PackageID), Target: m.Target.Name, Fresh: m.Fresh}
		switch {
		case m.Profile.Test:
			u.Kind = "test"
		case len(m.Target.Kind) > 0:
			u.Kind = m.Target.Kind[0]
		}
		units = append(units, u)
	}
	return units, lines.Err()
}

// packageName reads the name out of a package id: after # stands name@version, or the version alone when the URL's last
// element is the name (cargo 1.95, cargo-util-schemas core/package_id_spec.rs:Display).
func packageName(id string) string {
	url, fragment, _ := strings.Cut(id, "#")
	if name, _, ok := strings.Cut(fragment, "@"); ok {
		return name
	}
	url, _, _ = strings.Cut(url, "?")
	return path.Base(url)
}
