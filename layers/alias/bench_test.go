package alias

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkRun compares what it takes to run /bin/true: directly, by a small Go program that executes it, and by one that
// runs it in a view; and a Go program that does nothing. For an ordinary user a view takes a user namespace too.
func BenchmarkRun(b *testing.B) {
	needViews(b)
	dir := workDir(b, nobody)
	files(b, dir, map[string]string{"a/": "", "b/": ""})
	for _, name := range []string{"empty", "view"} {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "./testdata/"+name).CombinedOutput()
		if err != nil {
			b.Fatalf("go build: %v\n%s", err, out)
		}
	}
	runs := []struct {
		name string
		argv []string
	}{
		{"true", []string{"/bin/true"}},
		{"empty", []string{dir + "/empty"}},
		{"exec", []string{dir + "/view"}},
		{"view", []string{dir + "/view", dir + "/a", dir + "/b"}},
	}
	users := map[string]*syscall.SysProcAttr{"": nil}
	if os.Getuid() == 0 {
		users["-as-user"] = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	for suffix, attr := range users {
		for _, r := range runs {
			b.Run(r.name+suffix, func(b *testing.B) {
				for b.Loop() {
					cmd := exec.Command(r.argv[0], r.argv[1:]...)
					cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", []string{"PATH=/usr/bin:/bin"}, attr
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v\n%s", err, out)
					}
				}
			})
		}
	}
}
