package inputs

import (
	"fmt"
	"os"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/manifest"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// libraries lists what in one directory may be taken for a library. Outside of the
// checkout, where there may be many and large ones, a file is told by its size and
// time: it is the same one for all checkouts, or none.
func (r *TreeReader) libraries(dir string, outside bool) (entries []manifest.TreeEntry, newest Change, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, newest, err
	}
	note := func(path string, at int64) {
		if at > newest.Changed {
			newest = Change{path, at}
		}
	}
	// A file that was taken away shows in the directory's time alone. That which holds
	// the build directory gets another one by our own hands.
	if _, ours := paths.Under(r.checkout.Workspace.BuildDir, dir); !ours {
		if info, err := os.Stat(dir); err == nil {
			note(dir, info.ModTime().UnixNano())
		}
	}
	for _, e := range list {
		path := dir + "/" + e.Name()
		if !linking.IsLibrary(e.Name()) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if outside {
			st := info.Sys().(*syscall.Stat_t)
			note(path, max(st.Mtim.Nano(), st.Ctim.Nano()))
			entries = append(entries, manifest.TreeEntry{Path: paths.Path(e.Name()), Value: fmt.Sprintf("%d bytes, %d", st.Size, st.Mtim.Nano())})
			continue
		}
		st := r.Digests.File(path)
		if st.Err != nil {
			return nil, newest, st.Err
		}
		note(path, st.Changed)
		entries = append(entries, manifest.TreeEntry{Path: paths.Path(e.Name()), Value: st.Digest})
	}
	return entries, newest, nil
}
