package faultdisk

import (
	"fmt"
	"math/rand/v2"
)

// Loss is what becomes, in a power cut, of what was written and not flushed. The zero
// value is that all of it is lost.
type Loss struct {
	Keep float64 // the share of writes that have reached the disk
	Tear float64 // the share of those of which only some sectors have
	Seed uint64  // which
}

// Cut is what a power cut did.
type Cut struct{ Pending, Kept, Torn int }

// cut is the content that a power cut leaves after so many operations.
func (d *device) cut(position int, l Loss) (image, Cut, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := position - d.past
	if n < 0 || n > len(d.log) {
		return nil, Cut{}, fmt.Errorf("cut off after operation %d: the history is that from %d to %d", position, d.past, d.past+len(d.log))
	}
	content, safe := d.base.clone(), n
	for safe > 0 && d.log[safe-1].what != flushed {
		safe--
	}
	for i := range d.log[:safe] {
		d.log[i].apply(content)
	}
	c := Cut{Pending: n - safe}
	random := rand.New(rand.NewPCG(l.Seed, 1))
	for _, o := range d.log[safe:n] {
		if random.Float64() >= l.Keep {
			continue
		}
		c.Kept++
		if random.Float64() < l.Tear && o.tear(content, d.sector, random) {
			c.Torn++
		} else {
			o.apply(content)
		}
	}
	return content, c, nil
}

// tear has some of the sectors of a write reach the disk; it reports false, and does
// nothing, for one of a single sector.
func (o *operation) tear(m image, sector int, random *rand.Rand) bool {
	if o.what != written || len(o.data) <= sector {
		return false
	}
	for i := 0; i < len(o.data); i += sector {
		if random.IntN(2) == 0 {
			m.write(o.data[i:min(i+sector, len(o.data))], o.off+int64(i))
		}
	}
	return true
}
