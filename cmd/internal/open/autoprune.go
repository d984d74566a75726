package open

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cargo-cow/cargo-cow/cmd/internal/quantity"
	"github.com/cargo-cow/cargo-cow/layers/prune"
)

// pruneKeys are what a user says about the prune that nobody asks for.
type pruneKeys struct {
	// Frequency is how often there is one, at most: "1d", or "never".
	Frequency string `yaml:"frequency"`
	// KeepUnder is what the store may take, of what nothing else holds, and FreeSpace what is
	// to be free: "50GB", a part of the disk, "20%", or "never".
	KeepUnder string `yaml:"keep_under"`
	FreeSpace string `yaml:"free_space"`
	// MaxAge is for how long each kind stays that is not used.
	MaxAge struct {
		Layers    string `yaml:"layers"`
		Undo      string `yaml:"undo"`
		Warehouse string `yaml:"warehouse"`
	} `yaml:"max_age"`
}

// AutoPrune says when something is removed without being asked for, and what.
type AutoPrune struct {
	Every                time.Duration // 0: never
	KeepUnder, FreeSpace Part
	MaxAge               prune.Ages
}

// DefaultAutoPrune: a quarter of the disk is what people give to a cache of what they can
// make again, and the twentieth is what ext4 keeps free for root, below which file systems
// become slow. What was not used for two months is made again as quickly as it is found to be
// missed; Cargo keeps for one month what it can unpack again and for three what it would have
// to fetch again (cargo 1.88, gc.rs). Undo is for mistakes, which show within days.
var DefaultAutoPrune = AutoPrune{
	Every: 24 * time.Hour, KeepUnder: Part{Percent: 25}, FreeSpace: Part{Percent: 5},
	MaxAge: prune.Ages{Layer: 60 * 24 * time.Hour, Undo: 14 * 24 * time.Hour, BuildDir: 60 * 24 * time.Hour, Record: 60 * 24 * time.Hour},
}

// A Part is so many bytes, or such a part of a disk. The zero Part: no goal.
type Part struct{ Percent, Bytes int64 }

// Of is how many bytes it is on a disk of some size.
func (p Part) Of(disk int64) int64 { return p.Bytes + disk/100*p.Percent }

const never = "never"

// set has keys that are given decide.
func (a *AutoPrune) set(k *pruneKeys) error {
	for _, age := range []struct {
		key, text string
		to        *time.Duration
	}{
		{"frequency", k.Frequency, &a.Every}, {"max_age: layers", k.MaxAge.Layers, &a.MaxAge.Layer},
		{"max_age: undo", k.MaxAge.Undo, &a.MaxAge.Undo}, {"max_age: warehouse", k.MaxAge.Warehouse, &a.MaxAge.Record},
	} {
		p := quantity.Period(*age.to)
		if age.text == never {
			p = 0
		} else if age.text != "" {
			if err := p.Set(age.text); err != nil {
				return fmt.Errorf("prune: %s %q: %w, or never", age.key, age.text, err)
			}
		}
		*age.to = time.Duration(p)
	}
	for _, part := range []struct {
		key, text string
		to        *Part
	}{{"keep_under", k.KeepUnder, &a.KeepUnder}, {"free_space", k.FreeSpace, &a.FreeSpace}} {
		if part.text == "" {
			continue
		}
		p, err := parsePart(part.text)
		if err != nil {
			return fmt.Errorf("prune: %s %q: %w, or a part of the disk such as 20%%, or never", part.key, part.text, err)
		}
		*part.to = p
	}
	return nil
}

func parsePart(text string) (p Part, err error) {
	if text == never {
		return p, nil
	}
	if number, ok := strings.CutSuffix(text, "%"); ok {
		if n, err := strconv.ParseUint(number, 10, 8); err == nil && n > 0 && n <= 100 {
			return Part{Percent: int64(n)}, nil
		}
	}
	var v quantity.Volume
	err = v.Set(text)
	return Part{Bytes: int64(v)}, err
}
