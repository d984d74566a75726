// Package space has the tests of the whole program that are about the room which it takes on a disk: that figures
// are those of the file system, and that a store stays under its goal by itself. Each test has a file system and a world
// of its own.
package space
