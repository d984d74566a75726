package layers

import (
	"os"
	"os/user"
	"strconv"
	"strings"
)

// UserName is what people call a user: the name, or the number of one without.
func UserName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil || u.Username == "" {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// giveBack is the command that makes what lies at path the user's own.
func giveBack(path string) string {
	return "sudo chown -R " + UserName(os.Geteuid()) + " '" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
