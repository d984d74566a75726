package model

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/fixture"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(operatorVariable); text != "" {
		if err := operate(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	fixture.Main(m)
}

// operations is how many are carried out on each file system, at least; with three of
// them side by side that is about half a minute on two processors.
const operations = 400

func TestBtrfs(t *testing.T) {
	testModel(t, fileSystem{name: "btrfs", driver: "btrfs", mount: loopfs.Btrfs})
}

func TestXFS(t *testing.T) {
	testModel(t, fileSystem{name: "xfs", driver: "reflink", mount: loopfs.XFS, breaks: true})
}

func TestExt4(t *testing.T) {
	testModel(t, fileSystem{name: "ext4", driver: "copy", mount: loopfs.Ext4, breaks: true})
}

// testModel runs sequences until there were operations enough.
func testModel(t *testing.T, fs fileSystem) {
	t.Parallel()
	limit := number(t, "CARGO_COW_TEST_OPERATIONS", operations)
	seed := uint64(number(t, "CARGO_COW_TEST_SEED", 0))
	only := seed != 0
	if !only {
		seed = uint64(time.Now().UnixNano()) % 1e12
	}
	w := newWorld(t, fs)
	began, count, outcomes := time.Now(), 0, map[string]int{}
	for told := 0; count < limit; seed++ {
		if count > told+5000 { // whoever waits for hours wants to see something
			told = count
			t.Logf("%d operations", count)
		}
		r, err := runSequence(w, newSequence(seed, fs))
		if r == nil {
			t.Fatal(err)
		}
		count += r.count
		for what, n := range r.outcomes {
			outcomes[what] += n
		}
		if err != nil {
			t.Logf("CARGO_COW_TEST_SEED=%d, after %d operations: %v\nwhat was done:\n%s", seed, count, err, r.transcript())
			t.Fatal(w.shrink(newSequence(seed, fs)))
		}
		if only {
			break
		}
	}
	t.Logf("%d operations in %v: %s", count, time.Since(began).Round(time.Second), told(outcomes))
	w.cargoAgrees(t)
}

func runSequence(w *world, seq *sequence) (*run, error) {
	r, err := newRun(w, seq)
	if err != nil {
		return r, err
	}
	return r, r.run()
}

func told(outcomes map[string]int) string {
	var all []string
	for _, what := range slices.Sorted(maps.Keys(outcomes)) {
		all = append(all, fmt.Sprintf("%d %s", outcomes[what], what))
	}
	return strings.Join(all, ", ")
}

func number(t *testing.T, name string, without int) int {
	text := os.Getenv(name)
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
