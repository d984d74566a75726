package locate

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// othersWrite: what others may write to is as good as theirs. A store is made for its user
// alone.
const othersWrite = 0o022

// IsStore reports whether a store of this user's is at dir: what lies in it is run.
func IsStore(dir string) bool {
	var st unix.Stat_t
	if !strings.HasPrefix(dir, "/") || unix.Stat(dir, &st) != nil || int(st.Uid) != os.Geteuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&othersWrite != 0 {
		return false
	}
	return unix.Stat(dir+"/"+paths.StoreVersion, &st) == nil
}
