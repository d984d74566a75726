// Disk measures what builds take on a disk, by plain cargo, sccache, kache and cargo-cow: five projects that have most of
// their dependencies in common, and one project in many worktrees. Each tool works on a new Btrfs of its own (hack/scratch),
// compressed where its row says so, with a home of its own there, and bytes are what that file system itself says is in use,
// so that data that is shared counts once, whoever shares it and however. Every program that is built is run, and a tool
// whose program says something else has no figures. The rivals are installed from the crates registry, once (hack/rival). All
// else is gone afterwards. Bytes do not mind what else runs on the machine; the time that is told beside them does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	only := flag.String("only", "", "`names` of tools, separated by commas; all if empty")
	scenes := flag.String("scenes", "projects,worktrees", "`names` of what is measured, separated by commas")
	worktrees := flag.Int("worktrees", 10, "how many worktrees the one project has")
	to := flag.String("write", "", "write the projects below `DIR`, and measure nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	var err error
	if *to != "" {
		err = writeAll(ctx, *to)
	} else {
		err = compare(ctx, names(*scenes), names(*only), *worktrees)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "disk: interrupted; nothing is left running or mounted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func names(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(name string) bool { return name == "" })
}

func writeAll(ctx context.Context, dir string) error {
	for _, s := range samples {
		if err := s.write(ctx, filepath.Join(dir, s.name)); err != nil {
			return err
		}
	}
	return nil
}
