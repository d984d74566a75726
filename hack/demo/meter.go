package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cargo-cow/cargo-cow/hack/project"
	"github.com/cargo-cow/cargo-cow/hack/scratch"
)

// A row is one line of the table.
type row struct {
	what     string
	elapsed  time.Duration
	compiled string
	added    int64 // bytes; unknown when negative
}

// A meter times steps and asks the file system what each has added.
type meter struct {
	scratch *scratch.Space
	used    int64
	rows    []row
}

func (m *meter) start() (err error) {
	m.used, err = m.scratch.Used()
	return err
}

// measure does a step; the row's count of compiled units is the caller's to fill in.
func (m *meter) measure(what string, step func() error) error {
	start := time.Now()
	if err := step(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	elapsed := time.Since(start)
	used, err := m.scratch.Used()
	if err != nil {
		return err
	}
	m.rows = append(m.rows, row{what, elapsed, "", used - m.used})
	m.used = used
	return nil
}

func (m *meter) build(ctx context.Context, what, dir string, env []string) (project.Result, error) {
	var result project.Result
	err := m.measure(what, func() (err error) {
		result, err = project.Cargo(ctx, dir, env, "build", "--locked")
		return err
	})
	if err == nil {
		m.rows[len(m.rows)-1].compiled = strconv.Itoa(len(result.Compiled()))
	}
	return result, err
}

// rebuild is build, and counts the codegen units that rustc took over.
func (m *meter) rebuild(ctx context.Context, what, dir string, env []string) (result project.Result, kept int, err error) {
	start := time.Now()
	if result, err = m.build(ctx, what, dir, env); err == nil {
		kept, _, err = project.Reused(filepath.Join(dir, "target", "debug"), start)
	}
	return result, kept, err
}

// last is the row that was measured last.
func (m *meter) last() row { return m.rows[len(m.rows)-1] }

// print prints the table, in two parts, with the bytes only where they tell of the demo.
func (m *meter) print(bytesKnown bool, first int) {
	const format = "%-42s %10s %15s %20s\n"
	fmt.Printf(format, "", "time", "units compiled", "bytes added on disk")
	for i, r := range m.rows {
		if i == first {
			fmt.Println()
		}
		added := "not known"
		if bytesKnown {
			added = fmt.Sprintf("%.1f MB", float64(r.added)/1e6)
		}
		fmt.Printf(format, r.what, fmt.Sprintf("%.2f s", r.elapsed.Seconds()), r.compiled, added)
	}
}
