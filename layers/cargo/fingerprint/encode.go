package fingerprint

import (
	"fmt"
	"strconv"
)

// Encode returns the bytes that Cargo writes: serde_json's compact form, fields
// in declaration order. Unknown parts are lost, so only a Reproducible
// fingerprint may be written back.
func (f *Fingerprint) Encode() []byte {
	b := []byte(`{"rustc":`)
	b = strconv.AppendUint(b, f.Rustc, 10)
	b = appendString(append(b, `,"features":`...), f.Features)
	b = appendString(append(b, `,"declared_features":`...), f.DeclaredFeatures)
	b = strconv.AppendUint(append(b, `,"target":`...), f.Target, 10)
	b = strconv.AppendUint(append(b, `,"profile":`...), f.Profile, 10)
	b = strconv.AppendUint(append(b, `,"path":`...), f.Path, 10)
	b = appendList(append(b, `,"deps":`...), f.Deps, appendDep)
	b = appendList(append(b, `,"local":`...), f.Local, appendLocal)
	b = appendList(append(b, `,"rustflags":`...), f.Rustflags, appendString)
	b = strconv.AppendUint(append(b, `,"config":`...), f.Config, 10)
	b = strconv.AppendUint(append(b, `,"compile_kind":`...), f.CompileKind, 10)
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

func appendDep(b []byte, d Dep) []byte {
	b = strconv.AppendUint(append(b, '['), d.PkgID, 10)
	b = appendString(append(b, ','), d.Name)
	b = strconv.AppendBool(append(b, ','), d.Public)
	b = strconv.AppendUint(append(b, ','), d.Hash, 10)
	return append(b, ']')
}

func appendLocal(b []byte, l Local) []byte {
	switch l.Kind {
	case Precalculated:
		b = appendString(append(b, `{"Precalculated":`...), l.Text)
		return append(b, '}')
	case CheckDepInfo:
		b = appendString(append(b, `{"CheckDepInfo":{"dep_info":`...), l.DepInfo)
		switch {
		case !l.Worded:
			b = strconv.AppendBool(append(b, `,"checksum":`...), l.Checksum)
		case l.Checksum:
			b = appendString(append(b, `,"fingerprint":`...), wordContent)
		default:
			b = appendString(append(b, `,"fingerprint":`...), wordTimes)
		}
		return append(b, "}}"...)
	case RerunIfChanged:
		b = appendString(append(b, `{"RerunIfChanged":{"output":`...), l.Output)
		b = appendList(append(b, `,"paths":`...), l.Paths, appendString)
		return append(b, "}}"...)
	case RerunIfEnvChanged:
		b = appendString(append(b, `{"RerunIfEnvChanged":{"var":`...), l.Var)
		b = append(b, `,"val":`...)
		if l.ValSet {
			b = appendString(b, l.Val)
		} else {
			b = append(b, "null"...)
		}
		return append(b, "}}"...)
	default:
		return append(b, "null"...)
	}
}

// appendString quotes as serde_json does (format_escaped_str): encoding/json
// would also escape U+2028 and U+2029.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\b':
			b = append(b, `\b`...)
		case c == '\f':
			b = append(b, `\f`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
