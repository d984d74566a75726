package justintime

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Each way in which it broke has a test that is there.
func TestRows(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{}
	for prefix, dir := range map[string]string{"": ".", "agents.": "../agents"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(code, -1) {
				tests[prefix+string(m[1])] = file
			}
		}
	}
	named := map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^//\t([JL]\d+) .*$`).FindAllStringSubmatch(string(text), -1) {
		named[line[1]] = append(named[line[1]], regexp.MustCompile(`(agents\.)?Test\w+`).FindAllString(line[0], -1)...)
	}
	for letter, last := range map[string]int{"J": 13, "L": 7} {
		for n := 1; n <= last; n++ {
			row := fmt.Sprint(letter, n)
			if len(named[row]) == 0 {
				t.Errorf("%s has no test", row)
			}
			for _, name := range named[row] {
				if tests[name] == "" {
					t.Errorf("%s: there is no %s", row, name)
				}
			}
		}
	}
}
