// Demo shows on a real published project what cargo-cow is for: built once, warm in every new worktree. It works in
// scratch space of its own (hack/scratch), which is gone afterwards, also after ^C, and fails when what it shows is not
// so. Nothing of the user's is touched but cargo's own download cache; several demos may run at once.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := demo(ctx)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted; nothing is left behind")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
