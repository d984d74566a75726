package active

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// within calls do with a name of the directory dir that goes on being its name, whatever
// is put in the directory's place meanwhile. A link in its place is an error: what would
// be written into the build directory would be written wherever that leads.
func within(dir string, do func(dir string) error) error {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	err = do(name)
	// What is said of an error names the directory as the user does.
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		at.Path = strings.Replace(at.Path, name, dir, 1)
	}
	if at, ok := errors.AsType[*os.LinkError](err); ok {
		at.Old, at.New = strings.Replace(at.Old, name, dir, 1), strings.Replace(at.New, name, dir, 1)
	}
	return err
}
