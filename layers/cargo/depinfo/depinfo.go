// Package depinfo reads and writes Cargo's own list of what a compiled unit depends on,
// the binary dep-* files, from which Cargo decides freshness. Cargo makes it of rustc's
// list, the .d file.
//
// The format is version 1, that of Cargo 1.84 and later (cargo 1.95,
// compiler/fingerprint/dep_info.rs: EncodedDepInfo). Whatever Parse accepts,
// Encode gives back byte for byte. Input is not trusted: lengths are checked
// before anything is allocated for them.
//
// The functions keep no state and may be called concurrently. An Info belongs to its
// caller and has no locks.
package depinfo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrFormat is wrapped by every error about bytes that Cargo did not write. Cargo itself
// takes a dep-info file that it cannot parse for missing, which makes the unit dirty.
var ErrFormat = errors.New("malformed dep-info")

// Kind says what a File's path is relative to.
type Kind uint8

const (
	// PackageRoot: relative to the directory of the package's Cargo.toml.
	PackageRoot Kind = 0
	// BuildRoot: relative to the build directory, or absolute.
	BuildRoot Kind = 1
)

// Info is the content of one dep-* file, in file order.
type Info struct {
	Files []File
	Env   []Env
}

// File is one input of the unit. Path holds the bytes of the name and need not
// be UTF-8; it is empty for the root itself. Len, in bytes, and Checksum
// ("blake3=<hex>" or "sha256=<hex>") mean something only if HasChecksum is set.
type File struct {
	Kind        Kind
	Path        string
	HasChecksum bool
	Len         uint64
	Checksum    string
}

// Env is one environment variable that the compiler looked at. Set is false if
// the variable was absent.
type Env struct {
	Name  string
	Value string
	Set   bool
}

// header is what EncodedDepInfo::serialize puts first: a marker that Cargo
// before 1.84 refuses (one file of the invalid type 255), then the version.
var header = [6]byte{1, 0, 0, 0, 0xff, 1}

// The shortest encodings of a file and of a variable, to bound allocations.
const (
	minFile = 1 + 4 + 1
	minEnv  = 4 + 1
)

// Parse decodes a dep-* file. It is stricter than Cargo, which ignores trailing
// bytes and takes any byte but zero for true: what Cargo would never write is
// an error.
func Parse(data []byte) (*Info, error) {
	if len(data) < len(header) || [6]byte(data[:6]) != header {
		return nil, fmt.Errorf("parse dep-info: %w: not version 1", ErrFormat)
	}
	d := decoder{rest: data[len(header):]}
	info := &Info{}

	n := d.count(minFile)
	if n > 0 {
		info.Files = make([]File, 0, n)
	}
	for range n {
		f := File{Kind: Kind(d.flag()), Path: d.bytes(), HasChecksum: d.flag() == 1}
		if f.HasChecksum {
			f.Len = d.uint64()
			f.Checksum = d.text()
		}
		info.Files = append(info.Files, f)
	}

	n = d.count(minEnv)
	if n > 0 {
		info.Env = make([]Env, 0, n)
	}
	for range n {
		e := Env{Name: d.text(), Set: d.flag() == 1}
		if e.Set {
			e.Value = d.text()
		}
		info.Env = append(info.Env, e)
	}

	if d.err == nil && len(d.rest) > 0 {
		d.fail("trailing bytes")
	}
	if d.err != nil {
		return nil, fmt.Errorf("parse dep-info: %w", d.err)
	}
	return info, nil
}

// Encode is the inverse of Parse.
func (i *Info) Encode() []byte {
	b := append([]byte(nil), header[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(i.Files)))
	for _, f := range i.Files {
		b = append(b, byte(f.Kind))
		b = appendString(b, f.Path)
		b = appendBool(b, f.HasChecksum)
		if f.HasChecksum {
			b = binary.LittleEndian.AppendUint64(b, f.Len)
			b = appendString(b, f.Checksum)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(i.Env)))
	for _, e := range i.Env {
		b = appendString(b, e.Name)
		b = appendBool(b, e.Set)
		if e.Set {
			b = appendString(b, e.Value)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// decoder takes values off the front of rest. After the first error it returns
// zero values, so that callers check once.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFormat, what)
		d.rest = nil
	}
}

func (d *decoder) take(n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.rest)) {
		d.fail("truncated")
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint32() uint32 {
	b := d.take(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (d *decoder) uint64() uint64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// count reads a number of elements of at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uint32()
	if uint64(n)*uint64(size) > uint64(len(d.rest)) {
		d.fail("count exceeds the file")
		return 0
	}
	return int(n)
}

func (d *decoder) flag() byte {
	b := d.take(1)
	if b == nil {
		return 0
	}
	if b[0] > 1 {
		d.fail("flag is neither 0 nor 1")
		return 0
	}
	return b[0]
}

func (d *decoder) bytes() string {
	return string(d.take(uint64(d.uint32())))
}

func (d *decoder) text() string {
	s := d.bytes()
	if !utf8.ValidString(s) {
		d.fail("text is not UTF-8")
	}
	return s
}
