package reflink

import (
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes has set called for each of the attributes "user.*". Nothing this program
// relies on lies in them and many file systems have none, so failures are passed over.
func copyAttributes(src int, set func(name string, value []byte)) {
	n, err := unix.Flistxattr(src, nil)
	if err != nil || n == 0 {
		return
	}
	names := make([]byte, n)
	if n, err = unix.Flistxattr(src, names); err != nil {
		return
	}
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value := make([]byte, 64<<10) // the limit of Linux (XATTR_SIZE_MAX)
		if n, err := unix.Fgetxattr(src, name, value); err == nil {
			set(name, value[:n])
		}
	}
}
