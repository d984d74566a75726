package locate

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Trespass reports whether this process is root's and dir lies in a checkout of another user's, and
// of which: what it wrote there, or into a store for that, the user could neither change nor remove.
// So it is after sudo by mistake. Whose a checkout is is told by its .git, and where there is none
// by its Cargo.toml: the directory itself may be one that somebody has made for root to fill. A working
// tree is also whose its repository is, into which we write as well.
func Trespass(dir string) (uid int, yes bool) {
	if os.Geteuid() != 0 {
		return 0, false
	}
	return ownerOfCheckout(dir)
}

// ownerOfCheckout is whose the checkout is that dir lies in, if that is not root.
func ownerOfCheckout(dir string) (uid int, other bool) {
	for ; strings.HasPrefix(dir, "/"); dir = dir[:max(1, strings.LastIndexByte(dir, '/'))] {
		top := strings.TrimSuffix(dir, "/")
		var st unix.Stat_t
		if unix.Lstat(top+"/.git", &st) == nil {
			if repo := Repository(top); st.Uid == 0 && repo != "" {
				_ = unix.Stat(repo, &st) // where it is gone, it is nobody's
			}
			return int(st.Uid), st.Uid != 0
		}
		if unix.Lstat(top+"/Cargo.toml", &st) == nil {
			return int(st.Uid), st.Uid != 0
		}
		if dir == "/" {
			break
		}
	}
	return 0, false
}
