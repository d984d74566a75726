package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// In scripts cargo is checked: before each build explain is asked, and what it called
// fresh must not have been built again afterwards.
const (
	realCargo  = "COWTEST_CARGO"  // the cargo that is called
	brokenFile = "COWTEST_BROKEN" // where promises are noted that were not kept
)

// checkedCargo stands in for cargo.
func checkedCargo() {
	cargo := os.Getenv(realCargo)
	args := os.Args[1:]
	builds := len(args) > 0 && slices.Contains([]string{"build", "b", "check", "test", "run"}, args[0])
	if !builds {
		fmt.Fprintln(os.Stderr, syscall.Exec(cargo, append([]string{"cargo"}, args...), os.Environ()))
		os.Exit(1)
	}
	promised := promises()
	cmd := exec.Command(cargo, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	for _, p := range promised {
		if now, ok := p.stamp(); ok && now != p.at {
			note(fmt.Sprintf("%s was to be fresh, and cargo %s built it again\n", p.unit, strings.Join(args, " ")))
		}
	}
	if err != nil {
		if cmd.ProcessState != nil {
			os.Exit(max(cmd.ProcessState.ExitCode(), 1))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func note(text string) {
	f, err := os.OpenFile(os.Getenv(brokenFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer f.Close()
	f.WriteString(text)
}

// A promise is a unit that is to be fresh, and when it was built.
type promise struct {
	unit, pattern string
	at            time.Time
}

func (p *promise) stamp() (time.Time, bool) {
	found, _ := filepath.Glob(p.pattern)
	if len(found) != 1 {
		return time.Time{}, false
	}
	info, err := os.Stat(found[0])
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

// promises asks explain. Where there is nothing to be asked nothing is promised.
func promises() (list []promise) {
	status, err := exec.Command("cargo-cow", "--json", "status").Output()
	var st struct {
		BuildDir string `json:"build_dir"`
	}
	if err != nil || json.Unmarshal(status, &st) != nil {
		return nil
	}
	out, err := exec.Command("cargo-cow", "--json", "explain", "--all").Output()
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(out) {
		var u struct{ Verdict, Package, Target, Kind, Profile, Unit string }
		if json.Unmarshal(line, &u) != nil || u.Verdict != "fresh" {
			continue
		}
		p := promise{unit: u.Profile + " " + u.Unit + " " + u.Target + " " + u.Kind}
		dir, id := st.BuildDir+"/"+u.Profile, strings.TrimPrefix(u.Unit, u.Package+"-")
		p.pattern = dir + "/.fingerprint/" + u.Unit + "/dep-*" + u.Target
		if u.Kind == "run-build-script" {
			p.pattern = dir + "/build/" + u.Unit + "/output"
		}
		if _, err := os.Stat(dir + "/build/" + u.Package + "/" + id + "/fingerprint"); err == nil {
			p.pattern = dir + "/build/" + u.Package + "/" + id + "/fingerprint/dep-*" + u.Target
			if u.Kind == "run-build-script" {
				p.pattern = dir + "/build/" + u.Package + "/" + id + "/run/stdout"
			}
		}
		var ok bool
		if p.at, ok = p.stamp(); ok {
			list = append(list, p)
		}
	}
	return list
}
