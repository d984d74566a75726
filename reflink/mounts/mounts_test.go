package mounts

import (
	"slices"
	"strings"
	"testing"
)

const table = `25 30 0:23 / /sys rw,nosuid - sysfs sysfs rw
46 30 0:39 / /var/a\040b rw,noatime shared:9 master:2 - btrfs /dev/loop0 rw,compress=zstd:1,subvol=/
47 30 0:40 / /other ro - ext4 /dev/sda rw
48 30 0:41 / /other rw - btrfs /dev/loop1 ro
49 30 0:42 / /no\source rw - tmpfs  rw,size=1024k
`

func TestParse(t *testing.T) {
	all, err := parse(table)
	if err != nil || len(all) != 5 {
		t.Fatalf("%v, %v", all, err)
	}
	m, ok := At(all, "/var/a b")
	if !ok || m.ID != 46 || m.Type != "btrfs" || m.Source != "/dev/loop0" || !slices.Equal(m.Options, []string{"rw", "noatime", "rw", "compress=zstd:1", "subvol=/"}) {
		t.Errorf("%+v %v", m, ok)
	}
	if !m.Has("compress") || !m.Has("noatime") || m.Has("zstd") || m.Has("comp") {
		t.Errorf("options of %+v", m)
	}
	if m, ok := At(all, "/other"); !ok || m.Source != "/dev/loop1" || !m.Has("ro") {
		t.Errorf("the one on top: %+v %v", m, ok)
	}
	if m, ok := At(all, `/no\source`); !ok || m.Source != "" || m.Type != "tmpfs" || !m.Has("size") {
		t.Errorf("without a source: %+v %v", m, ok)
	}
	for _, none := range []string{"/", "/var/a", ""} {
		if m, ok := At(all, none); ok {
			t.Errorf("%s: %+v", none, m)
		}
	}
	for _, wrong := range []string{"22 27 0:20 /\n", "22 27 0:20 / /a rw - btrfs /dev/a\n", "x 27 0:20 / /a rw - btrfs /dev/a rw\n"} {
		if m, err := parse(wrong); err == nil {
			t.Errorf("%q: %+v", wrong, m)
		}
	}
}

func TestUnescape(t *testing.T) {
	for escaped, want := range map[string]string{`/home/a\040b\134c`: `/home/a b\c`, `/tail\`: `/tail\`, `\04`: `\04`, `\999`: `\999`, "": ""} {
		if got := Unescape(escaped); got != want {
			t.Errorf("%q: %q, want %q", escaped, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(table)
	f.Add("1 2 3 4 \\0 6 - a  b")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parse(text)
		if err == nil && len(all) > strings.Count(text, "\n")+1 {
			t.Errorf("%d mounts in %q", len(all), text)
		}
	})
}
