package alias

import (
	"reflect"
	"testing"
)

// The child may be started by anybody, and told anything.
func FuzzDecode(f *testing.F) {
	whole, err := (&job{binds: []Bind{{"/a", "/b"}}, command: Command{Path: "/bin/x", Dir: "/", Args: []string{"x", ""}, Env: []string{"A=b"}}, parent: 7}).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("false\x007\x00true\x00ff\x00/x\x00/\x0018446744073709551615\x00"))
	f.Add([]byte("false\x00\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		j, err := decode(message)
		if err != nil {
			return
		}
		again, err := j.encode()
		if err != nil {
			t.Fatal(err)
		}
		if k, err := decode(again); err != nil || !reflect.DeepEqual(j, k) {
			t.Errorf("%q: %+v, again %+v, %v", message, j, k, err)
		}
	})
}
