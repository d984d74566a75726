package embedded

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"testing"
)

// archive makes an ar file; every member is a name and its content.
func archive(members ...string) []byte {
	b := []byte("!<arch>\n")
	for i := 0; i+1 < len(members); i += 2 {
		b = fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", members[i], 0, 0, 0, 0o644, len(members[i+1]))
		b = append(b, members[i+1]...)
		if len(members[i+1])%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

// object makes an ELF file of sections, and of bytes that no section covers.
func object(uncovered string, sections ...string) []byte {
	names := "\x00"
	type section struct{ name, offset, size int }
	var all []section
	body := []byte(uncovered)
	for i := 0; i+1 < len(sections); i += 2 {
		all = append(all, section{len(names), 64 + len(body), len(sections[i+1])})
		names += sections[i] + "\x00"
		body = append(body, sections[i+1]...)
	}
	all = append(all, section{len(names), 64 + len(body), len(names) + len(".shstrtab") + 1})
	body = append(body, names+".shstrtab\x00"...)
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1, Shoff: uint64(64 + len(body)),
		Ehsize: 64, Shentsize: 64, Shnum: uint16(len(all) + 1), Shstrndx: uint16(len(all)),
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	b.Write(body)
	binary.Write(&b, binary.LittleEndian, elf.Section64{})
	for i, s := range all {
		kind := elf.SHT_PROGBITS
		if i == len(all)-1 {
			kind = elf.SHT_STRTAB
		}
		binary.Write(&b, binary.LittleEndian, elf.Section64{
			Name: uint32(s.name), Type: uint32(kind), Off: uint64(s.offset), Size: uint64(s.size),
		})
	}
	return b.Bytes()
}

// seen are the kinds of the segments in which text stands.
func seen(parts []Segment, text string) map[Kind]bool {
	m := map[Kind]bool{}
	for _, p := range parts {
		if bytes.Contains(p.Data, []byte(text)) {
			m[p.Kind] = true
		}
	}
	return m
}

func TestSplit(t *testing.T) {
	withDebug := object("", ".debug_str", "/a/repo")
	tests := []struct {
		name string
		b    []byte
		meta bool
		want Kind
	}{
		{"anything", []byte("x /a/repo y"), false, Data},
		{"metadata by its file's name", []byte("x /a/repo y"), true, Metadata},
		{"metadata by its head", []byte("rust\x00\x00\x00\x0a/a/repo"), false, Metadata},
		{"debug section", withDebug, false, Debug},
		{"old compressed debug section", object("", ".zdebug_str", "/a/repo"), false, Debug},
		{"read-only data", object("", ".rodata", "/a/repo", ".debug_str", "x"), false, Data},
		{"metadata section", object("", ".rmeta", "/a/repo"), false, Metadata},
		{"metadata section of a library", object("", ".rustc", "rust\x00\x00\x00\x0a /a/repo"), false, Metadata},
		{"between sections", object("/a/repo", ".text", "x"), false, Data},
		{"after an object", append(object("", ".text", "x"), "/a/repo"...), false, Data},
		{"object without sections", append(object("")[:64], "/a/repo"...), false, Data},
		{"archive: file", archive("x.txt/", "/a/repo"), false, Data},
		{"archive: metadata", archive("lib.rmeta/", "rust\x00 /a/repo"), false, Metadata},
		{"archive: object", archive("odd/", "1", "x.o/", string(withDebug)), false, Debug},
		{"archive: long names", archive("//", "/a/repo/x.o/\n"), false, Data},
		{"archive: name in a header", archive("/a/repo/x", ""), false, Data},
		{"archive: cut member", archive("x.txt/", "/a/repo and more")[:80], false, Data},
		{"archive: cut header", append(archive("x/", "ab"), "/a/repo"...), false, Data},
		{"archive: bad size", bytes.Replace(archive("x/", "/a/repo"), []byte("7  "), []byte("-7 "), 1), false, Data},
		{"archive: huge size", bytes.Replace(archive("x/", "/a/repo"), []byte("7         `"), []byte("9999999999`"), 1), false, Data},
		{"archive in an archive", archive("a/", string(archive("x.txt/", "/a/repo"))), false, Data},
	}
	for _, tt := range tests {
		got := seen(split(tt.b, tt.meta), "/a/repo")
		if len(got) != 1 || !got[tt.want] {
			t.Errorf("%s: found in segments of kind %v; want only %v", tt.name, got, tt.want)
		}
	}
}

// Archives in archives must not become calls in calls without end: a stack that
// overflows cannot be recovered from.
func TestSplitNested(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	const depth, header = 1 << 16, 68
	var b []byte
	for i := range depth {
		b = fmt.Appendf(b, "!<arch>\n%-48s%-10d`\n", "x", (depth-i-1)*header)
	}
	split(b, false)
}

func FuzzSplit(f *testing.F) {
	f.Add(archive("x.o/", string(object("gap", ".debug_str", "d", ".rmeta", "m", ".rodata", "r")), "odd/", "1"), false)
	f.Add(object("gap", ".text", "x"), false)
	f.Add([]byte("rust\x00"), true)
	f.Add([]byte("\x7fELF"), false)
	hostile := object("", ".text", "x")
	binary.LittleEndian.PutUint64(hostile[len(hostile)-2*64+0x18:], 1<<63-1)
	f.Add(hostile, false)
	f.Fuzz(func(t *testing.T, b []byte, meta bool) {
		total := 0
		for _, p := range split(b, meta) {
			total += len(p.Data)
		}
		if total > len(b) {
			t.Fatalf("%d bytes of segments from %d bytes", total, len(b))
		}
	})
}

func TestEmbed(t *testing.T) {
	w := func(kind Kind, data string) *Outputs {
		return &Outputs{
			Sources:  []string{"/a/repo/crates/x/src/lib.rs", "/a/repo/crates/x/shared.txt"},
			WorkDirs: []string{"/a/repo"},
			Parts:    []Segment{{kind, []byte(data)}},
		}
	}
	const home = "/a/repo/crates/x"
	tests := []struct {
		name, text string
		w          *Outputs
		want       bool
	}{
		{"constant", home, w(Data, "..."+home+"\x00"), true},
		{"constant in metadata", home, w(Metadata, home+"\x00"), true},
		{"debug information", home, w(Debug, home), false},
		{"source", home, w(Data, home+"/src/lib.rscalled `Option"), false},
		{"source, then constant", home, w(Data, home+"/shared.txt"+home+"/data"), true},
		{"at the end", home, w(Data, home), true},
		{"working directory", "/a/repo", w(Metadata, "x/a/repo\xc1y"), false},
		{"working directory in data", "/a/repo", w(Data, "x/a/repo\xc1y"), true},
		{"constant of the root package", "/a/repo", w(Metadata, "\x01/a/repo\x00"), true},
		{"string that is not the working directory", home, w(Metadata, home+"\xc1"), true},
		{"nothing", "", w(Data, "x"), false},
		{"nothing there", home, w(Data, ""), false},
	}
	for _, tt := range tests {
		around, found := tt.w.Embed(tt.text)
		if found != tt.want || found != (around != "") {
			t.Errorf("%s: Embed = %q, %v; want %v", tt.name, around, found, tt.want)
		}
	}
	if !w(Data, "v0123456").Holds("0123456") || w(Debug, "v0123456").Holds("0123456") || w(Data, "012345").Holds("0123456") {
		t.Error("what is held is what stands outside of debug information")
	}
}
