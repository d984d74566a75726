package rustc

import (
	"encoding/hex"
	"os"
	"syscall"
	"time"

	"github.com/zeebo/blake3"
)

// changed is when a file's content may last have changed: the later of its time,
// which anybody can set, and that of its inode, which nobody can.
func changed(info os.FileInfo) time.Time {
	t := info.ModTime()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if c := time.Unix(st.Ctim.Unix()); c.After(t) {
			t = c
		}
	}
	return t
}

func hexDigest(h *blake3.Hasher) string { return hex.EncodeToString(h.Sum(nil)[:digestSize]) }
