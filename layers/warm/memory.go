package warm

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Memory tells how much memory is to be had. The zero value asks the kernel;
// tests name other directories.
type Memory struct {
	Proc   string // "" is /proc
	Cgroup string // where cgroup v2 is mounted; "" is /sys/fs/cgroup
}

// Available returns the bytes that programs and new cache can take before the
// kernel swaps or kills: MemAvailable, or what is left in the control groups of
// this process (version 2) if that is less. Cache that can be dropped counts as
// available. It is 0 if the kernel does not tell.
func (m Memory) Available() int64 {
	free := int64(0)
	text, _ := os.ReadFile(filepath.Join(or(m.Proc, "/proc"), "meminfo"))
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemAvailable:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			free = kb << 10
		}
	}
	text, _ = os.ReadFile(filepath.Join(or(m.Proc, "/proc"), "self/cgroup"))
	for line := range strings.Lines(string(text)) {
		if group, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::/"); ok {
			free = min(free, m.left(filepath.Clean("/"+group)))
		}
	}
	return max(free, 0)
}

// left is what a control group and those around it leave.
func (m Memory) left(group string) int64 {
	left := int64(math.MaxInt64)
	for ; ; group = filepath.Dir(group) {
		dir := filepath.Join(or(m.Cgroup, "/sys/fs/cgroup"), group)
		limit := min(number(dir, "memory.max"), number(dir, "memory.high"))
		if current := number(dir, "memory.current"); limit < math.MaxInt64 && current < math.MaxInt64 {
			left = min(left, limit-current+cache(dir))
		}
		if group == "/" {
			return left
		}
	}
}

// number reads a limit; without one it is the greatest there is.
func number(dir, name string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil { // "max"
		return math.MaxInt64
	}
	return n
}

// cache is what a control group has of files that can be read again.
func cache(dir string) int64 {
	text, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	sum := int64(0)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && (f[0] == "inactive_file" || f[0] == "active_file") {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			sum += n
		}
	}
	return sum
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
