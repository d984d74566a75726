package main

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/cargo-cow/cargo-cow/layers/cargo/chain"
	"github.com/cargo-cow/cargo-cow/layers/locate"
	"github.com/cargo-cow/cargo-cow/layers/rustc"
)

// answerQuestion says what the compiler has said to a question of cargo's, or has it asked and keeps what
// it says. done is false where the call is none, and then nothing was done. Behind a wrapper it is that
// which answers.
func answerQuestion(argv, env []string) (out outcome, done bool) {
	q := rustc.QuestionOf(argv, env)
	dir := locate.UserOf(locate.Getenv(env)).Answers()
	if q == nil || dir == "" || chain.Next(os.Args[0]) != "" || rustc.ReadsSource(argv) && !isNull(os.Stdin) {
		return outcome{}, false
	}
	answer, ok := q.Answer(dir)
	if !ok {
		var said []byte
		var status syscall.WaitStatus
		if answer, said, status, ok = ask(argv, env); !ok {
			return outcome{}, false
		}
		if _, err := os.Stderr.Write(said); err != nil {
			return failed(err), true
		}
		out.status = status
		if succeeded(status) && len(said) == 0 {
			q.Keep(dir, answer)
		}
	}
	if _, err := os.Stdout.Write(answer); err != nil {
		return failed(err), true
	}
	return out, true
}

// ask runs a compiler that says little. ok is false where it did not run.
func ask(argv, env []string) (answer, said []byte, status syscall.WaitStatus, ok bool) {
	var files []*os.File
	for range 2 {
		fd, err := unix.MemfdCreate("cargo-cow-rustc", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, nil, 0, false
		}
		f := os.NewFile(uintptr(fd), "answer")
		defer f.Close()
		files = append(files, f)
	}
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{Env: env, Files: []*os.File{os.Stdin, files[0], files[1]}})
	if err != nil {
		return nil, nil, 0, false
	}
	state, err := p.Wait()
	if err != nil {
		return nil, nil, 0, false
	}
	texts := make([][]byte, len(files))
	for i, f := range files {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, nil, 0, false
		}
		if texts[i], err = io.ReadAll(f); err != nil {
			return nil, nil, 0, false
		}
	}
	status, ok = state.Sys().(syscall.WaitStatus)
	return texts[0], texts[1], status, ok
}

// isNull reports whether a file is /dev/null: cargo gives no source.
func isNull(f *os.File) bool {
	var st unix.Stat_t
	return unix.Fstat(int(f.Fd()), &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}
