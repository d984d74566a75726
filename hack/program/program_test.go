package program

import "testing"

func TestAnswer(t *testing.T) {
	const out = `{"reason":"unit","package":"app","verdict":"dirty"}
{"reason":"restore","layer":"0123abcd","kept":3,"rebuild":1,"origin":"/somewhere"}
`
	got, err := answer("restore", []byte(out))
	if want := (Answer{Reason: "restore", Layer: "0123abcd", Kept: 3, Rebuild: 1}); err != nil || got != want {
		t.Errorf("answer = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "Compiling app\n", `{"reason":"unit"}`} {
		if got, err := answer("restore", []byte(bad)); err == nil {
			t.Errorf("answer of %q = %+v, want an error", bad, got)
		}
	}
}
