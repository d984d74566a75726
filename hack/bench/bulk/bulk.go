// Package bulk makes a target directory as large as wanted, for benchmarks whose subject is how cost grows with it. What it
// adds are units of a registry crate, complete and consistent in every file that Cargo or cargo-cow would read; Cargo never
// asks for them, as it never asks for what other features, profiles or versions have left in a real target. One goroutine
// at a time may fill a directory, and no build may run in it meanwhile.
package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/fingerprint"
)

// FilesPerUnit is how many files a unit that Fill adds has: four of its fingerprint, the rlib, the rmeta, the .d file.
const FilesPerUnit = 7

// ErrNoTemplate means that the target has no unit to make more of: a library of the registry without dependencies.
var ErrNoTemplate = errors.New("no built registry library without dependencies")

// A template is the unit that the others are made like. Layout: cargo 1.95, compiler/layout.rs and
// compiler/build_runner/compilation_files.rs:fingerprint_file_path.
type template struct {
	profile     string // directory
	pkg         string // package name
	crate       string // crate name
	id          string // unit id
	fingerprint *fingerprint.Fingerprint
}

// Fill adds at least n files to the profile directory (target/debug), in whole units, and returns how many.
func Fill(profile string, n int) (int, error) {
	t, err := find(profile)
	if err != nil {
		return 0, fmt.Errorf("fill %s: %w", profile, err)
	}
	added := 0
	for added < n {
		if err := t.add(); err != nil {
			return added, fmt.Errorf("fill %s: %w", profile, err)
		}
		added += FilesPerUnit
	}
	return added, nil
}

// Count returns the number of files below dir.
func Count(dir string) (int, error) {
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return err
	})
	return n, err
}

func find(profile string) (*template, error) {
	files, err := filepath.Glob(filepath.Join(profile, ".fingerprint", "*", "lib-*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f, err := fingerprint.Parse(data)
		if err != nil {
			return nil, err
		}
		if len(f.Deps) > 0 || len(f.Local) != 1 || f.Local[0].Kind != fingerprint.CheckDepInfo || !f.Reproducible() {
			continue
		}
		dir := filepath.Base(filepath.Dir(path))
		dash := strings.LastIndexByte(dir, '-')
		crate := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "lib-"), ".json")
		t := &template{profile: profile, pkg: dir[:dash], crate: crate, id: dir[dash+1:], fingerprint: f}
		// Only where its sources lie tells a registry package from a path package.
		if sources, err := os.ReadFile(t.makefile(t.id)); err == nil && bytes.Contains(sources, []byte("/registry/src/")) {
			return t, nil
		}
	}
	return nil, ErrNoTemplate
}

func (t *template) library(id, ext string) string {
	return filepath.Join(t.profile, "deps", "lib"+t.crate+"-"+id+ext)
}

func (t *template) makefile(id string) string {
	return filepath.Join(t.profile, "deps", t.crate+"-"+id+".d")
}

// add makes one more unit: the template's files under a new id. Its fingerprint names its own files, and so has a hash of
// its own, by which alone one unit refers to another.
func (t *template) add() error {
	id := fmt.Sprintf("%016x", rand.Uint64())
	f := *t.fingerprint
	f.Local = slices.Clone(f.Local)
	f.Local[0].DepInfo = strings.Replace(f.Local[0].DepInfo, t.id, id, 1)

	from := filepath.Join(t.profile, ".fingerprint", t.pkg+"-"+t.id)
	to := filepath.Join(t.profile, ".fingerprint", t.pkg+"-"+id)
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	name := "lib-" + t.crate
	rename := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(t.id), []byte(id)) }
	files := []struct {
		from, to string
		edit     func([]byte) []byte
	}{
		{filepath.Join(from, name), filepath.Join(to, name), func([]byte) []byte { return []byte(fingerprint.FormatHash(f.Hash())) }},
		{filepath.Join(from, name+".json"), filepath.Join(to, name+".json"), func([]byte) []byte { return f.Encode() }},
		{filepath.Join(from, "dep-"+name), filepath.Join(to, "dep-"+name), nil},
		{filepath.Join(from, "invoked.timestamp"), filepath.Join(to, "invoked.timestamp"), nil},
		{t.library(t.id, ".rlib"), t.library(id, ".rlib"), nil},
		{t.library(t.id, ".rmeta"), t.library(id, ".rmeta"), nil},
		{t.makefile(t.id), t.makefile(id), rename},
	}
	for _, file := range files {
		if err := clone(file.from, file.to, file.edit); err != nil {
			return err
		}
	}
	return nil
}

// clone copies a file with its time, which Cargo compares; edit may change the content.
func clone(from, to string, edit func([]byte) []byte) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if edit != nil {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, edit(data), info.Mode().Perm()); err != nil {
			return err
		}
	} else if err := copyFile(from, to, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

func copyFile(from, to string, perm fs.FileMode) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
