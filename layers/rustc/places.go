package rustc

import "strings"

// local is a path as it is called in every checkout that has it in the same place.
// Names that are relative stay so.
func (u *unit) local(path string) string {
	return localName(path, u.places())
}

// place is a directory and what stands for it.
type place struct{ dir, name string }

// places are the directories that move with a checkout, the innermost first.
func (u *unit) places() []place {
	var list []place
	if u.outEnv != "" {
		list = append(list, place{u.outEnv, "{OUT_DIR}"})
	}
	return append(list, place{u.OutDir, "{out-dir}"}, place{u.cwd, "{cwd}"})
}

func localName(path string, places []place) string {
	for _, p := range places {
		if path == p.dir {
			return p.name
		}
		if in(path, p.dir) {
			return p.name + path[len(p.dir):]
		}
	}
	return path
}

func fullName(name string, places []place) string {
	for _, p := range places {
		if name == p.name {
			return p.dir
		}
		if in(name, p.name) {
			return p.dir + name[len(p.name):]
		}
	}
	return name
}

// localText is a value with the directories that move with a checkout replaced,
// wherever in it.
func (u *unit) localText(value string) string {
	for _, p := range u.places() {
		value = replacePath(value, p.dir, p.name)
	}
	return value
}

// replacePath replaces a path where it stands as a whole or as the front of a
// longer one.
func replacePath(text, dir, name string) string {
	var b strings.Builder
	for {
		i := strings.Index(text, dir)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := i + len(dir)
		b.WriteString(text[:i])
		if end == len(text) || strings.IndexByte("/:;, \"'", text[end]) >= 0 {
			b.WriteString(name)
		} else {
			b.WriteString(dir)
		}
		text = text[end:]
	}
}
