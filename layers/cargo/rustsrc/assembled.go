package rustsrc

import "bytes"

// Assembled finds the directives in a source, of Rust or of the assembler, by which the
// assembler reads files: it does so inside the compiler, which does not list them. found:
// there is a directive. names are those of the files; for a name that is put together
// from pieces it is a text that no file is named.
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
