package open

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers"
	"github.com/cargo-cow/cargo-cow/layers/foreign"
	"github.com/cargo-cow/cargo-cow/layers/paths"
	"github.com/cargo-cow/cargo-cow/layers/rollback"
)

// checkOwner tells whether the store is there, and refuses one of another user:
// layers are programs that will be run.
func checkOwner(store string) (exists bool, err error) {
	var st unix.Stat_t
	switch err := unix.Stat(store, &st); {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("open store %s: %w", store, err)
	case rollback.IsStub(store): // whoever it seems to belong to
		return false, nil
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return false, fmt.Errorf("open store %s: not a directory", store)
	case int(st.Uid) != os.Geteuid():
		help := "name one of your own with --store DIR"
		if os.Geteuid() == 0 {
			help = "run it as that user, without sudo, or " + help
		}
		return false, &layers.HelpError{
			Err:  fmt.Errorf("open store %s: it belongs to user %s", store, foreign.UserName(int(st.Uid))),
			Help: help,
		}
	case st.Mode&0o022 != 0:
		return false, &layers.HelpError{
			Err:  fmt.Errorf("open store %s: others may write to it", store),
			Help: "chmod go-w " + paths.ShellWord(store) + ", if you know what lies in it",
		}
	}
	return true, nil
}
