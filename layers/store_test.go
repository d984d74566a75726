package layers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/layers/active"
	"github.com/cargo-cow/cargo-cow/layers/cargo/checkout"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/record"
)

// directories is a driver of ordinary directories, enough for a store.
type directories struct{}

func (directories) Name() string { return "directories" }

func (directories) Caps() driver.Caps { return driver.Caps{} }

func (directories) Create(_ context.Context, tree string) error {
	return os.Mkdir(tree, 0o777)
}

func (directories) Clone(_ context.Context, tree, from string) error {
	if err := os.Mkdir(tree, 0o777); err != nil {
		return err
	}
	return os.CopyFS(tree, os.DirFS(from))
}

func (d directories) Seal(ctx context.Context, tree, from string) error {
	return d.Clone(ctx, tree, from)
}

func (directories) Delete(_ context.Context, tree string) error { return os.RemoveAll(tree) }

func (directories) Usage(context.Context, string) (driver.Usage, error) {
	return driver.Usage{}, nil
}

func (directories) Holds(tree string) (bool, error) {
	fi, err := os.Lstat(tree)
	return err == nil && fi.IsDir(), nil
}

func newStore(t *testing.T) *Store {
	t.Helper()
	s, err := Create(t.Context(), Options{Dir: t.TempDir() + "/store", Driver: directories{}, Now: time.Now, Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// layer files a layer with nothing in it but its manifest.
func (s *Store) layer(t *testing.T, label string) string {
	t.Helper()
	m := &manifest.Manifest{Format: manifest.Format, Label: label, Origins: []checkout.Origin{{}}}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	id := digest.Of(b)
	if err := os.MkdirAll(filepath.Join(s.tree(id), active.MetaDir), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.tree(id), active.ManifestFile), b, 0o666); err != nil {
		t.Fatal(err)
	}
	return id
}

func (s *Store) reopen(t *testing.T) *Store {
	t.Helper()
	again, err := Open(t.Context(), s.opts)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestOpenWithoutStore(t *testing.T) {
	if _, err := Open(t.Context(), Options{Dir: t.TempDir()}); !errors.Is(err, ErrNoStore) {
		t.Errorf("Open = %v, want ErrNoStore", err)
	}
}

func TestOpenRefusesOtherVersion(t *testing.T) {
	s := newStore(t)
	if err := os.WriteFile(filepath.Join(s.Dir(), versionFile), []byte("cargo-cow store 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), s.opts); err == nil || !strings.Contains(err.Error(), "store 2") {
		t.Errorf("Open = %v, want an error that names the version", err)
	}
}

func TestStoreIsPrivate(t *testing.T) {
	s := newStore(t)
	for _, dir := range []string{"", layersDir, record.Dir, leasesDir} {
		fi, err := os.Stat(filepath.Join(s.Dir(), dir))
		if err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("%q: %v, %v; want 0700", dir, fi.Mode(), err)
		}
	}
}

func TestLayerByName(t *testing.T) {
	s := newStore(t)
	if _, err := s.Layer(t.Context(), "latest"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Layer(latest) of an empty store = %v, want ErrNotFound", err)
	}
	ids := map[string]string{}
	for i, label := range []string{"one", "two"} {
		ids[label] = s.layer(t, label)
		if err := s.writeRecord(Record{ID: ids[label], Label: label, Created: time.Unix(int64(i+1), 0)}); err != nil {
			t.Fatal(err)
		}
	}
	for ref, want := range map[string]string{"one": ids["one"], "two": ids["two"], "latest": ids["two"], ids["one"][:4]: ids["one"], ids["one"]: ids["one"]} {
		if r, err := s.Layer(t.Context(), ref); err != nil || r.ID != want {
			t.Errorf("Layer(%s) = %+v, %v; want %s", ref, r, err, want)
		}
	}
	for _, ref := range []string{"", "three", ids["one"][:3]} {
		if r, err := s.Layer(t.Context(), ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("Layer(%q) = %+v, %v; want ErrNotFound", ref, r, err)
		}
	}
}

// A layer whose manifest is not the one it was sealed with is used by nobody.
func TestDamagedManifest(t *testing.T) {
	s := newStore(t)
	id := s.layer(t, "")
	if err := os.WriteFile(filepath.Join(s.tree(id), active.ManifestFile), []byte(`{"format":2,"origins":[{}]}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := s.manifest(id); err == nil {
		t.Error("the manifest was read")
	}
	problems, err := s.Check(t.Context(), Checking{Repair: true})
	if err != nil || len(problems) != 1 || problems[0].Repaired {
		t.Errorf("Check = %+v, %v; want one problem that is not mended", problems, err)
	}
	if _, err := os.Lstat(s.tree(id)); err != nil {
		t.Errorf("Check removed a layer: %v", err)
	}
}

// Whoever tidies up at this moment is in nobody's way: neither of one who tries whether the
// store can be written, nor of one who writes a label.
func TestWriteWhileTidiedUp(t *testing.T) {
	s := newStore(t)
	id := s.filed(t, "one")
	stop := make(chan struct{})
	var tidying sync.WaitGroup
	tidying.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := s.sweep(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for n := range 300 {
		if err := s.Writable(); err != nil {
			t.Errorf("Writable = %v", err)
			break
		}
		if _, _, err := s.SetLabel(t.Context(), id, fmt.Sprint("label ", n)); err != nil {
			t.Errorf("SetLabel = %v", err)
			break
		}
	}
	close(stop)
	tidying.Wait()
}
