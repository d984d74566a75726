package active

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/freshness"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
)

// Provenance is where the content of a build directory comes from, as far as this
// program has put it there. The directory says it of itself.
type Provenance struct {
	// Layer is what the directory was restored from or last sealed as.
	Layer string `json:"layer"`
	// Restored is the one time that the last restore gave to the files of
	// mutable units, in ns since 1970; 0 when there was none.
	Restored int64 `json:"restored,omitempty"`
	// Noted are the reasons for which that restore had units rebuilt.
	Noted []freshness.Noted `json:"noted,omitempty"`
	// Written is when that restore had written its last file, by the kernel's clock,
	// in ns since 1970: a file that changed later was changed by somebody else.
	Written int64 `json:"placed,omitempty"`
	// Lacked are files that units were built from and that the restore did not find.
	Lacked []string `json:"lacked,omitempty"`
}

// ReadProvenance reads what a build directory says of itself. One that says nothing,
// or nothing legible, is one this program knows nothing of.
func ReadProvenance(dir string) Provenance {
	b, err := regular.Read(filepath.Join(dir, provenanceFile))
	if err != nil {
		return Provenance{}
	}
	return parseProvenance(b)
}

func parseProvenance(text []byte) Provenance {
	var p Provenance
	if json.Unmarshal(text, &p) != nil {
		return Provenance{}
	}
	return p
}

// OfLayer reports whether it names a layer, which may be gone.
func (p Provenance) OfLayer() bool { return digest.Is(p.Layer) }

// Write writes it into a build directory.
func (p Provenance) Write(dir string) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write %s: %w", provenanceFile, err)
	}
	return WriteFile(dir, provenanceFile, b)
}

// Untouched reports whether all that lies in a build directory is what a restore
// put there. What Cargo writes before it builds anything does not count: its notes
// about the compiler, its locks. A removed file leaves no trace, but neither
// anything that could be lost.
func (p Provenance) Untouched(dir string) bool {
	if p.Written == 0 {
		return false
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == filepath.Join(dir, MetaDir):
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		switch d.Name() {
		case ".rustc_info.json", ".cargo-lock", ".cargo-build-lock", ".cargo-artifact-lock", "CACHEDIR.TAG":
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Ctim.Nano() > p.Written {
			return errTouched
		}
		return nil
	})
	return err == nil
}

var errTouched = errors.New("written to since it was restored")
