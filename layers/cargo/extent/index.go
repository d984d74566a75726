package extent

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/cargo-cow/cargo-cow/layers/regular"
)

var errIndex = errors.New("not an index of git's that can be read")

// The kind of entry in a mode, and that of a commit of another repository.
const (
	kindMask = 0o170000
	kindLink = 0o160000
)

// gitLinks lists the paths for which an index has a commit and no content: its
// submodules (gitformat-index(5), versions 2 to 4, git 2.47).
func gitLinks(path string) (map[string]bool, error) {
	b, err := regular.Read(path)
	if err != nil {
		return nil, err
	}
	return parseLinks(b)
}

func parseLinks(b []byte) (map[string]bool, error) {
	const header, stat = 12, 40
	if len(b) < header || string(b[:4]) != "DIRC" {
		return nil, errIndex
	}
	version, n := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if version < 2 || version > 4 {
		return nil, errIndex
	}
	// The length of an object's name is not in the file; the first entry's fits one.
	for _, hash := range []int{20, 32} {
		links, rest, ok := entries(b[header:], version, n, stat+hash)
		if !ok {
			continue
		}
		// A split index has the other entries elsewhere.
		if bytes.HasPrefix(rest, []byte("link")) {
			return nil, errIndex
		}
		return links, nil
	}
	return nil, errIndex
}

// entries reads n entries, whose flags follow size bytes after their start.
func entries(b []byte, version, n uint32, size int) (links map[string]bool, rest []byte, ok bool) {
	links = map[string]bool{}
	var name []byte
	for range n {
		at := size + 2
		if len(b) < at {
			return nil, nil, false
		}
		mode, flags := binary.BigEndian.Uint32(b[24:]), binary.BigEndian.Uint16(b[size:])
		if flags&0x4000 != 0 { // extended
			if at += 2; version < 3 || len(b) < at {
				return nil, nil, false
			}
		}
		keep := 0
		if version == 4 {
			strip, used := offset(b[at:])
			if used == 0 || strip > len(name) {
				return nil, nil, false
			}
			at += used
			keep = len(name) - strip
		}
		end := bytes.IndexByte(b[at:], 0)
		if end < 0 {
			return nil, nil, false
		}
		name = append(name[:keep:keep], b[at:at+end]...)
		if long := int(flags & 0xfff); len(name) == 0 || long != min(len(name), 0xfff) {
			return nil, nil, false
		}
		at += end + 1
		if version < 4 { // NULs up to a multiple of eight, one at least
			at = (at + 7) / 8 * 8
		}
		if len(b) < at {
			return nil, nil, false
		}
		if mode&kindMask == kindLink {
			links[string(name)] = true
		}
		b = b[at:]
	}
	return links, b, true
}

// offset reads a number as packs write offsets: big-endian groups of seven bits,
// each but the first one more than it says.
func offset(b []byte) (value, used int) {
	for i, c := range b {
		if i > 4 {
			break
		}
		if i > 0 {
			value++
		}
		value = value<<7 | int(c&0x7f)
		if c&0x80 == 0 {
			return value, i + 1
		}
	}
	return 0, 0
}
