package rustsrc

import (
	"strings"
	"unicode/utf8"
)

// opaqueNames are names by which code gets at what may be anything, wherever they stand.
var opaqueNames = map[string]bool{
	"tracked_env": true, "tracked_path": true, "asm": true, "global_asm": true, "naked_asm": true, "llvm_asm": true,
	"concat_idents": true, "environ": true, "link_name": true,
	"TcpStream": true, "TcpListener": true, "UdpSocket": true, "ToSocketAddrs": true, "UnixStream": true, "UnixListener": true,
	"UnixDatagram": true, "hostname": true,
	// Instructions whose result no operand decides.
	"__rdtscp": true, "_rdtsc": true,
}

// reachingModules are those of the standard library by which code gets at more than it is
// given, with the members that give it nothing. They count where they are a part of a
// path, are imported, or stand among a macro's arguments; elsewhere a name like theirs
// is a variable's or a function's.
var reachingModules = map[string][]string{"process": {"abort", "exit"}, "os": {"raw", "unix ffi", "windows ffi", "wasi ffi"}, "fs": nil, "tracked": nil}

// reachingFunctions are functions of which the name alone is an everyday one. They
// count as parts of a path, imported, and among a macro's arguments.
var reachingFunctions = map[string]bool{"stdin": true, "now": true}

// pathQueries are methods that ask the file system, of types for paths. They count where
// they are called or named as a function, and among a macro's arguments.
var pathQueries = map[string]bool{
	"exists": true, "try_exists": true, "is_file": true, "is_dir": true, "is_symlink": true, "canonicalize": true, "read_dir": true,
	"read_link": true, "symlink_metadata": true, "metadata": true,
}

// sourceQueries are methods that tell where a source lies.
var sourceQueries = map[string]bool{"source_file": true, "local_file": true, "file": true}

// counts reports whether a name is one that counts somewhere.
func counts(name string) bool {
	_, module := reachingModules[name]
	return module || opaqueNames[name] || reachingFunctions[name] || pathQueries[name] || sourceQueries[name] || name == "env" || name == "elapsed" || name == "extern"
}

// countedNames are all names that may count, so that one look is enough for most.
var countedNames = func() map[string]bool {
	all := map[string]bool{
		"env": true, "elapsed": true, "extern": true, "link": true, "Backtrace": true, "backtrace": true,
		"PathBuf": true, "OsStr": true, "OsString": true, "path": true,
	}
	for _, list := range []map[string]bool{opaqueNames, reachingFunctions, pathQueries, sourceQueries, quotingMacros, standardMacros} {
		for name := range list {
			all[name] = true
		}
	}
	for name := range reachingModules {
		all[name] = true
	}
	return all
}()

func mayCount(name string) bool {
	return countedNames[name] || name[0] == '_' || strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}

// backtraceVariables are variables that decide whether a backtrace is more than empty.
var backtraceVariables = []string{"RUST_BACKTRACE", "RUST_LIB_BACKTRACE"}

// isUnusual reports whether a name has characters that are spaces to rustc, or letters of
// which it makes others.
func isUnusual(name string) bool {
	return strings.ContainsAny(name, "\u0085\u200e\u200f\u2028\u2029\u212a")
}
