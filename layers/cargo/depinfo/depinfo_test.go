package depinfo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"
)

var sample = Info{
	Files: []File{
		{Kind: PackageRoot, Path: "src/lib.rs"},
		{Kind: BuildRoot, Path: "/abs/with space\xff"},
		{Kind: BuildRoot, Path: "", HasChecksum: true, Len: math.MaxUint64, Checksum: "blake3=00"},
	},
	Env: []Env{{Name: "A", Value: "", Set: true}, {Name: "B"}, {Name: "Beren", Value: "Lúthien", Set: true}},
}

func TestParseAcceptsOnlyWhatEncodeWrites(t *testing.T) {
	data := sample.Encode()
	got, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, &sample) {
		t.Errorf("Parse = %+v\nwant    %+v", got, &sample)
	}
	for n := range data {
		if _, err := Parse(data[:n]); !errors.Is(err, ErrFormat) {
			t.Errorf("first %d of %d bytes: error %v, want ErrFormat", n, len(data), err)
		}
	}
	if _, err := Parse(append(data, 0)); !errors.Is(err, ErrFormat) {
		t.Errorf("trailing byte: error %v, want ErrFormat", err)
	}
}

func TestParseRefuses(t *testing.T) {
	head := header[:]
	le := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	for name, data := range map[string][]byte{
		"format of cargo 1.83":     bytes.Join([][]byte{le(1), {0}, le(4), []byte("rust"), le(0)}, nil),
		"version 2":                bytes.Join([][]byte{head[:5], {2}, le(0), le(0)}, nil),
		"count beyond the file":    bytes.Join([][]byte{head, le(math.MaxUint32), le(0)}, nil),
		"variables beyond it":      bytes.Join([][]byte{head, le(0), le(math.MaxUint32)}, nil),
		"length beyond the file":   bytes.Join([][]byte{head, le(1), {0}, le(math.MaxUint32), {0}, le(0)}, nil),
		"kind 2":                   bytes.Join([][]byte{head, le(1), {2}, le(0), {0}, le(0)}, nil),
		"checksum flag 2":          bytes.Join([][]byte{head, le(1), {0}, le(0), {2}, le(0)}, nil),
		"variable that is no text": bytes.Join([][]byte{head, le(0), le(1), le(1), {0xff}, {0}}, nil),
	} {
		if info, err := Parse(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %+v, %v; want ErrFormat", name, info, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample.Encode())
	f.Add((&Info{}).Encode())
	f.Add(append(header[:], 0xff, 0xff, 0xff, 0x7f))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := Parse(data)
		if err != nil {
			return
		}
		if got := info.Encode(); !bytes.Equal(got, data) {
			t.Fatalf("%x is encoded again as %x", data, got)
		}
	})
}
