package spawn

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Program is where this program is found again later. The name it was called by goes
// before what the kernel makes of it: that may be the inside of a package manager's
// directory of versions.
func Program() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return self, nil
	}
	if called, err = filepath.Abs(called); err != nil {
		return self, nil
	}
	x, errx := os.Stat(self)
	y, erry := os.Stat(called)
	if errx == nil && erry == nil && os.SameFile(x, y) {
		return called, nil
	}
	return self, nil
}

// Beside finds the program of a name: one that was installed with this one goes
// before another in PATH.
func Beside(name string) (string, error) {
	var candidates []string
	if called, err := Program(); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(called), name))
	}
	if self, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(self), name))
	}
	for _, path := range candidates {
		if _, err := exec.LookPath(path); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}
