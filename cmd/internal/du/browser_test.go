package du

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cargo-cow/cargo-cow/driver/drivertest/loopfs"
)

// browserLimit bounds one answer of a browser. Its first takes seconds on a loaded machine.
const browserLimit = 2 * time.Minute

// A browser is Chromium without a window, with one page. It is driven by what its developer
// tools speak, over two pipes, so that keys are keys: each message is a JSON object and a
// zero byte (--remote-debugging-pipe; chromium, content/browser/devtools/devtools_pipe_handler.cc).
type browser struct {
	t       *testing.T
	to      *os.File
	from    *os.File
	lines   *bufio.Reader
	last    int
	session string
	// requests are the addresses of all that pages have asked for, and complaints what the
	// browser had to say of them.
	requests, complaints []string
	loaded               int
}

// newBrowser starts a browser that prefers a colour scheme. Without one the test is skipped,
// or fails with CI set.
func newBrowser(t *testing.T, scheme string) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		loopfs.Unavailable(t, "there is no Chromium in PATH")
	}
	b := &browser{t: t}
	theirIn, to, err1 := os.Pipe()
	from, theirOut, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	b.to, b.from, b.lines = to, from, bufio.NewReader(from)
	profile, err := os.MkdirTemp("", "cargo-cow-browser-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-breakpad",
		"--disable-background-networking", "--disable-component-update", "--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	t.Cleanup(func() {
		to.Close() // at which it ends
		kill := time.AfterFunc(10*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		kill.Stop()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its helpers, if there are any left
		from.Close()
		// They may write for a moment more.
		for end := time.Now().Add(10 * time.Second); os.RemoveAll(profile) != nil && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	return b
}

// A message is an answer, or something that has happened.
type message struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// call has the browser do something, and reads its answer.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.last++
	ask := map[string]any{"id": b.last, "method": method}
	if params != nil {
		ask["params"] = params
	}
	if b.session != "" {
		ask["sessionId"] = b.session
	}
	text, err := json.Marshal(ask)
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.next(method)
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v in %s", method, err, m.Result)
			}
		}
		return
	}
}

// next reads a message, and takes up what it tells of pages.
func (b *browser) next(waitsFor string) message {
	b.t.Helper()
	if err := b.from.SetReadDeadline(time.Now().Add(browserLimit)); err != nil {
		b.t.Fatal(err)
	}
	text, err := b.lines.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("wait for %s: %v", waitsFor, err)
	}
	var m message
	if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
		b.t.Fatalf("%v in %q", err, text)
	}
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded++
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		_ = json.Unmarshal(m.Params, &p)
		b.requests = append(b.requests, p.Request.URL)
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		b.complaints = append(b.complaints, string(m.Params))
	}
	return m
}

// open opens a page and waits until its script has run.
func (b *browser) open(url string) {
	b.t.Helper()
	// Else going to another fragment of the same page would load nothing.
	for _, to := range []string{"about:blank", url} {
		before := b.loaded
		b.call("Page.navigate", map[string]any{"url": to}, nil)
		for b.loaded == before {
			b.next("a page")
		}
	}
	if got := b.text("document.documentElement.dataset.ready"); got != "true" {
		b.t.Fatalf("the script of %s has not run: %q\n%s", url, got, b.complaints)
	}
}

// eval has the value of an expression, which may be a promise.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails)
	}
	if answer.Result.Value == nil {
		return
	}
	if err := json.Unmarshal(answer.Result.Value, into); err != nil {
		b.t.Fatalf("%s: %v in %s", expression, err, answer.Result.Value)
	}
}

// text is eval of a text.
func (b *browser) text(expression string) (s string) {
	b.t.Helper()
	b.eval(fmt.Sprintf("String(%s)", expression), &s)
	return s
}

// key presses a key.
func (b *browser) key(name string) {
	b.t.Helper()
	code := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}[name]
	down := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": code}
	if name == "Enter" {
		down["text"] = "\r"
	}
	b.call("Input.dispatchKeyEvent", down, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name, "code": name, "windowsVirtualKeyCode": code}, nil)
}
