package driver_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/driver"
	"github.com/cargo-cow/cargo-cow/driver/btrfs"
	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
	"github.com/cargo-cow/cargo-cow/driver/plain"
)

func TestProbeFindsTheBest(t *testing.T) {
	candidates := []driver.Driver{btrfs.New(), plain.New(plain.Reflink), plain.New(plain.Copy)}
	for want, mount := range map[string]func(testing.TB, ...loopfs.Option) string{
		"btrfs": loopfs.Btrfs, "reflink": loopfs.XFS, "copy": loopfs.Ext4,
	} {
		t.Run(want, func(t *testing.T) {
			dir := mount(t)
			before, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			d, err := driver.Probe(t.Context(), dir, candidates...)
			if err != nil || d.Name() != want {
				t.Fatalf("Probe: %v, %v, want %s", d, err, want)
			}
			if after, err := os.ReadDir(dir); len(after) != len(before) || err != nil {
				t.Errorf("Probe left something: %v, %v", after, err)
			}
		})
	}
}

func TestProbeTellsAllReasons(t *testing.T) {
	_, err := driver.Probe(t.Context(), loopfs.Ext4(t), btrfs.New(), plain.New(plain.Reflink))
	if err == nil || !strings.Contains(err.Error(), "driver btrfs: ") || !strings.Contains(err.Error(), "driver reflink: ") {
		t.Errorf("Probe on ext4: %v, want the reasons of both drivers", err)
	}
	if _, err := driver.Probe(t.Context(), t.TempDir()); err == nil {
		t.Error("Probe without candidates succeeded")
	}
}
