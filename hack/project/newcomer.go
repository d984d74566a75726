package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Newcomer makes dir, which must not exist, a git repository with a program of that name which nobody has built, and whose
// dependencies are those of the published project at origin, but for one that is left out: the same versions and features
// by a lockfile of its own. It uses all of them, and prints its name. What it needs must be in cargo's home.
func Newcomer(ctx context.Context, origin, name, without, dir string) error {
	manifest, err := os.ReadFile(filepath.Join(origin, "Cargo.toml"))
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	lock, err := os.ReadFile(filepath.Join(origin, "Cargo.lock"))
	if err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	kept, uses := dependencies(string(manifest), without)
	var main strings.Builder
	for _, crate := range uses {
		fmt.Fprintf(&main, "use %s as _;\n", strings.ReplaceAll(crate, "-", "_"))
	}
	main.WriteString("\nfn main() {\n    println!(env!(\"CARGO_PKG_NAME\"));\n}\n")
	files := map[string]string{
		"Cargo.toml":  fmt.Sprintf("[package]\nname = %q\nversion = \"0.1.0\"\n%s\n%s", name, unification(string(manifest)), kept),
		"Cargo.lock":  string(lock),
		"src/main.rs": main.String(),
		".gitignore":  "/target\n",
	}
	// What a build script needs is built only where there is one.
	if _, err := os.Stat(filepath.Join(origin, "build.rs")); err == nil {
		files["build.rs"] = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n}\n"
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("make %s: %w", name, err)
	}
	for file, text := range files {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fmt.Errorf("make %s: %w", name, err)
		}
	}
	// Whatever reads the lockfile makes it this package's own, and moves no version.
	if _, err := Run(ctx, dir, Env(), "cargo", "metadata", "--offline", "--quiet", "--format-version=1"); err != nil {
		return fmt.Errorf("make %s: %w", name, err)
	}
	return Commit(ctx, dir, "Make "+name)
}

// unification returns the lines of a published manifest that decide which features a dependency has: the resolver, and the
// edition, which names one where nothing else does.
func unification(manifest string) (lines string) {
	_, section, _ := strings.Cut("\n"+manifest, "\n[package]\n")
	section, _, _ = strings.Cut(section, "\n[")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "edition = ") || strings.HasPrefix(line, "resolver = ") {
			lines += strings.TrimSuffix(line, "\n") + "\n"
		}
	}
	return lines
}

// dependencies returns the sections of a published manifest that decide what is built of other packages and how, without
// one of them, and the names of those that a program can use. Those of tests are among the sections, as the first resolver
// gives the features that they ask for to all. Cargo publishes each dependency as a section of its own (cargo 1.95,
// util/toml/mod.rs: to_string_pretty of the manifest that it has normalized).
func dependencies(manifest, without string) (sections string, names []string) {
	for _, section := range strings.SplitAfter("\n"+manifest, "\n[")[1:] {
		section = "[" + strings.TrimSuffix(section, "[")
		header, _, _ := strings.Cut(section, "\n")
		header = strings.Trim(header, "[]")
		wanted := slices.ContainsFunc([]string{"dependencies.", "build-dependencies.", "dev-dependencies.", "target.", "features", "profile."}, func(of string) bool {
			return strings.HasPrefix(header, of)
		})
		if !wanted || header == "dependencies."+without {
			continue
		}
		sections += section
		if name, ok := strings.CutPrefix(header, "dependencies."); ok && !strings.Contains(section, "optional = true") {
			names = append(names, name)
		}
	}
	return sections, names
}
