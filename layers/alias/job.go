package alias

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A job is what the child is told.
type job struct {
	binds    []Bind
	readOnly []string
	command  Command
	probe    bool // make the view, and that is all

	parent        int    // the caller's process id
	userNamespace bool   // the child is in a user namespace made for it
	bounding      uint64 // if userNamespace: the caller's capability bounding set
}

func (j *job) check() error {
	for _, b := range j.binds {
		if !path.IsAbs(b.From) || !path.IsAbs(b.At) || path.Clean(b.At) != b.At {
			return unavailable(b.what(), unix.EINVAL)
		}
	}
	for _, dir := range j.readOnly {
		if !path.IsAbs(dir) || path.Clean(dir) != dir {
			return unavailable("make "+dir+" read-only", unix.EINVAL)
		}
	}
	if !path.IsAbs(j.command.Dir) {
		return unavailable("enter "+j.command.Dir, unix.EINVAL)
	}
	return nil
}

// showsNothing: the command is to see all as the caller does.
func (j *job) showsNothing() bool {
	return !j.probe && len(j.binds) == 0 && len(j.readOnly) == 0 && !testOnlyInView
}

// testOnlyInView has a view made where there is nothing to show.
var testOnlyInView bool

func (b Bind) what() string { return "bind " + b.From + " at " + b.At }

func (j *job) encode() ([]byte, error) {
	c := &j.command
	fields := []string{
		strconv.FormatBool(j.probe), strconv.Itoa(j.parent), strconv.FormatBool(j.userNamespace), strconv.FormatUint(j.bounding, 16),
		c.Path, c.Dir, strconv.Itoa(2 * len(j.binds)),
	}
	for _, b := range j.binds {
		fields = append(fields, b.From, b.At)
	}
	fields = append(append(fields, strconv.Itoa(len(j.readOnly))), j.readOnly...)
	fields = append(append(fields, strconv.Itoa(len(c.Args))), c.Args...)
	fields = append(append(fields, strconv.Itoa(len(c.Env))), c.Env...)
	size := 0
	for _, f := range fields {
		if strings.IndexByte(f, 0) >= 0 {
			return nil, unix.EINVAL // as execve, through package syscall, says of such a string
		}
		size += len(f) + 1
	}
	message := make([]byte, 0, size)
	for _, f := range fields {
		message = append(append(message, f...), 0)
	}
	return message, nil
}

// A reader takes the fields of a job one by one. After the first fault it gives zero values.
type reader struct {
	rest  string
	fault bool
}

func (r *reader) text() string {
	field, rest, ok := strings.Cut(r.rest, "\x00")
	if !ok {
		r.fault = true
		return ""
	}
	r.rest = rest
	return field
}

func (r *reader) number(base int) uint64 {
	n, err := strconv.ParseUint(r.text(), base, 64)
	r.fault = r.fault || err != nil
	return n
}

func (r *reader) bool() bool {
	b, err := strconv.ParseBool(r.text())
	r.fault = r.fault || err != nil
	return b
}

func (r *reader) list() []string {
	n := r.number(10)
	var list []string
	for ; n > 0 && !r.fault; n-- {
		list = append(list, r.text())
	}
	return list
}

func decode(message []byte) (job, error) {
	r := reader{rest: string(message)}
	j := job{probe: r.bool(), parent: int(r.number(10)), userNamespace: r.bool(), bounding: r.number(16)}
	j.command = Command{Path: r.text(), Dir: r.text()}
	binds := r.list()
	for i := 0; i+1 < len(binds); i += 2 {
		j.binds = append(j.binds, Bind{binds[i], binds[i+1]})
	}
	j.readOnly, j.command.Args, j.command.Env = r.list(), r.list(), r.list()
	if r.fault || r.rest != "" {
		return job{}, unix.EBADMSG
	}
	return j, nil
}
