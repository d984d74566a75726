// Package space says what trees take on the disk: what a layer would take if it shared
// nothing, which is kept in a file; where the data of a tree lies, its Map; and what several
// trees take together, by who shares it.
//
// Layers never change, so what was measured once is only out of date where data was moved,
// or where others have come or gone that share it. What the file system says of sharing is
// whether, not with whom: that is found by comparing the places of all trees. Of a compressed
// extent it says where it begins and how long the data is, not how long the extent: that is
// taken to reach to whatever is known to begin next, so that figures are somewhat too large
// where that is not known (by 0.3 to 0.9 % in TestPruneFreesWhatItSays). Any number of
// processes may measure at once; of several that write a file any will do. A Map and a Survey
// may be read from anywhere at once.
package space

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/layers/internal/atomicfile"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
	"github.com/cargo-cow/cargo-cow/layers/regular"
	"github.com/cargo-cow/cargo-cow/reflink"
)

// The file of sizes has a line "ID BYTES" for each layer, behind a header. Without the
// file all are measured again.
const header = "cargo-cow sizes 1\n"

// Sizes says how many bytes each layer would take if it shared nothing, as far as that is
// known from the file path or can be measured within patience, in the order of layers.
// tree tells where a layer lies, and present which layers are to stay in the file.
func Sizes(ctx context.Context, path string, layers []string, tree func(id string) string, present func() ([]string, error), patience time.Duration) (map[string]int64, error) {
	text, _ := regular.Read(path)
	known := parse(text)
	began, measured := time.Now(), false
	for _, id := range layers {
		if _, ok := known[id]; ok {
			continue
		}
		if time.Since(began) > patience {
			break
		}
		n, err := reflink.TreeBlocks(ctx, tree(id))
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil { // else it was removed meanwhile, or Check tells of it
			known[id], measured = n, true
		}
	}
	if !measured {
		return known, nil
	}
	if lines, err := present(); err == nil {
		// It is advice for the next time.
		_ = atomicfile.WriteUnsynced(path, encode(lines, known), 0o600)
	}
	return known, nil
}

func parse(text []byte) map[string]int64 {
	known := map[string]int64{}
	text, ok := bytes.CutPrefix(text, []byte(header))
	if !ok {
		return known
	}
	for line := range strings.Lines(string(text)) {
		id, size, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseInt(size, 10, 64)
		if err == nil && n >= 0 && digest.Is(id) && strings.HasSuffix(line, "\n") {
			known[id] = n
		}
	}
	return known
}

func encode(layers []string, known map[string]int64) []byte {
	b := []byte(header)
	for _, id := range layers {
		if n, ok := known[id]; ok {
			b = fmt.Appendf(b, "%s %d\n", id, n)
		}
	}
	return b
}
