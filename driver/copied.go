package driver

import "context"

type copiedKey struct{}

// TellCopied returns a context with which the methods of a driver tell how much data of a
// tree is copied, in bytes, whenever there is more; see [Driver.Clone]. When a method ends,
// all is done, or as good as. tell may be called from several goroutines at once.
func TellCopied(ctx context.Context, tell func(done, total int64)) context.Context {
	return context.WithValue(ctx, copiedKey{}, tell)
}

// Copied is for drivers: what is to be told, nil if nobody asked.
func Copied(ctx context.Context) func(done, total int64) {
	tell, _ := ctx.Value(copiedKey{}).(func(done, total int64))
	return tell
}
