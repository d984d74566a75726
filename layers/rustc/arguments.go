package rustc

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// targetFile is the content of a target that is described by a file.
func (u *unit) targetFile() error {
	if u.Target == "" || !strings.HasSuffix(u.Target, ".json") {
		if dir, ok := u.env("RUST_TARGET_PATH"); ok {
			u.add("variable RUST_TARGET_PATH", dir)
			for dir := range strings.SplitSeq(dir, ":") {
				if exists(u.abs(dir) + "/" + u.Target + ".json") {
					return &Uncacheable{"target", u.Target}
				}
			}
		}
		return nil
	}
	digest, _, err := Digest(u.abs(u.Target))
	if err != nil {
		return &Uncacheable{"target", u.Target}
	}
	u.add("target specification", digest)
	return nil
}

// argumentFiles are the contents of files that values name, wherever in them.
func (u *unit) argumentFiles() error {
	l := linking.NewLine(u.cwd)
	for _, s := range u.Search {
		if s.Kind == "native" || s.Kind == "all" {
			l.Dirs = append(l.Dirs, u.abs(s.Path))
		}
	}
	l.Add(u.fileValues...)
	if linker := filepath.Clean(u.findProgram(u.Linker)); u.Linker != "" && u.Links() && inDir(linker, u.cwd) {
		l.Script(linker) // one of the project's own may name what it adds
	}
	u.nativeDirs, u.askedNatives = l.Dirs, l.Libraries
	if l.Unaccounted != "" {
		return &Uncacheable{"argument", l.Unaccounted}
	}
	for _, dir := range l.Tools {
		u.add("directory "+dir, identities(l.Abs(dir), anyName))
	}
	for _, f := range l.Files {
		for _, path := range f.Paths {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			digest, _, err := Digest(path)
			if err != nil {
				return &Uncacheable{"file of an argument", f.Name}
			}
			u.add("file "+f.Name, digest)
		}
	}
	for _, a := range u.args {
		if key, value, _ := strings.Cut(a, "="); key == "-C" && (value == "target-cpu=native" || value == "tune-cpu=native") {
			u.add("processor", processor())
			break
		}
	}
	return nil
}

// processor is what "native" means here.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	one, _, _ := strings.Cut(string(text), "\n\n")
	var told strings.Builder
	for line := range strings.Lines(one) {
		for _, key := range []string{"vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU "} {
			if strings.HasPrefix(line, key) {
				told.WriteString(line)
				break
			}
		}
	}
	return digest.OfText(told.String())
}
