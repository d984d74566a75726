package manual

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var day = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func TestManPages(t *testing.T) {
	pages := ManPages(program(), day)
	want := []string{"cargo-cow-rustc.1", "prog-seal.1", "prog-store-list.1", "prog-store.1", "prog.1"}
	if names := slices.Sorted(maps.Keys(pages)); !slices.Equal(names, want) {
		t.Errorf("pages %q, want %q", names, want)
	}
	for name, tt := range map[string]struct{ has, hasNot []string }{
		"prog.1": {
			[]string{".TH PROG 1 2026-11-30 ", "\nprog \\- Do things\n", ".TP\n\\fBprog\\-seal\\fR(1)\nSeal it\n", ".TP\n\\fB\\-C, \\-\\-directory DIR\\fR\nwork as if started in DIR\n", ".SH EXIT CODES\n.TP\n0\ndone\n", ".TP\n\\fBstrict\\fR (user, project)\n"},
			[]string{"prog\\-docs", "|", "## ", "\n\n"},
		},
		"prog-seal.1": {
			[]string{".TH PROG\\-SEAL 1 ", ".SH SYNOPSIS\n\\fBprog seal\\fR [flags] LAYER\n.SH DESCRIPTION\nSeals it.\n", ".SH EXAMPLES\n.RS 4\n.nf\nprog seal x\n.fi\n.RE\n", "\\fBprog\\fR(1)"},
			[]string{"background", "EXIT CODES", "\n\n"},
		},
	} {
		text := string(pages[name])
		for _, s := range tt.has {
			if !strings.Contains(text, s) {
				t.Errorf("%s lacks %q:\n%s", name, s, text)
			}
		}
		for _, s := range tt.hasNot {
			if strings.Contains(text, s) {
				t.Errorf("%s has %q:\n%s", name, s, text)
			}
		}
	}
}

// Words stay words, whatever they look like to a formatter.
func TestRoffText(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb\n\nc":             "a\nb\n.PP\nc\n",
		".so /etc/shadow":       "\\&.so /etc/shadow\n",
		"'tis":                  "\\(aqtis\n",
		`a\fB`:                  "a\\efB\n",
		"run `git --x` **now**": "run \\fBgit \\-\\-x\\fR \\fBnow\\fR\n",
		"is:\n\n  a  one\n   b": "is:\n.PP\n.RS 4\n.nf\na  one\n b\n.fi\n.RE\n",
		"  a\nthen":             ".RS 4\n.nf\na\n.fi\n.RE\n.PP\nthen\n",
	} {
		r := roff{fresh: true}
		if r.text(text); r.String() != want {
			t.Errorf("text(%q) is %q, want %q", text, r.String(), want)
		}
	}
}

func TestInstall(t *testing.T) {
	share := t.TempDir()
	if err := Install(program(), share, day); err != nil {
		t.Fatal(err)
	}
	for name, has := range map[string]string{
		"man/man1/prog-seal.1":                ".TH PROG",
		"bash-completion/completions/prog":    "complete -o default -F __start_prog prog",
		"zsh/site-functions/_prog":            "#compdef prog",
		"fish/vendor_completions.d/prog.fish": "complete -c prog ",
	} {
		text, err := os.ReadFile(filepath.Join(share, name))
		if err != nil || !strings.Contains(string(text), has) {
			t.Errorf("%s has no %q: %v", name, has, err)
		}
	}
}
