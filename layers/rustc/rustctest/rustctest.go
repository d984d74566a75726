// Package rustctest makes toolchains for tests that run no compiler. It keeps no
// state.
package rustctest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"strings"
)

// LinkedWith is the content of a program, as far as it is needed to tell which
// library it loads: a compiler is known by that.
func LinkedWith(library string) string {
	const head, section, dynamic = 64, 64, 2 * 16
	strs := "\x00" + library + "\x00"
	strs += strings.Repeat("\x00", 64-len(strs))
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
				panic(err)
			}
		}
	}
	at := uint64(head)
	put(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1}, Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64),
		Version: 1, Ehsize: head, Shentsize: section, Shnum: 3, Shstrndx: 1, Shoff: at + 64 + dynamic,
	})
	b.WriteString(strs)
	put(uint64(elf.DT_NEEDED), uint64(1), uint64(elf.DT_NULL), uint64(0))
	put(elf.Section64{}, elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: at, Size: 64})
	put(elf.Section64{Type: uint32(elf.SHT_DYNAMIC), Off: at + 64, Size: dynamic, Link: 1, Entsize: 16})
	return b.String()
}
