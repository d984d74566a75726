package rustc

import (
	"os/exec"
	"slices"
	"testing"
)

// git runs git in the scene's checkout.
func (s *scene) git(args ...string) {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.root, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// What a macro may have asked of git counts where its code, or what it is made of, names
// git and can get at it; and nowhere else.
func TestMacroAsksGit(t *testing.T) {
	for _, macro := range []struct {
		name, src, library           string
		commit, branch, tag, changed string
	}{
		{"starts git", `let _ = std::process::Command::new("git")`, "", "commit", "branch", "tags", "changed files"},
		{"a library starts git", "made::f()", `pub fn f() { let _ = std::process::Command::new("git"); }`, "commit", "branch", "tags", "changed files"},
		{"reads its directory", `let _ = std::fs::read(".git/HEAD")`, "", "commit", "branch", "tags", "changed files"},
		{"starts another program", `let _ = std::process::Command::new("true")`, "", "", "", "", ""},
		{"a word of git", `let _ = "https://example.org/a.git"`, "", "", "", "", ""},
	} {
		t.Run(macro.name, func(t *testing.T) {
			fresh := func(t *testing.T) *scene {
				s := compiledMacro(t, macro.src, macro.library)
				s.write(".gitignore", "/target\n")
				s.write("Cargo.lock", "version = 4\n"+locked("a", "")+locked("b", ""))
				s.write("b/Cargo.toml", manifest("b"))
				s.write("b/x", "")
				s.git("init", "-q", "-b", "main")
				s.git("add", "-A")
				s.git("commit", "-q", "-m", "one")
				return s
			}
			records(t, fresh, []change{
				{"another commit", func(s *scene) { s.git("commit", "-q", "--allow-empty", "-m", "two") }, macro.commit},
				{"another branch", func(s *scene) { s.git("checkout", "-q", "-b", "other") }, macro.branch},
				{"a tag", func(s *scene) { s.git("tag", "v1") }, macro.tag},
				{"a file that differs", func(s *scene) { s.write("b/x", "more") }, macro.changed},
			})
		})
	}
}

// Where git does not answer and there is a repository, nothing is known of what the macro
// sees in it; where there is none, nothing is to be known.
func TestMacroAsksWhereGitIsSilent(t *testing.T) {
	const reads = `let _ = std::fs::read(".git/HEAD")`
	for _, tt := range []struct{ name, repository, want string }{
		{"no repository", "", ""}, {"one that git does not read", ".git/HEAD", "odd: macro that may ask git"},
		{"one around it", "../.git/HEAD", "odd: macro that may ask git"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := compiledMacro(t, reads, "")
			if tt.repository != "" {
				s.write(tt.repository, "ref: refs/heads/main\n")
			}
			got := ""
			if r, err := s.request(); err != nil {
				got = refusal(err)
			} else if !slices.Contains(r.Ingredients, Ingredient{"commit", "none"}) {
				t.Errorf("the request has no commit: %v", r.Ingredients)
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
