package rustsrc

import (
	"slices"
	"testing"
)

func TestAssembled(t *testing.T) {
	for _, tt := range []struct {
		src   string
		names []string
		found bool
	}{
		{`global_asm!("x: .incbin \"a b.bin\"", ".include \"c.s\"");`, []string{"a b.bin", "c.s"}, true},
		{`x: .incbin "a.bin", 4` + "\n" + `.include	"c.s"`, []string{"a.bin", "c.s"}, true},
		{`global_asm!(r#".incbin "a.bin""#);`, []string{"a.bin"}, true},
		{`global_asm!(concat!(".incbin ", "\"a.bin\""));`, []string{", "}, true},
		{`walk.include("*.rs"); config.included = 1; "the file.include is"`, nil, false},
		{``, nil, false},
	} {
		names, found := Assembled([]byte(tt.src))
		if found != tt.found || !slices.Equal(names, tt.names) {
			t.Errorf("%s: %q, %v; want %q, %v", tt.src, names, found, tt.names, tt.found)
		}
	}
}
