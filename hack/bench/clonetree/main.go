// Clonetree has one of the program's drivers clone a directory, as a restore does, and does nothing else: `clonetree DRIVER
// FROM TO`. It is how drivers are measured against cp, which is a program as well. Two at once do not disturb each other
// unless they want the same TO.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: clonetree DRIVER FROM TO")
		os.Exit(2)
	}
	debug.SetGCPercent(400) // as the program has it
	if err := clone(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func clone(ctx context.Context, name, from, to string) error {
	for _, d := range []driver.Driver{btrfs.New(), plain.New(plain.Reflink), plain.New(plain.Copy)} {
		if d.Name() == name {
			return d.Clone(ctx, to, from)
		}
	}
	return fmt.Errorf("clone with driver %q: there is none", name)
}
