package alias

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Caller and child speak through a socket, which is the child's standard input until it has the command's. Both send
// strings that end in NUL: the caller a job, together with the command's standard input; the child at most two reports.
// The end of the child's side is that of its process, or its becoming the command.
const (
	reportReady = "ready" // the next thing done is execve
	reportView  = "view"  // the view could not be made
	reportExec  = "exec"  // execve has failed
)

var errLost = errors.New("child ended before it had made the view")

// sendJob sends the job to the child, and returns nil when it has become the command.
func sendJob(control int, j *job) error {
	message, err := j.encode()
	if err == nil {
		err = send(control, message, descriptor(j.command.Stdin, 0))
		runtime.KeepAlive(j.command.Stdin)
	}
	// What is sent only in part ends here, and the child with it.
	unix.Shutdown(control, unix.SHUT_WR)
	said := receiveReports(control)
	if err != nil && len(said) == 0 {
		return unavailable("tell child", err)
	}
	return verdict(said)
}

func verdict(said []string) error {
	if len(said) == 1 && said[0] == reportReady {
		return nil
	}
	kind := ErrUnavailable
	if len(said) > 0 && said[0] == reportReady {
		kind, said = ErrNotRun, said[1:]
	}
	if len(said) != 3 {
		return unavailable("start child", errLost)
	}
	number, err := strconv.Atoi(said[1])
	if err != nil {
		return unavailable("start child", errLost)
	}
	return &failure{kind, said[2], syscall.Errno(number)}
}

func send(control int, message []byte, stdin int) error {
	rights := unix.UnixRights(stdin)
	for len(message) > 0 {
		n, err := unix.SendmsgN(control, message, rights, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		message, rights = message[n:], nil
	}
	return nil
}

// receiveReports reads all reports. One that is not whole does not count.
func receiveReports(control int) []string {
	var all []byte
	buffer := make([]byte, 4096)
	for {
		n, err := unix.Read(control, buffer)
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			break
		}
		all = append(all, buffer[:n]...)
	}
	said := strings.Split(string(all), "\x00")
	return said[:len(said)-1]
}

// report is the child's side of receiveReports.
func report(control int, kind string, cause error, what string) error {
	message := kind + "\x00"
	if kind != reportReady {
		var errno syscall.Errno
		errors.As(cause, &errno)
		message += strconv.Itoa(int(errno)) + "\x00" + what + "\x00"
	}
	for message != "" {
		n, err := unix.SendmsgN(control, []byte(message), nil, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}

// receiveJob is the child's side of sendJob. Afterwards the command's standard input is in its place.
func receiveJob() (control int, j job, err error) {
	const stdin = 0
	if control, err = unix.FcntlInt(stdin, unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return 0, j, err
	}
	var all []byte
	buffer, rights := make([]byte, 1<<16), make([]byte, unix.CmsgSpace(4))
	given := -1
	for {
		n, m, _, _, err := unix.Recvmsg(control, buffer, rights, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, j, err
		}
		if m > 0 {
			if given, err = parseRight(rights[:m]); err != nil {
				return 0, j, err
			}
		}
		if n == 0 {
			break
		}
		all = append(all, buffer[:n]...)
	}
	if given < 0 {
		return 0, j, unix.EBADMSG
	}
	if err := unix.Dup3(given, stdin, 0); err != nil {
		return 0, j, err
	}
	unix.Close(given)
	j, err = decode(all)
	return control, j, err
}

func parseRight(rights []byte) (int, error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return 0, err
	}
	if len(messages) != 1 {
		return 0, unix.EBADMSG
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	if len(fds) != 1 {
		return 0, unix.EBADMSG
	}
	return fds[0], nil
}

// descriptor is what the command gets for a standard stream.
func descriptor(f *os.File, own int) int {
	if f == nil {
		return own
	}
	return int(f.Fd())
}
