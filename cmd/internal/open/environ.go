package open

import (
	"path/filepath"
	"strings"
)

// environ is the environment that a command was given.
type environ []string

// get returns the last value of a variable, as a process would see it.
func (e environ) get(name string) string {
	value := ""
	for _, kv := range e {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

// xdg returns a base directory; "" when there is no home either. The XDG
// specification has relative values ignored.
func (e environ) xdg(name, underHome string) string {
	if dir := e.get(name); filepath.IsAbs(dir) {
		return dir
	}
	if home := e.get("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, underHome)
	}
	return ""
}
