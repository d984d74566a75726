package git

import (
	"errors"
	"os"

	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// replaceFile puts text at path in one step: git may run the hook at any time.
// A new file gets mode less the umask, and must not exist yet.
func replaceFile(path, text string, mode os.FileMode, isNew bool) error {
	tmp := path + paths.RepositoryTempSuffix
	// What a commit brings under that name, a link say, is not written to.
	if err := os.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	_, err = f.WriteString(text)
	if err == nil && !isNew {
		err = f.Chmod(mode)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if isNew {
		return os.Link(tmp, path)
	}
	return os.Rename(tmp, path)
}
