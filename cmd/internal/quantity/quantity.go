// Package quantity has the values of flags that are a number and a unit: a long time,
// space on disk. What a flag prints as its value it reads again as the same.
//
// A value belongs to its flag, and is not safe for concurrent use.
package quantity

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// A scale is the units that a flag's whole number can have, the largest first.
type scale []struct {
	name string
	unit int64
}

// parse reads a number above zero with its unit.
func (s scale) parse(text string) (int64, bool) {
	for _, u := range s {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			n, err := strconv.ParseUint(number, 10, 32)
			return int64(n) * u.unit, err == nil && n > 0 && n <= uint64(math.MaxInt64/u.unit)
		}
	}
	return 0, false
}

func (s scale) text(n int64) string {
	for _, u := range s {
		if n > 0 && n%u.unit == 0 {
			return strconv.FormatInt(n/u.unit, 10) + u.name
		}
	}
	return ""
}

// Period is a flag for long times: a whole number and one of m, h, d and w; days
// without one.
type Period time.Duration

var periods = scale{{"w", int64(7 * 24 * time.Hour)}, {"d", int64(24 * time.Hour)}, {"h", int64(time.Hour)}, {"m", int64(time.Minute)}}

// Set reads the flag's text.
func (p *Period) Set(text string) error {
	if text != "" && strings.Trim(text, "0123456789") == "" {
		text += "d"
	}
	n, ok := periods.parse(text)
	if !ok {
		return errors.New("want a number and one of m, h, d and w, such as 30d")
	}
	*p = Period(n)
	return nil
}

// String tells weeks in days: that is what people reckon with.
func (p *Period) String() string { return periods[1:].text(int64(*p)) }

// Type is what the help calls the value.
func (*Period) Type() string { return "duration" }

// Volume is a flag for space on disk: a whole number and one of kB, MB, GB and TB.
type Volume int64

var volumes = scale{{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}}

// Set reads the flag's text.
func (v *Volume) Set(text string) error {
	n, ok := volumes.parse(text)
	if !ok {
		return errors.New("want a number and one of kB, MB, GB and TB, such as 20GB")
	}
	*v = Volume(n)
	return nil
}

// String tells the space in the largest unit that has a whole number of it.
func (v *Volume) String() string { return volumes.text(int64(*v)) }

// Type is what the help calls the value.
func (*Volume) Type() string { return "size" }
