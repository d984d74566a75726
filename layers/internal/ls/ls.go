// Package ls lists directories. It holds no state and may be used from anywhere
// at once.
package ls

import "os"

// Names returns the names in a directory in no order, without a look at what they name.
func Names(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
