package usage

import "fmt"

// Fault is what is wrong with a database.
type Fault int

const (
	Unusable Fault = iota // it cannot be opened, read or written: stamps alone serve
	Damaged               // it was, and is made again
	Newer                 // a later version of the program has been there
)

// Trouble is something about the database that a user is told once, and that stops nothing.
type Trouble struct {
	Path  string
	Fault Fault
	Aside string // where a damaged one lies now
	Err   error
}

func (t *Trouble) Error() string {
	switch t.Fault {
	case Damaged:
		return fmt.Sprintf("%s was damaged (%v): it is made again, and what it was is now %s", t.Path, t.Err, t.Aside)
	case Newer:
		return fmt.Sprintf("%s was written by a newer cargo-cow (%v): what this one does not know stays as it is", t.Path, t.Err)
	}
	return fmt.Sprintf("keep last use in %s: %v", t.Path, t.Err)
}

func (t *Trouble) Unwrap() error { return t.Err }
