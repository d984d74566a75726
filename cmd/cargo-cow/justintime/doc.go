// Package justintime has the tests, with real cargos on a real Btrfs, of what the wrapper does before cargo makes a
// build directory: it is restored, without a word, wherever and however cargo is called; and wherever that could be
// wrong, could wait for cargo itself, or is not wanted, cargo builds as if there were no wrapper. Each test has a file
// system and a world of its own.
package justintime
