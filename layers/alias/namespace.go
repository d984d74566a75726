package alias

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A namespace is how a child gets a mount namespace that it may change.
type namespace struct {
	attr     syscall.SysProcAttr
	bounding uint64
}

func (ns *namespace) hasUser() bool { return ns.attr.Cloneflags&unix.CLONE_NEWUSER != 0 }

// Capabilities that open the files of others. Who has one and gets a user namespace where he is alone has lost it.
const capsOverFiles = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_FOWNER

// chooseNamespace takes a user namespace only where the mount namespace cannot be had without.
func chooseNamespace() (namespace, error) {
	effective, err := effectiveCaps()
	if err != nil {
		return namespace{}, err
	}
	if effective&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return namespace{attr: syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}}, nil
	}
	return userNamespace(effective)
}

func userNamespace(effective uint64) (namespace, error) {
	ns := namespace{bounding: boundingCaps(), attr: syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWUSER,
		Pdeathsig:  unix.SIGKILL,
		// A user other than root loses all others when the child is executed: these are to mount and to give up the rest.
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP},
	}}
	if effective&capsOverFiles == 0 {
		ns.attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		ns.attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		return ns, nil
	}
	var err error
	if ns.attr.UidMappings, err = sameIDs("/proc/self/uid_map"); err != nil {
		return ns, err
	}
	ns.attr.GidMappings, err = sameIDs("/proc/self/gid_map")
	ns.attr.GidMappingsEnableSetgroups = true
	return ns, err
}

// sameIDs maps each id that the caller's own user namespace has to itself.
func sameIDs(file string) ([]syscall.SysProcIDMap, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var ids []syscall.SysProcIDMap
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line) // user_namespaces(7): here, outside, count
		if len(fields) != 3 {
			return nil, &os.PathError{Op: "parse", Path: file, Err: unix.EINVAL}
		}
		first, firstErr := strconv.Atoi(fields[0])
		count, countErr := strconv.Atoi(fields[2])
		if firstErr != nil || countErr != nil {
			return nil, &os.PathError{Op: "parse", Path: file, Err: unix.EINVAL}
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: count})
	}
	return ids, nil
}

func effectiveCaps() (uint64, error) {
	header, data := capHeader(), [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, os.NewSyscallError("capget", err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}

func capHeader() unix.CapUserHeader {
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
}

func boundingCaps() uint64 {
	var set uint64
	for c := range 64 {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if err != nil {
			break // the kernel has no more
		}
		set |= uint64(has) << c
	}
	return set
}

// dropCapabilities gives up what a new user namespace brought, for the command to be executed: its bounding set, which
// limits what root regains by execve, becomes that of the caller, and a user other than root keeps nothing.
func dropCapabilities(bounding uint64) error {
	for c := range 64 {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if err != nil {
			break
		}
		if has == 1 && bounding&(1<<c) == 0 {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
				return err
			}
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	header, data := capHeader(), [2]unix.CapUserData{}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	// The rest stays until execve takes it: root may need it to reach the command.
	data[0].Inheritable, data[1].Inheritable = 0, 0
	return unix.Capset(&header, &data[0])
}
