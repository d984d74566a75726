// Count prints how many tests, fuzzers, hazards, scripts and crash points there are: `go run ./hack/count [-names]`. With
// -names it prints each of them, sorted, so that what two versions have can be compared line by line: a refactoring drops
// none. It reads sources only, runs nothing, and works from the root of the repository.
package main

import (
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
)

func main() {
	names := flag.Bool("names", false, "print each of them")
	flag.Parse()
	found, err := collect(os.DirFS("."))
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for _, k := range kinds {
		if !*names {
			fmt.Fprintf(w, "%s\t%d\n", k, len(found[k]))
			continue
		}
		for _, name := range found[k] {
			fmt.Fprintf(w, "%s\t%s\n", k, name)
		}
	}
}
