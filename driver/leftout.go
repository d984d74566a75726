package driver

import (
	"context"
	"path/filepath"
)

type leftOutKey struct{}

// TellLeftOut returns a context with which the methods of a driver tell what they
// leave out of a copy, by its path in the source, and why; see [Driver.Clone]. tell
// may be called from several goroutines at once.
func TellLeftOut(ctx context.Context, tell func(path string, why error)) context.Context {
	return context.WithValue(ctx, leftOutKey{}, tell)
}

// LeftOut is for drivers: what is to be told when they copy the directory from.
func LeftOut(ctx context.Context, from string) func(rel string, why error) {
	tell, _ := ctx.Value(leftOutKey{}).(func(string, error))
	return func(rel string, why error) {
		if tell != nil {
			tell(filepath.Join(from, rel), why)
		}
	}
}
