// Dist makes what users get: programs without a C library for each processor, as archives that are unpacked into
// /usr/local and as packages of Debian's, a crate that tells cargo binstall where they are, and the sums of all of it. Two
// runs on the same commit with the same Go give the same bytes, wherever and whenever they are. What is there is replaced
// only when all is made. It needs go, git and dpkg-deb; two runs with the same -out are for the caller to keep apart.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	out := flag.String("out", "dist", "`directory` to make")
	version := flag.String("version", "", "version as cargo and dpkg read it (default: from git)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "usage: go run ./hack/dist [flags]")
		flag.PrintDefaults()
		os.Exit(2)
	}
	r, err := identify(ctx, ".", *version, os.Getenv("SOURCE_DATE_EPOCH"))
	if err == nil {
		err = r.make(ctx, *out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
