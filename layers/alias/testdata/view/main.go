// Program view runs /bin/true: "view A B" with B seen at A, "view" by executing it directly.
package main

import (
	"os"
	"syscall"

	"github.com/cargo-cow/cargo-cow/layers/alias"
)

func main() {
	alias.Main()
	c := alias.Command{Path: "/bin/true", Args: []string{"true"}, Dir: "/"}
	if len(os.Args) != 3 {
		syscall.Exec(c.Path, c.Args, nil)
		os.Exit(1)
	}
	p, err := alias.View{Binds: []alias.Bind{{From: os.Args[2], At: os.Args[1]}}}.Start(c)
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	status, err := p.Wait()
	if err != nil {
		os.Exit(1)
	}
	os.Exit(status.ExitStatus())
}
