// Package justintime has the tests, with real cargos on a real Btrfs, of what the wrapper does before cargo makes a
// build directory: it is restored, without a word, wherever and however cargo is called; and wherever that could be
// wrong, could wait for cargo itself, or is not wanted, cargo builds as if there were no wrapper. Each test has a file
// system and a world of its own.
//
// Prototypes of it broke in twenty ways, J of restoring and L of sealing a sibling first. The test of each:
//
//	J1   cargo holds the lock of its package cache                TestPackageCacheLocked
//	J2   the restore's own cargo asks its compiler                TestOneRestore, TestNewProject
//	J3   a build is over before the restore                       TestSlowRestore
//	J4   two cargos at once                                       TestTwoAtOnce
//	J5   clippy has a compiler of its own                         TestClippy
//	J6   the build directory is configured on the command line    TestPassed
//	J7   the command is an alias                                  TestFirstCommand
//	J8   rust-analyzer comes first, with a wrapper of its own     agents.TestAnalyzersOwnWrapper
//	J9   a build directory inside another                         TestPassed, agents.TestAnalyzerInside
//	J10  a build directory is there, and nothing built in it      TestPlaces
//	J11  the profile is set by variables                          TestProfileByEnvironment, TestProfileByEnvironmentAlone
//	J11  it is the command's                                      TestCommandAtHand
//	J12  a build script runs cargo                                TestWithinBuildScript
//	J13  the store is on another disk, or read-only               TestStoreElsewhere, TestStoreReadOnly
//	L1   a program runs from the sibling's plain directory        TestPlainSibling
//	L2   another project has more units in common, by number      TestChoiceByWorth
//	L3   somebody builds in the sibling                           TestBusySibling
//	L4   somebody comes to build there while it is sealed         TestKeptAtOrigin
//	L5   another command works there, and stops                   TestClaimedSibling
//	L6   layers pile up                                           TestSuperseded
//	L7   the repository is on a disk that copies                  TestRepositoryElsewhere
//
// Whoever is killed meanwhile: TestKilled, TestKilledSealing. In make test each has one or two versions of cargo, in make
// soak all three, and those that ask for little all that the program is held to, in all settings.
package justintime
