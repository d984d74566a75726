package model

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// answerLimit bounds one operation. On a machine with much else to do a planning run of
// cargo takes seconds; a lock that nobody gives back takes for ever.
const answerLimit = 2 * time.Minute

// A process is an operator as the test sees it. It is started when it is first asked for
// something, and again after it was killed.
type process struct {
	setting setting
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *json.Decoder
	stderr  *tail
}

// tail keeps what a process has said last.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	t.text = t.text[max(0, len(t.text)-20_000):]
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

func (p *process) start() error {
	text, err := json.Marshal(p.setting)
	if err != nil {
		return err
	}
	p.stderr = &tail{}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), operatorVariable+"="+string(text))
	p.cmd.Dir = "/" // it must not keep the file system under test from being unmounted
	p.cmd.Stderr = p.stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.out = json.NewDecoder(out)
	return p.cmd.Start()
}

// ask has the process carry out a request. killed tells that it died before it could
// answer; whatever it was about to do is over then. An error is one of this test.
func (p *process) ask(q request) (r response, killed bool, err error) {
	if p.cmd == nil {
		if err := p.start(); err != nil {
			return r, false, fmt.Errorf("start process: %w", err)
		}
	}
	began, running := ticks(), p.cmd.Process // the timer may come when p has none any more
	var timer *time.Timer
	var late atomic.Bool
	if q.Kill > 0 {
		timer = time.AfterFunc(q.Kill, func() { _ = running.Kill() })
	} else {
		timer = time.AfterFunc(answerLimit, func() {
			late.Store(true)
			_ = running.Signal(syscall.SIGQUIT) // so that it says what it waits for
		})
	}
	err = json.NewEncoder(p.in).Encode(q)
	if err == nil {
		err = p.out.Decode(&r)
	}
	stopped := timer.Stop()
	if err == nil {
		if q.Kill > 0 && !stopped {
			p.end() // it was killed just after
		}
		return r, false, nil
	}
	why := p.end()
	switch {
	case late.Load():
		return r, true, fmt.Errorf("%s: no answer within %v:\n%s", q, answerLimit, p.stderr)
	case q.Kill == 0 && !strings.HasSuffix(q.Point, "=kill"):
		return r, true, fmt.Errorf("%s: the process died: %w, %v\n%s", q, err, why, p.stderr)
	}
	return response{Began: began, Ended: ticks()}, true, nil
}

// end ends the process and waits until it is gone, with all it did.
func (p *process) end() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Kill()
	_ = p.in.Close()
	err := p.cmd.Wait()
	p.cmd = nil
	return err
}
