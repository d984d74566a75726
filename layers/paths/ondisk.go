package paths

import (
	"os"
	"strconv"
)

// The names of everything that this program leaves on disk, each said once. A test holds
// docs/format.md, which says what is in the files, against these tables.

// In a store.
const (
	StoreVersion    = "version"
	StoreDriver     = "driver"
	StoreCacheTag   = "CACHEDIR.TAG"
	StoreIgnore     = ".gitignore"
	StoreLock       = "lock"
	StoreLayers     = "layers"
	StoreRecords    = "records"
	StoreLeases     = "leases"
	StoreLabels     = "labels"
	StorePins       = "pins"
	StoreAutomatic  = "automatic"
	StoreSizes      = "sizes"
	StoreMaps       = "maps"
	StoreLastUse    = "lastuse"
	StoreUsage      = "usage.db"
	StoreUsageLock  = "usage.lock"
	StoreUsageAside = StoreUsage + ".corrupt-" // before a number
	StoreIndex      = "index"
	StoreCatalog    = "catalog"
	StoreRustcNotes = "rustc-notes.json"
	StorePlans      = "plans"
	StoreWarehouse  = "warehouse"
	StoreLog        = "log"
	StoreLockfiles  = "lockfiles"
	StoreUnasked    = "unasked"
	StoreAutoPrune  = "auto-prune.json"
	StoreMove       = "move"

	// Parts of names there, before and behind ids.
	TempPrefix  = ".tmp-" // of what is being made or removed, here and elsewhere
	TrashPrefix = ".trash-"
	ClaimPrefix = "place-"
	JSONSuffix  = ".json"
	LeaseSuffix = ".lease"
)

// In the warehouse, a directory of a store.
const (
	WarehouseUnits     = "units"
	WarehouseFiles     = "files"
	WarehouseLater     = "later"
	WarehouseEvents    = "events"
	WarehouseOldEvents = WarehouseEvents + ".old"
)

// In every tree, and in every build directory.
const (
	TreeMeta        = ".cargo-cow"
	TreeManifest    = TreeMeta + "/manifest.json"
	TreeActive      = TreeMeta + "/active.json"
	TreeUnits       = TreeMeta + "/units"
	TreeHandoff     = TreeMeta + "/place"
	TreeGit         = TreeMeta + "/git"
	TreeGitFile     = TreeMeta + "/gitfile"
	TreeUnavailable = TreeMeta + "/unavailable"
	TreeStore       = TreeMeta + "/store"
	TreePrepared    = TreeMeta + "/prepared"
	TreeAgain       = TreeMeta + "/again"

	TreeLeftSuffix = ".cargo-cow-left" // of what cannot be removed from a copy
)

// Beside a build directory, parts of names behind the build directory's own. All but
// those that end in UndoSuffix begin with a dot.
const (
	BesideMark = ".cargo-cow-" // in all of them
	BesideTemp = BesideMark + "tmp-"
	BesideSwap = BesideMark + "tmp.swap"
	UndoSuffix = BesideMark + "undo"
)

// In the directory that all worktrees of a repository share, and in that of one
// worktree. The hook, a script of the shell's, tests for them.
const (
	RepositoryMemory = "cargo-cow/config.json"
	RepositorySwitch = "cargo-cow/switch"
	RepositoryKnown  = "cargo-cow/known"
	RepositoryForks  = "cargo-cow/forks"
	RepositoryForked = RepositoryForks + ".lock"
	WorktreeBuilt    = "cargo-cow/built"
	WorktreeFork     = "cargo-cow/fork"

	WorktreeTopMark = "//" // in the last: before the inode of the working tree that it is of

	RepositoryTempSuffix = ".cargo-cow-tmp" // of what is being written there
)

// Of a user. User is the directory of this program's in those for all programs: of
// configuration, data and caches, where it is itself a store.
const (
	User          = "cargo-cow"
	UserConfig    = "config.yaml"
	UserStore     = "store"
	UserStores    = "stores"
	UserMoved     = "moved"
	UserWrappers  = "wrappers"
	UserAutomatic = "automatic"
	UserEnabled   = "enabled"
	UserAnswers   = "cargo-cow-answers" // for itself among the caches
	ProjectConfig = ".cargo-cow.yaml"   // in a project, by its user
)

// In a directory of links to the wrapper.
const (
	WrapperProgram = "cargo-cow-rustc"
	WrapperNext    = "cargo-cow-next"
)

// UserStorePrefix begins the name of a user's store that lies above what it serves.
const UserStorePrefix = ".cargo-cow-"

// BesideStore is the name of such a store of the user's who runs this.
func BesideStore() string { return UserStorePrefix + strconv.Itoa(os.Geteuid()) }
