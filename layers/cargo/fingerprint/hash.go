package fingerprint

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"path/filepath"
)

// FormatHash returns the content of a hash file: the sixteen hexadecimal digits
// of the little-endian bytes (cargo 1.95, util/hex.rs: to_hex).
func FormatHash(hash uint64) string {
	return hex.EncodeToString(binary.LittleEndian.AppendUint64(nil, hash))
}

// ParseHash is the inverse of FormatHash. It accepts lower case only, as Cargo
// compares the text.
func ParseHash(data []byte) (uint64, error) {
	var b [8]byte
	if len(data) != 16 {
		return 0, fmt.Errorf("parse fingerprint hash: %w: %d bytes instead of 16", ErrFormat, len(data))
	}
	if _, err := hex.Decode(b[:], data); err != nil {
		return 0, fmt.Errorf("parse fingerprint hash: %w: %w", ErrFormat, err)
	}
	hash := binary.LittleEndian.Uint64(b[:])
	if FormatHash(hash) != string(data) {
		return 0, fmt.Errorf("parse fingerprint hash: %w: upper case", ErrFormat)
	}
	return hash, nil
}

// Hash computes what Cargo compares with the hash file (cargo 1.95,
// compiler/fingerprint/mod.rs: impl Hash for Fingerprint, util/hasher.rs:
// hash_u64). The order is not that of the JSON.
func (f *Fingerprint) Hash() uint64 {
	h := newHasher()
	h.uint64(f.Rustc)
	h.str(f.Features)
	h.str(f.DeclaredFeatures)
	h.uint64(f.Target)
	h.uint64(f.Path)
	h.uint64(f.Profile)
	h.count(len(f.Local))
	for _, l := range f.Local {
		h.local(l)
	}
	h.uint64(f.Config)
	h.uint64(f.CompileKind)
	h.count(len(f.Rustflags))
	for _, flag := range f.Rustflags {
		h.str(flag)
	}
	h.count(len(f.Deps))
	for _, d := range f.Deps {
		h.uint64(d.PkgID)
		h.str(d.Name)
		h.flag(d.Public)
		h.uint64(d.Hash)
	}
	return h.sum()
}

func (h *hasher) local(l Local) {
	// A derived Hash writes the discriminant as an isize, and StableHasher
	// writes a small isize as one byte.
	h.byte(byte(l.Kind))
	switch l.Kind {
	case Precalculated:
		h.str(l.Text)
	case CheckDepInfo:
		h.path(l.DepInfo)
		// Also where it is a variant of an enumeration, the first or the second.
		h.flag(l.Checksum)
	case RerunIfChanged:
		h.path(l.Output)
		h.count(len(l.Paths))
		for _, p := range l.Paths {
			h.path(p)
		}
	case RerunIfEnvChanged:
		h.str(l.Var)
		h.flag(l.ValSet)
		if l.ValSet {
			h.str(l.Val)
		}
	}
}

// HashPath computes what Cargo keeps as Fingerprint.Path of a unit: the hash of
// the name by which rustc is given the crate root (cargo 1.95,
// compiler/fingerprint/mod.rs: calculate_normal; util/workspace.rs: path_args).
func HashPath(root string) uint64 {
	h := newHasher()
	h.path(root)
	return h.sum()
}

// HashCompiler computes what Cargo keeps as Fingerprint.Rustc: the hash of what rustc -vV
// prints, byte by byte (cargo 1.85 to 1.100, compiler/fingerprint/mod.rs:
// calculate_normal).
func HashCompiler(verbose string) uint64 {
	h := newHasher()
	h.str(verbose)
	return h.sum()
}

// configTails are what Cargo hashes behind a linker into Fingerprint.Config: nothing
// at first, later whether lists of features and the metadata in libraries are
// switched (cargo 1.85 to 1.100, compiler/fingerprint/mod.rs: calculate_normal).
var configTails = [][]byte{nil, {0}, {1}, {0, 0}, {0, 1}, {1, 0}, {1, 1}}

// Relink is what Config becomes where the linker has another name. It reports
// whether config is that of a unit for which Cargo calls the linker was.
func Relink(config uint64, was, now string) (uint64, bool) {
	hash := func(linker string, tail []byte) uint64 {
		h := newHasher()
		h.path(linker)
		h.write(tail)
		return h.sum()
	}
	for _, tail := range configTails {
		if hash(was, tail) == config {
			return hash(now, tail), true
		}
	}
	return 0, false
}

// NoLinker reports whether config is that of a unit for which no linker is
// configured, and nothing else that is unusual.
func NoLinker(config uint64) bool {
	for _, tail := range configTails {
		h := newHasher()
		h.write(tail)
		if h.sum() == config {
			return true
		}
	}
	return false
}

// The methods below write values as Rust's Hash implementations do into a
// StableHasher of the rustc-stable-hash crate, version 0.1.2: integers and
// lengths as eight little-endian bytes, strings followed by 0xff.

func (h *hasher) byte(b byte) { h.write([]byte{b}) }

func (h *hasher) flag(v bool) {
	if v {
		h.byte(1)
	} else {
		h.byte(0)
	}
}

func (h *hasher) uint64(v uint64) {
	h.write(binary.LittleEndian.AppendUint64(nil, v))
}

func (h *hasher) count(n int) { h.uint64(uint64(n)) }

func (h *hasher) str(s string) {
	h.write([]byte(s))
	h.byte(0xff)
}

// path writes a Path as std does on Unix (library/std/src/path.rs: impl Hash
// for Path): the components without separators, then a number that tells where
// they were separated. A "." component counts only at the very start.
func (h *hasher) path(p string) {
	var chunks uint64
	start := 0
	component := func(s string) {
		chunks = bits.RotateLeft64(chunks+uint64(len(s)), -2)
		h.write([]byte(s))
	}
	for i := range len(p) {
		if p[i] != filepath.Separator {
			continue
		}
		if i > start {
			component(p[start:i])
		}
		start = i + 1
		if tail := p[start:]; tail == "." || len(tail) > 1 && tail[0] == '.' && tail[1] == filepath.Separator {
			start++
		}
	}
	if start < len(p) {
		component(p[start:])
	}
	h.uint64(chunks)
}

// hasher is SipHash-1-3 with a 128-bit result and zero keys. It is written
// here because the standard library has no SipHash, and because Cargo folds
// the two halves into one number in a way of its own.
type hasher struct {
	v0, v1, v2, v3 uint64
	tail           [8]byte
	length         int
}

func newHasher() *hasher {
	return &hasher{
		v0: 0x736f6d6570736575,
		v1: 0x646f72616e646f6d ^ 0xee,
		v2: 0x6c7967656e657261,
		v3: 0x7465646279746573,
	}
}

func (h *hasher) write(p []byte) {
	for len(p) > 0 {
		at := h.length % len(h.tail)
		n := copy(h.tail[at:], p)
		p = p[n:]
		h.length += n
		if at+n == len(h.tail) {
			h.block(binary.LittleEndian.Uint64(h.tail[:]))
		}
	}
}

func (h *hasher) block(m uint64) {
	h.v3 ^= m
	h.round()
	h.v0 ^= m
}

func (h *hasher) sum() uint64 {
	clear(h.tail[h.length%len(h.tail):])
	h.tail[7] = byte(h.length)
	h.block(binary.LittleEndian.Uint64(h.tail[:]))
	h.v2 ^= 0xee
	low := h.finish()
	h.v1 ^= 0xdd
	high := h.finish()
	return 3*low + high // rustc-stable-hash, sip128.rs: Hasher::finish
}

func (h *hasher) finish() uint64 {
	for range 3 {
		h.round()
	}
	return h.v0 ^ h.v1 ^ h.v2 ^ h.v3
}

func (h *hasher) round() {
	h.v0 += h.v1
	h.v2 += h.v3
	h.v1 = bits.RotateLeft64(h.v1, 13) ^ h.v0
	h.v3 = bits.RotateLeft64(h.v3, 16) ^ h.v2
	h.v0 = bits.RotateLeft64(h.v0, 32)
	h.v2 += h.v1
	h.v0 += h.v3
	h.v1 = bits.RotateLeft64(h.v1, 17) ^ h.v2
	h.v3 = bits.RotateLeft64(h.v3, 21) ^ h.v0
	h.v2 = bits.RotateLeft64(h.v2, 32)
}
