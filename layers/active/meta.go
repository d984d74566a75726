package active

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Names in every tree, build directory and layer alike.
const (
	// MetaDir is this program's own directory.
	MetaDir = paths.TreeMeta
	// ManifestFile says what each unit was built from.
	ManifestFile = paths.TreeManifest
	// UnitCacheFile has what need not be read of the units again.
	UnitCacheFile = manifest.NestedCacheFile

	provenanceFile = paths.TreeActive
)

// makeMeta makes this program's own directory in a build directory.
func makeMeta(dir string) error { return atomicfile.MakeDir(filepath.Join(dir, MetaDir)) }

// WriteFile replaces one of this program's files in a build directory. It does
// not wait for the disk: sealing does, and what a power cut takes from a build
// directory is found missing, and then its units are inspected anew.
func WriteFile(dir, name string, b []byte) error {
	err := within(dir, func(dir string) error {
		path := filepath.Join(dir, name)
		if err := makeMeta(dir); err != nil {
			return err
		}
		f, err := atomicfile.Create(path+".new", 0o666)
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// AppendFile adds to one of this program's files in a build directory. A process
// that dies leaves a part of b there; what reads the file has to see that.
func AppendFile(dir, name string, b []byte) error {
	err := within(dir, func(dir string) error {
		if err := makeMeta(dir); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(b)
		return errors.Join(err, f.Close())
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Manifest reads the manifest that lies in a build directory, and when it was written, by
// the kernel's clock, in ns since 1970. It is nil where there is none, or none legible.
func Manifest(dir string) (*manifest.Manifest, int64) {
	path := filepath.Join(dir, ManifestFile)
	fi, err := os.Stat(path)
	if err != nil {
		return nil, 0
	}
	b, err := regular.Read(path)
	if err != nil {
		return nil, 0
	}
	m, err := manifest.Decode(b)
	if err != nil {
		return nil, 0
	}
	return m, fi.ModTime().UnixNano()
}

// UnitCache reads what the last inspection has learnt of the units in a build directory
// or layer, so that the next need not read them again. Nothing is an empty one.
func UnitCache(dir string) []byte {
	b, _ := regular.Read(filepath.Join(dir, UnitCacheFile))
	return b
}
