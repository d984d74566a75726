// Reading prints how well the files of each package can be read one after the other: `go run ./hack/reading [-v]
// [packages]`. For each it finds the order in which the fewest files use one that stands before them, and counts those
// climbs; with -v it prints the order and each climb. hack/policy bounds the figures. It needs the go command, and
// changes nothing.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cargo-cow/cargo-cow/hack/reading/order"
)

func main() {
	verbose := flag.Bool("v", false, "print the order of the files, and what climbs")
	flag.Parse()
	patterns := flag.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	packages, err := order.Load(".", patterns...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	if *verbose {
		for _, p := range packages {
			printOrder(p)
		}
	}
	printTable(packages)
}

// printTable has the packages with most climbs first.
func printTable(packages []order.Package) {
	type row struct {
		order.Package
		climbs, names int
	}
	var rows []row
	for _, p := range packages {
		_, climbs := p.Order()
		r := row{Package: p, climbs: len(climbs)}
		for _, c := range climbs {
			r.names += len(c.Names)
		}
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.climbs - a.climbs })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer w.Flush()
	fmt.Fprintln(w, "climbs\tnames\tof uses\tfiles\tlines\t  package")
	for _, r := range rows {
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%d\t  %s\n", r.climbs, r.names, len(r.Uses), len(r.Files), r.Lines, r.Path)
	}
}

func printOrder(p order.Package) {
	files, climbs := p.Order()
	fmt.Printf("%s\n  %s\n", p.Path, strings.Join(files, " "))
	for _, c := range climbs {
		fmt.Printf("  %s climbs to %s: %s\n", c.From, c.To, strings.Join(c.Names, ", "))
	}
	fmt.Println()
}
