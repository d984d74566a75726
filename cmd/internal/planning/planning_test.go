package planning

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cargo-cow/cargo-cow/layers/cargo/planner"
)

// A variable that is set to nothing is how a build is kept from what its caller was.
func TestAsked(t *testing.T) {
	set := planner.PlanningVariable + "=1"
	for want, environs := range map[bool][][]string{
		true:  {{set}, {"A=b", set}, {planner.PlanningVariable + "=", set}},
		false: {nil, {"A=b"}, {planner.PlanningVariable + "="}, {set, planner.PlanningVariable + "="}},
	} {
		for _, env := range environs {
			if got := Asked(env); got != want {
				t.Errorf("Asked(%q) = %v", env, got)
			}
		}
	}
}

// A compilation fails without a word: it is how the plan ends. A compiler that is not
// there is an error that cargo shows.
func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"/no/rustc", "--crate-name", "a", "src/lib.rs"}, ""},
		{[]string{"/no/rustc", "-vV"}, "error: run compiler:"},
	} {
		var stderr bytes.Buffer
		if code := Answer(tt.args, nil, &stderr); code != 1 || !strings.HasPrefix(stderr.String(), tt.want) || (tt.want == "") != (stderr.Len() == 0) {
			t.Errorf("Answer(%q) = %d, said %q", tt.args, code, stderr.String())
		}
	}
}
