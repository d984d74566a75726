// Package rustc reads a command line of rustc's as cargo writes it, and says what
// decides the outputs: a Request before the compiler has run, a Record, which adds
// what only the compiler knows, after it.
//
// Two calls whose requests are equal, and for which the conditions of one record
// hold, are two runs of the same compiler over the same bytes under the same names:
// the outputs of the one serve as those of the other. Whatever is not understood is
// an Uncacheable error, never a guess.
//
// The package reads files and writes nothing. It starts one kind of process: a program
// that stands before the compiler, such as rustup's or a script, to see what it comes
// to. What it returns is not changed by it afterwards; everything may be called
// concurrently.
package rustc

// An Ingredient is one thing that decides what rustc writes. Value tells two of
// them apart, in words where there are any.
type Ingredient struct{ Name, Value string }

// Uncacheable is why no request or record can be made of a call. Reason is one of few, to
// be counted by; Detail says what it is in this call.
type Uncacheable struct{ Reason, Detail string }

func (o *Uncacheable) Error() string {
	if o.Detail == "" {
		return o.Reason
	}
	return o.Reason + ": " + o.Detail
}
