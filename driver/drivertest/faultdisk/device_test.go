package faultdisk

import (
	"bytes"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

const small = 16 * pageSize

func filled(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func content(m image) []byte {
	b := make([]byte, m.size())
	m.read(b, 0)
	return b
}

// An image reads as an array of bytes that was written the same, and what was copied
// before stays.
func TestImage(t *testing.T) {
	m, want := newImage(small), make([]byte, small)
	random := rand.New(rand.NewPCG(1, 1))
	var copies []image
	var wants [][]byte
	for range 200 {
		off := random.IntN(small)
		n := random.IntN(small - off)
		if random.IntN(4) == 0 {
			m.zero(int64(off), int64(n))
			clear(want[off : off+n])
		} else {
			b := filled(n, byte(random.IntN(256)))
			m.write(b, int64(off))
			copy(want[off:], b)
		}
		copies, wants = append(copies, m.clone()), append(wants, bytes.Clone(want))
	}
	for i := range copies {
		if !bytes.Equal(content(copies[i]), wants[i]) {
			t.Fatalf("the image after %d writes has other bytes", i+1)
		}
	}
}

// left is what a power cut leaves, by sector: the byte that a sector is filled with, or -1
// for one that holds several.
func left(t *testing.T, d *device, position int, l Loss) (map[int]int, Cut) {
	t.Helper()
	m, cut, err := d.cut(position, l)
	if err != nil {
		t.Fatal(err)
	}
	sectors := map[int]int{}
	for i, b := range content(m) {
		n := i / d.sector
		if v, ok := sectors[n]; ok && v != int(b) {
			sectors[n] = -1
		} else {
			sectors[n] = int(b)
		}
	}
	return sectors, cut
}

// What was flushed is there after a cut at any moment later, and what came after the
// moment never is. Of what lies between, each write may be there or not, whatever became
// of the others.
func TestCut(t *testing.T) {
	d := newDevice(newImage(small), pageSize, true)
	for i := range 4 {
		d.write(filled(pageSize, byte(i+1)), int64(i)*pageSize)
	}
	d.flush()
	d.write(filled(pageSize, 9), 0)
	d.discard(pageSize, pageSize)
	d.write(filled(pageSize, 11), 2*pageSize)
	d.write(filled(pageSize, 12), 3*pageSize) // after the moment
	moment := d.status().Position - 1

	seen := map[[3]int]bool{}
	for seed := range uint64(200) {
		got, cut := left(t, d, moment, Loss{Keep: 0.5, Seed: seed})
		if cut.Pending != 3 || got[3] != 4 {
			t.Fatalf("%d pending, %v; want 3, and what came later not to be there", cut.Pending, got)
		}
		seen[[3]int{got[0], got[1], got[2]}] = true
	}
	if len(seen) != 8 {
		t.Errorf("of three writes were kept %v, want all 8 choices", seen)
	}
	for _, choice := range [][3]int{{1, 2, 3}, {9, 0, 11}} {
		if !seen[choice] {
			t.Errorf("never %v", choice)
		}
	}
	if got, _ := left(t, d, moment, Loss{}); got[0] != 1 || got[1] != 2 || got[2] != 3 {
		t.Errorf("with all lost the disk has %v", got)
	}
	if got, _ := left(t, d, 2, Loss{}); got[0] != 0 || got[1] != 0 {
		t.Errorf("before the first flush the disk has %v", got)
	}
	if got, _ := left(t, d, 5, Loss{}); got[0] != 1 || got[3] != 4 {
		t.Errorf("right after the flush the disk has %v", got)
	}
	if _, _, err := d.cut(99, Loss{}); err == nil {
		t.Error("a cut in the future")
	}
}

// Of a torn write each sector is there or not, and each is whole.
func TestTorn(t *testing.T) {
	d := newDevice(newImage(small), 512, true)
	d.write(filled(3*512, 1), 512)
	d.flush()
	d.write(filled(3*512, 2), 512)
	seen := map[[3]int]bool{}
	for seed := range uint64(200) {
		got, cut := left(t, d, d.status().Position, Loss{Keep: 1, Tear: 1, Seed: seed})
		if cut.Torn != 1 {
			t.Fatalf("cut: %+v", cut)
		}
		seen[[3]int{got[1], got[2], got[3]}] = true
	}
	if len(seen) != 8 || seen[[3]int{-1, -1, -1}] {
		t.Errorf("three sectors were %v, want all 8 choices of 1 and 2", seen)
	}
}

// A cut does not change the disk, and one of its moments gives the same disk each time.
func TestCutLeavesTheDisk(t *testing.T) {
	d := newDevice(newImage(small), 512, true)
	d.write(filled(small, 1), 0)
	before := content(d.now)
	m, _, _ := d.cut(1, Loss{Keep: 0.5, Tear: 0.5, Seed: 3})
	m.write(filled(small, 7), 0)
	if !bytes.Equal(content(d.now), before) {
		t.Error("writing to what a cut left has changed the disk")
	}
	one, _, _ := d.cut(1, Loss{Keep: 1, Tear: 1, Seed: 3})
	other, _, _ := d.cut(1, Loss{Keep: 1, Tear: 1, Seed: 3})
	if !bytes.Equal(content(one), content(other)) {
		t.Error("two cuts of one seed differ")
	}
}

// A disk that does not keep its history has it from the last flush.
func TestForgets(t *testing.T) {
	d := newDevice(newImage(small), pageSize, false)
	for i := range 10 {
		d.write(filled(pageSize, byte(i)), 0)
		d.flush()
	}
	d.write(filled(pageSize, 77), 0)
	if len(d.log) != 1 || d.status().Position != 21 {
		t.Errorf("%d operations remembered of %d", len(d.log), d.status().Position)
	}
	if got, _ := left(t, d, 21, Loss{}); got[0] != 9 {
		t.Errorf("the cut disk has %v", got[0])
	}
	if got, _ := left(t, d, 21, Loss{Keep: 1}); got[0] != 77 {
		t.Errorf("the forked disk has %v", got[0])
	}
	if _, _, err := d.cut(19, Loss{}); err == nil {
		t.Error("a cut in what is forgotten")
	}
}

func TestFaults(t *testing.T) {
	d := newDevice(newImage(small), 512, true)
	d.arm(Fault{After: 2, Times: 2, Errno: syscall.EIO})
	var got []syscall.Errno
	for i := range 6 {
		got = append(got, d.write(filled(pageSize, byte(i+1)), int64(i)*pageSize), d.flush())
	}
	want := []syscall.Errno{0, 0, 0, 0, syscall.EIO, 0, syscall.EIO, 0, 0, 0, 0, 0}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("outcomes %v, want %v", got, want)
		}
	}
	// Half of a write that failed is on the disk.
	all := content(d.now)
	if all[2*pageSize] != 3 || all[3*pageSize-1] != 0 || d.status().Failed != 2 {
		t.Errorf("of a failed write are there %d and %d; %+v", all[2*pageSize], all[3*pageSize-1], d.status())
	}

	d.arm(Fault{Errno: syscall.ENOSPC})
	for range 3 {
		if a, b := d.write(filled(512, 99), 0), d.flush(); a != syscall.ENOSPC || b != syscall.ENOSPC {
			t.Fatalf("on a dead disk: %v, %v", a, b)
		}
	}
	if content(d.now)[0] != 1 {
		t.Error("a write that found no space has been done")
	}
	d.disarm()
	if errno := d.write(filled(512, 99), 0); errno != 0 {
		t.Errorf("after it was disarmed: %v", errno)
	}
}

// A stalled disk does nothing, but can be read, and then does all.
func TestStall(t *testing.T) {
	d := newDevice(newImage(small), 512, true)
	d.arm(Fault{After: 1})
	d.write(filled(512, 1), 0)
	done := make(chan bool, 3)
	go func() { done <- d.write(filled(512, 2), 512) == 0 }()
	for end := time.Now().Add(time.Minute); !d.status().Stalled; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not stall")
		}
	}
	go func() { done <- d.write(filled(512, 3), 1024) == 0 }()
	go func() { done <- d.flush() == 0 }()
	select {
	case <-done:
		t.Error("something was done")
	case <-time.After(20 * time.Millisecond):
	}
	b := make([]byte, 1024)
	d.read(b, 0)
	if b[0] != 1 || b[512] != 0 || d.status().Position != 1 {
		t.Errorf("stalled it has %d, %d; %+v", b[0], b[512], d.status())
	}
	d.disarm()
	for range 3 {
		if !<-done {
			t.Error("an operation failed")
		}
	}
	if got := content(d.now); got[512] != 2 || got[1024] != 3 || d.status().Position != 4 {
		t.Errorf("after that it has %d, %d; %+v", got[512], got[1024], d.status())
	}
}
