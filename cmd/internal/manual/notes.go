package manual

// programNotes end the page of the program itself.
const programNotes = `
## Output

Results go to stdout, everything else to stderr. With ` + "`--json`" + ` each line is
one JSON object; its first field, ` + "`reason`" + `, says what it is. Fields are added
over time, never changed or removed.

| reason | what it says |
|---|---|
| ` + "`init`" + ` | the build directory (` + "`build_dir`" + `), the store and its driver; whether it was a tree already, or taken over |
| ` + "`snapshot`" + ` | the layer, whether it is new (` + "`created`" + `), its units, how many of them (` + "`dirty`" + `) are rebuilt everywhere |
| ` + "`extend`" + ` | with ` + "`snapshot --into`" + `, the layer, whether it is new, how many units were ` + "`grafted`" + ` into it and ` + "`from`" + ` which layers |
| ` + "`restore`" + ` | the layer, the units kept, to be rebuilt and retagged; a ` + "`unit`" + ` line for each to be rebuilt comes before |
| ` + "`graft`" + ` | how many units were ` + "`grafted`" + `, ` + "`from`" + ` which layers; ` + "`lacking`" + `: how many that the build needs no layer could give |
| ` + "`candidate`" + ` | a layer that a restore chooses among, what compiling it saves in ms, how many of its units are to be rebuilt, whether it is ` + "`chosen`" + `, or how many units it ` + "`gives`" + ` |
| ` + "`switch`" + ` | whether the build directory was ` + "`restored`" + `, and from which ` + "`layer`" + `, or ` + "`why`" + ` it was kept; a ` + "`restore`" + ` line comes before |
| ` + "`fork`" + ` | a fork that was made: its ` + "`name`, `path`, `branch`, `commit`" + `; whether it is ` + "`warm`" + `, and from which ` + "`layer`" + `, with how many units kept and to be rebuilt |
| ` + "`fork-state`" + ` | with ` + "`fork --list`" + `, a fork, where it is (` + "`at`" + `), its ` + "`state`" + `: unchanged, merged, changed, ahead, gone, unfinished; how many ` + "`commits`" + ` are on no other branch |
| ` + "`remove-fork`" + ` | a fork that was removed |
| ` + "`unit`" + ` | a unit, its verdict, the rule and the detail that decided, the units that are the cause |
| ` + "`layer`" + ` | the record of a layer; with ` + "`list --graph`" + `, whether the build directory was made from it (` + "`here`" + `); with ` + "`list`" + `, its ` + "`size`" + ` by itself |
| ` + "`package`" + ` | what a layer holds of a package: units, ` + "`cost_ms`" + ` (0 where not measured), ` + "`size`" + ` in bytes |
| ` + "`contents`" + ` | the same of all packages, and the sizes of what is no unit's |
| ` + "`fingerprint`" + ` | a dependency-set fingerprint and its ingredients, of a ` + "`layer`" + ` or of the checkout |
| ` + "`difference`, `diff`" + ` | one thing in which two fingerprints differ (` + "`unseen`" + `: Cargo does not look at it); how many there are |
| ` + "`label`" + ` | the record of a layer with its label as it is now, and whether that ` + "`changed`" + ` |
| ` + "`remove`" + ` | the record of a layer that was removed |
| ` + "`store`" + ` | a store, where it is mounted, its driver and layers; what removing it frees (` + "`exclusive`" + `), with list as the last prune found it; with show also what it ` + "`takes`" + ` and its ` + "`build_directories`" + ` |
| ` + "`move-store`" + ` | ` + "`from`" + ` where a store was moved, where it is, and whether it was ` + "`renamed`" + ` or copied |
| ` + "`remove-store`" + ` | the store that was removed, how many layers it had, how many of them labelled and pinned, and its ` + "`build_directories`" + ` |
| ` + "`plan`" + ` | a layer, its ` + "`last_use`" + `, whether prune is to ` + "`remove`" + ` it, and ` + "`why`" + `: gone, project, toolchain, unreferenced, unused, surplus, space; leased, pinned, labelled, recent, last, unmatched; what removing it ` + "`frees`" + ` after those before it, and ` + "`cost_ms`" + ` |
| ` + "`plan-tree`" + ` | the same of a build directory, or of what undo would bring back: ` + "`kind`" + `, ` + "`path`" + ` |
| ` + "`remove-tree`" + ` | one of these that was removed |
| ` + "`pin`" + ` | a layer that was pinned or unpinned, and whether that has ` + "`changed`" + ` anything |
| ` + "`prune`" + ` | how many layers and directories (` + "`trees`" + `) were removed, how many layers were kept, and how many could not be removed; what all of it ` + "`frees`" + `, with the warehouse, and what it costs to compile again (` + "`cost_ms`" + `) |
| ` + "`holding`" + ` | a layer, build directory, undo tree or the warehouse, as du shows it: ` + "`kind`" + `, ` + "`path`" + `, the bytes in ` + "`total`" + `, what removing it alone ` + "`frees`" + `, the bytes of ` + "`small`" + ` files, ` + "`cost_ms`" + ` of the units that no other layer has, and of a layer or build directory ` + "`last_use`" + ` |
| ` + "`group`" + ` | what belongs together, as du shows it with --by: how many ` + "`trees`" + ` of one project, worktree, toolchain or kind there are, their ` + "`total`" + `, and what removing all of them ` + "`frees`" + ` and costs; or how many ` + "`units`" + ` of one package (and its ` + "`source`" + `) or profile, in how many ` + "`layers`" + `, the bytes in ` + "`total`" + `, and ` + "`cost_ms`" + `, each unit once |
| ` + "`du`" + ` | what all trees take ` + "`together`" + `, and what removing those that were named ` + "`frees`" + ` and costs |
| ` + "`home`" + ` | with ` + "`du --home`" + `, something that Cargo or rustup keeps: its ` + "`kind`" + `, ` + "`path`" + `, the bytes in ` + "`total`" + `, what removing it alone ` + "`frees`" + `; of a toolchain its compiler, and how many ` + "`layers`" + ` and ` + "`build_directories`" + ` were built by it |
| ` + "`du-page`" + ` | with ` + "`du --html`" + `, the ` + "`path`" + ` of the page and its ` + "`bytes`" + ` |
| ` + "`target`" + ` | a target directory that scan has found: its ` + "`project`" + `, whether that is ` + "`gone`" + `, the bytes in ` + "`total`" + `, and what removing it alone ` + "`frees`" + ` |
| ` + "`scan`" + ` | how many it has found, what they take ` + "`together`" + `, and what removing all ` + "`frees`" + `, or those whose project is gone |
| ` + "`dedupe`" + ` | how many ` + "`files`" + ` of how many target directories share their ` + "`bytes`" + ` now, and what was ` + "`shared`" + ` already |
| ` + "`plan-record`" + ` | a record of the warehouse, whether prune is to ` + "`remove`" + ` it, what that ` + "`frees`" + ` after those before it, and ` + "`why`" + `: nowhere, unused, space; recent, unmatched |
| ` + "`prune-warehouse`" + ` | how many records, files and leftovers were removed from the warehouse, the bytes that ` + "`frees`" + `; if not ` + "`exact`" + `, at most; ` + "`lacking`" + `: how many more were asked for |
| ` + "`record`" + ` | a record of the warehouse: its key, where it was made and serves, ` + "`where`" + ` its files lie (loose, layer, built, gone); with ` + "`warehouse show`" + ` each file and input |
| ` + "`ingredient`" + ` | one thing that a record's key is made of: an ingredient, an input, a variable or a library (` + "`kind`" + `) |
| ` + "`damage`, `verify`" + ` | something damaged in the warehouse, and whether it was removed; what was looked at |
| ` + "`miss`" + ` | a call of rustc that was not answered: ` + "`kind`" + ` (missed, compiled, refused), ` + "`why`, `detail`" + ` |
| ` + "`stats`, `stats-why`" + ` | what became of all calls, time in ms and bytes, and of build directories by themselves; how many were compiled for one reason |
| ` + "`undo`, `status`, `hook`" + ` | how things are |
| ` + "`verified-unit`" + ` | a unit and the ` + "`verdict`" + `: equal, equal-but (` + "`but`" + ` for what), not-reproducible, different (in ` + "`differs`" + `), failed, unknown (` + "`why`" + `); the workspace root it was compiled ` + "`at`" + `, if another |
| ` + "`verified`" + ` | how many units had which verdict, the ` + "`seed`" + ` of the sample |
| ` + "`wrapper`" + ` | whether cargo uses the wrapper here (` + "`enabled`" + `), all ` + "`settings`" + ` that name one, the one that cargo goes by first, and whether it can work here (` + "`views`" + `) |
| ` + "`enable`, `disable`" + ` | whether anything was ` + "`changed`" + `, the ` + "`files`" + ` that were touched, or with --dry-run would be, and ` + "`how`" + ` (create, change, write, remove); whose the ` + "`completions`" + ` are (absent, installed, edited, foreign); with enable, the ` + "`driver`" + ` that the disk makes possible |
| ` + "`finding`" + ` | how one thing (` + "`topic`" + `) is that doctor has looked at: its ` + "`state`" + ` (fine, note, bad), ` + "`text`" + `, and the ` + "`help`" + ` that mends it |
| ` + "`pool`" + ` | how the machine's pool is: where it is mounted, its ` + "`image`" + ` and who mounts it (` + "`kept_by`" + `), bytes it may grow to (` + "`size`" + `), has ` + "`used`" + ` and ` + "`free`" + `, ` + "`takes`" + ` of its disk, and are free there (` + "`host_free`" + `); its ` + "`users`" + `; its ` + "`problems`" + `, each with a ` + "`help`" + ` |
| ` + "`pool-created`, `pool-path`, `pool-trimmed`, `pool-removed`" + ` | what was made; the user's directory in the pool; the bytes given back; the image that was removed |
| ` + "`check`" + ` | a problem and whether it was repaired, or ` + "`clean`" + ` |
| ` + "`error`" + ` | the message, the help and the exit code |

## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | error |
| 2 | the command line is wrong |
| 3 | done in part |
| 4 | no such layer, unit, record or call, no layer that fits, nothing to undo |
| 5 | cargo is using the build directory, or a restore is using the layer |
| 130 | interrupted |

` + "`cargo cow run`" + ` returns the code of the command it runs.

## Environment

- ` + "`CARGO_COW=off`" + `: switches the wrapper and git's hook off, for one command of cargo's or git's.
- ` + "`CARGO_COW_STORE`" + `: the store, for one command; ` + "`--store`" + ` takes precedence.
- ` + "`CARGO_COW_WAREHOUSE`" + `: ` + "`off`" + ` for a build that neither takes from the warehouse nor puts into it. ` + "`now`" + `: what is compiled is kept before
  the compiler's call is over, and not seconds after cargo is done; so it is in CI and in containers, which kill what outlives cargo.
- ` + "`CARGO_TERM_COLOR`, `CARGO_TERM_QUIET`, `CARGO_TERM_VERBOSE`, `NO_COLOR`, `CLICOLOR_FORCE`" + `: as for cargo.

## Configuration

` + "`$XDG_CONFIG_HOME/cargo-cow/config.yaml`" + ` is the user's, ` + "`.cargo-cow.yaml`" + ` in the
workspace (or in a directory of it) the project's. An unknown key is an error.

| key | where | meaning |
|---|---|---|
| ` + "`store`" + ` | user | absolute path of the store of all repositories that were not given one of their own, by ` + "`init --store`" + ` |
| ` + "`warm`" + ` | user | restore reads ahead in the background what the first build after an edit will read. That build is quicker where the disk is slow, but each worktree takes its share of the page cache |
| ` + "`compression`" + ` | user | how new build directories on Btrfs compress, and the layers and worktrees that come of them: ` + "`zstd`" + ` (the default, where neither a directory above nor the mount says otherwise), ` + "`zlib`" + `, ` + "`lzo`" + `, or ` + "`none`" + `; the level is the mount's. A build directory that is there compresses only what is built anew |
| ` + "`prune`" + ` | user | what is removed without being asked for: ` + "`frequency`" + ` (1d, or never), ` + "`keep_under`" + ` (25%: what the store may take that nothing else holds; or 50GB, or never), ` + "`free_space`" + ` (5%: what is to be free), ` + "`max_age`" + ` with ` + "`layers`" + ` (60d), ` + "`undo`" + ` (14d), ` + "`warehouse`" + ` (60d) |
| ` + "`strict`" + ` | user, project | rebuild every unit that mentions the directory it was built in |
| ` + "`pure_macros`" + ` | user, project | list of procedural macros known to read no files: ` + "`name`, `from`, `below`" + ` (versions) |
| ` + "`inputs`" + ` | user, project | globs of files outside a package that its build script or macros read |
| ` + "`compile_in_place`" + ` | user, project | crates, by the names that rustc has for them, that the wrapper always compiles where they lie: those whose macros write the directory they run in into the program |
| ` + "`ignore`" + ` | user, project | globs of files that are never an input |
`
