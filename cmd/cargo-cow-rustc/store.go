package main

import (
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/locate"
)

// findStore is the store that a build directory belongs to, by the rule that holds
// for the commands as well; "" if there is none. Its units may be copied, so one on
// another file system is better than none.
func findStore(outDir string, env []string) string {
	get := func(name string) string {
		for _, e := range env {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	xdg := func(name, underHome string) string {
		if dir := get(name); strings.HasPrefix(dir, "/") {
			return dir + "/cargo-cow"
		}
		return get("HOME") + underHome + "/cargo-cow"
	}
	if get("CARGO_COW_WAREHOUSE") == "off" {
		return ""
	}
	if named := get("CARGO_COW_STORE"); named != "" {
		return storeOrNone(named)
	}
	real, err := realPath(outDir)
	if err != nil {
		return ""
	}
	q := locate.Question{
		BuildDir:   real,
		Configured: locate.Configured(xdg("XDG_CONFIG_HOME", "/.config") + "/config.yaml"),
		Data:       xdg("XDG_DATA_HOME", "/.local/share"),
		Cache:      xdg("XDG_CACHE_HOME", "/.cache"),
	}
	for dir := real; dir != "/"; dir = dir[:max(1, strings.LastIndexByte(dir, '/'))] {
		if q.Noted.Dir == "" {
			q.Noted = locate.Noted(dir)
		}
		if repo := locate.Repository(dir); repo != "" {
			q.Remembered = locate.Memory(repo)
			break
		}
	}
	store, kind := q.Find()
	if kind == locate.Absent {
		return ""
	}
	return store
}

// storeOrNone returns a store if it is one and the user's.
func storeOrNone(store string) string {
	if !locate.IsStore(store) {
		return ""
	}
	return store
}
