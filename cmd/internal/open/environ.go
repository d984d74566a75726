package open

import (
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
