package du

import (
	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/cmd/internal/phrase"
	"github.com/cargo-cow/cargo-cow/cmd/internal/ui"
	"github.com/cargo-cow/cargo-cow/layers/holdings"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// slowBreaks is how often in a MiB a file goes on elsewhere in a tree that is told as slow: in pieces of 16 KiB and less, cold
// data is read at half the speed of data in one piece, and in pieces of 4 KiB at a quarter or less (docs/benchmarks.md, group
// fragments). Build directories lie in far larger ones unless something has rewritten their files in place.
const slowBreaks = 64

// slowLeast is how large such a tree is: a smaller one is read in a second, however it lies.
const slowLeast = 64 << 20

// breaksPerMiB is how often in a MiB a file of a tree goes on elsewhere on the disk.
func breaksPerMiB(h *holdings.Holding) float64 {
	if h.Bytes < slowLeast {
		return 0
	}
	return float64(h.Breaks) / (float64(h.Bytes) / (1 << 20))
}

// noteSlow names the tree that is worst scattered over the disk, if it is read slowly for that, and what mends it. Only a
// build directory is mended: a layer is read-only, and what is made of it lies where it lies.
func noteSlow(term *ui.Terminal, list []holdings.Holding, own map[int]bool) {
	var worst *holdings.Holding
	for i := range list {
		h := &list[i]
		if own[i] && breaksPerMiB(h) >= slowBreaks && (worst == nil || breaksPerMiB(h) > breaksPerMiB(worst)) {
			worst = h
		}
	}
	if worst == nil {
		return
	}
	mend := ""
	var fs unix.Statfs_t
	if worst.Kind == holdings.BuildDir && unix.Statfs(worst.Path, &fs) == nil && fs.Type == unix.BTRFS_SUPER_MAGIC {
		mend = "; `btrfs filesystem defragment -r " + paths.ShellWord(worst.Path) + "` mends that, and takes up to " +
			phrase.Size(worst.Bytes-worst.Alone) + " more for what is shared now"
	}
	term.Status("Note", "%s is read slowly: its files go on elsewhere on the disk %.0f times in each MiB%s", worst.Path, breaksPerMiB(worst), mend)
}
