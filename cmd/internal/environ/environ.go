// Package environ reads variables of an environment as it is handed to a process. An
// Environ is not changed here, and may be read by any number of goroutines.
package environ

import "strings"

// Environ is an environment: NAME=VALUE each.
type Environ []string

// Get returns the last value of a variable, as a process would see it; "" if it is not
// set.
func (e Environ) Get(name string) string {
	value := ""
	for _, kv := range e {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}
