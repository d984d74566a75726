package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// flatten adds a line for each value below v, none for nil.
func flatten(lines []string, key string, v any) []string {
	switch v := v.(type) {
	case nil:
		return lines
	case map[string]any:
		for name, child := range v {
			lines = flatten(lines, key+"."+bare(name), child)
		}
		return lines
	}
	return append(lines, key+" = "+valueText(v))
}

func valueText(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = valueText(item)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case map[string]any: // in a list
		return "{" + strings.Join(slices.Sorted(slices.Values(flatten(nil, "", v))), ", ") + "}"
	}
	return fmt.Sprint(v)
}

func quoteList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// bare quotes a key that would not stand for itself in a dotted one.
func bare(key string) string {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return strconv.Quote(key)
	}
	return key
}
