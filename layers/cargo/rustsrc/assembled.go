package rustsrc

import "bytes"

// Assembled looks in a source, of Rust or of the assembler, for what has the latter
// read files: it does so in the compiler, which does not list them. found tells that
// there is something of the kind, and names are those of the files; one that is put
// together comes out as what no file is called.
func Assembled(src []byte) (names []string, found bool) {
	for _, directive := range []string{".incbin", ".include"} {
		for rest := src; ; {
			_, after, ok := bytes.Cut(rest, []byte(directive))
			if !ok {
				break
			}
			rest = after
			// The quotes of a name may be escaped in a string of Rust's. With a bracket
			// it is a method's name.
			text := bytes.TrimLeft(after, " \t\\")
			if !bytes.HasPrefix(text, []byte(`"`)) {
				if directive == ".incbin" {
					names, found = append(names, ""), true
				}
				continue
			}
			name, _, _ := bytes.Cut(text[1:], []byte(`"`))
			names, found = append(names, string(bytes.TrimSuffix(name, []byte(`\`)))), true
		}
	}
	return names, found
}
