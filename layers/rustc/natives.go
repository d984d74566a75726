package rustc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/cargo/embedded"
	"github.com/cargo-cow/cargo-cow/layers/cargo/linking"
	"github.com/cargo-cow/cargo-cow/layers/cargo/rustsrc"
	"github.com/cargo-cow/cargo-cow/layers/internal/digest"
)

// ResolvedNative is what a native library was, as found by the call's directories.
type ResolvedNative struct {
	Native
	What string
}

func compareNatives(a, b Native) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Kind, b.Kind)
}

// thin is what a native library is that only names the files it is made of.
const thin = "thin"

// resolveNative returns what a native library is, where it is found by the call's
// directories: the contents of all files that may be meant, or where system is set
// and there are none, what tells the system's own from others. Which of them the
// compiler or the linker takes is a matter of kinds and modifiers.
func (u *unit) resolveNative(n Native, system bool) string {
	names := n.Names()
	var found []string
	for _, dir := range u.nativeDirs {
		for _, name := range names {
			path := dir + "/" + name
			digest, err := libraryDigest(path)
			if err != nil {
				continue
			}
			if linking.IsThin(path) {
				return thin
			}
			found = append(found, name+" "+digest)
		}
	}
	if system && len(found) == 0 {
		path, _ := u.env("LIBRARY_PATH")
		for _, dir := range append(strings.Split(path, ":"), systemDirs...) {
			for _, name := range names[:3] {
				if _, err := os.Stat(dir + "/" + name); err == nil && dir != "" {
					found = append(found, identity(dir+"/"+name))
				}
			}
		}
	}
	if len(found) == 0 {
		return "not found"
	}
	return strings.Join(found, ", ")
}

// libraryDigest is that of a native library. The debug information of an archive
// names the directory it was compiled in, such as a build script's, and does not
// count: what is linked with it elsewhere is the same program, which debuggers are
// told another directory of.
func libraryDigest(path string) (string, error) {
	if filepath.Ext(path) != ".a" {
		digest, _, err := Digest(path)
		return digest, err
	}
	text, _, err := digest.Read(path)
	if err != nil {
		return "", err
	}
	h := digest.New()
	if err := embedded.LinkContent(h, text); err != nil {
		return "", err
	}
	return h.Digest(), nil
}

// requestedNatives are the libraries that arguments and sources ask for.
func (u *unit) requestedNatives(sources [][]byte) []Native {
	list := slices.Clone(u.Natives)
	for _, src := range sources {
		for _, l := range rustsrc.Links(src) {
			list = append(list, Native{Kind: l.Kind, Name: l.Name})
		}
	}
	slices.SortFunc(list, compareNatives)
	return slices.Compact(list)
}

// bundledNatives are libraries in the call's directories that the outputs have taken
// in and no source names: a macro of another crate's may ask for one.
func (u *unit) bundledNatives(known []Native, files []Artifact) (list []Native) {
	for _, f := range files {
		if filepath.Ext(f.Path) != ".rlib" {
			continue
		}
		members, _ := linking.Members(f.Path)
		for _, dir := range u.nativeDirs {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				name := linking.Of(e.Name())
				if name == "" || !linking.IsArchive(e.Name()) || slices.ContainsFunc(known, func(n Native) bool { return n.Name == name }) {
					continue
				}
				if linking.Bundles(members, dir+"/"+e.Name()) {
					list = append(list, Native{Kind: "static", Name: name})
				}
			}
		}
	}
	slices.SortFunc(list, compareNatives)
	return slices.Compact(list)
}

// systemDirs are where libraries are looked for beside the directories that arguments
// name, on Debian, Fedora, Arch and musl systems.
var systemDirs = []string{
	"/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib/aarch64-linux-gnu",
	"/usr/lib64", "/lib64", "/usr/lib", "/lib",
}
