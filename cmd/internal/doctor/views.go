package doctor

import (
	"os"
	"strings"

	"github.com/cargo-cow/cargo-cow/layers/alias"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// apparmor is where Ubuntu, from 23.10 on, keeps programs without a profile from the namespaces
// that they make.
const apparmor = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

// views finds whether rustc can be shown directories at other paths, and if not, what would help.
func (d *Doctor) views(wrapper string) {
	err := alias.Probe()
	if err == nil {
		d.find(Fine, "views", "possible: the first edit in a new checkout is as quick as at home", "")
		return
	}
	help := ""
	for _, x := range []struct{ file, value, help string }{
		{"/proc/sys/user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{apparmor, "1", profile(wrapper)},
	} {
		if text, err := os.ReadFile(x.file); err == nil && strings.TrimSpace(string(text)) == x.value {
			help = x.help
		}
	}
	text := "not possible: " + err.Error() + "; all else works, and the first edit in a new checkout compiles without rustc's state"
	if help == "" {
		text += "; in a container, allow user namespaces and mounts in it"
	}
	d.find(Note, "views", text, help)
}

// profile is a command that gives the wrapper a profile of AppArmor's, which lets it make
// namespaces, and nothing else than it could before.
func profile(wrapper string) string {
	return `printf '%s\n' 'abi <abi/4.0>,' 'include <tunables/global>' 'profile cargo-cow-rustc "'` + paths.ShellWord(wrapper) +
		`'" flags=(unconfined) {' '  userns,' '}' | sudo tee /etc/apparmor.d/cargo-cow-rustc && sudo apparmor_parser -r /etc/apparmor.d/cargo-cow-rustc`
}
