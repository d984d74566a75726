package du

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile makes text the content of a file that the user has named, in one step: what
// was there stays until all is written. Of a link it is the file that the link leads to.
// What is no file, such as a device, is left alone. Writers of one file may run at once:
// one of them wins.
func replaceFile(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	switch info, err := os.Lstat(path); {
	case err == nil && info.IsDir():
		return errors.New("it is a directory")
	case err == nil && !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// Who may read it is left to the umask: it names the user's directories.
	f, err := os.OpenFile(filepath.Join(filepath.Dir(path), ".cargo-cow-page-"+rand.Text()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
