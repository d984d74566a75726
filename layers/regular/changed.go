package regular

import (
	"os"
	"path/filepath"
	"syscall"
)

// Changed returns when the file at path can last have been another, in ns since 1970: the latest of the change times of
// the file and of symbolic links that stand for it, as /usr/bin/cc may. It is 0 where there is none.
func Changed(path string) (last int64) {
	for range 40 { // as many links as the kernel follows
		var st syscall.Stat_t
		if syscall.Lstat(path, &st) != nil {
			return 0
		}
		last = max(last, st.Mtim.Nano(), st.Ctim.Nano())
		if st.Mode&syscall.S_IFMT != syscall.S_IFLNK {
			return last
		}
		to, err := os.Readlink(path)
		if err != nil {
			return 0
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return 0
}
