package usage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/cargo-cow/cargo-cow/layers/internal/flock"
	"github.com/cargo-cow/cargo-cow/layers/internal/ls"
	"github.com/cargo-cow/cargo-cow/layers/paths"
)

// migrations lead from each version of the schema to the next. They are only ever added to,
// and add: tables, and columns with a default, in words that the SQLite of the first version
// understands (3.53). So a program reads and writes what it knows of in a database of any
// later version.
var migrations = []string{
	`CREATE TABLE item (
		kind      TEXT NOT NULL,
		key       TEXT NOT NULL,
		first_use INTEGER NOT NULL, -- ns since 1970
		last_use  INTEGER NOT NULL,
		uses      INTEGER NOT NULL,
		PRIMARY KEY (kind, key)
	) STRICT, WITHOUT ROWID`,
}

// patience is how long a command waits for others that use the database. Each takes some
// tenths of a second; advice is not worth more.
const patience = 10 * time.Second

// Database is the database of one store, which nobody else has open: for one command, and
// not for long. Its methods may be called by several goroutines.
type Database struct {
	path    string
	db      *sql.DB
	unlock  func() error
	trouble *Trouble
}

// Open opens the database of a store, and makes it where there is none. One that is damaged
// is put aside, and an empty one takes its place. The error is a *Trouble, unless ctx ends.
func Open(ctx context.Context, store string) (*Database, error) {
	path := filepath.Join(store, paths.StoreUsage)
	d := &Database{path: path}
	failed := func(err error) (*Database, error) {
		if d.unlock != nil {
			err = errors.Join(err, d.unlock())
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Trouble{Path: path, Fault: Unusable, Err: err}
	}
	// Before the lock is made: where there is no store, there is to be no file of it.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return failed(errors.New("not a regular file"))
	}
	inTime, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var err error
	if d.unlock, err = flock.Lock(inTime, filepath.Join(store, paths.StoreUsageLock), flock.Exclusive, nil); err != nil {
		return failed(err)
	}
	if err = d.open(ctx); isDamage(err) {
		err = d.renew(ctx, err)
	}
	if err != nil {
		return failed(err)
	}
	return d, nil
}

// renew puts a damaged file aside, and opens a new one.
func (d *Database) renew(ctx context.Context, damage error) error {
	aside, err := putAside(d.path)
	if err != nil {
		return errors.Join(damage, err)
	}
	d.trouble = &Trouble{Path: d.path, Fault: Damaged, Aside: aside, Err: damage}
	return d.open(ctx)
}

// Close ends the use of the database.
func (d *Database) Close() error { return errors.Join(d.db.Close(), d.unlock()) }

// Trouble is what is to be said of the database though it is open: that it was Damaged, or
// is Newer; else nil.
func (d *Database) Trouble() *Trouble { return d.trouble }

// open opens the file, looks whether it is whole, and brings it to this version.
func (d *Database) open(ctx context.Context) (err error) {
	// SQLite would make it readable for all whom the store's directory lets through, and
	// say less of why it cannot be written.
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err
	} else if err != nil {
		return err
	}
	f.Close()
	if d.db, err = sql.Open("sqlite", source(d.path)); err != nil {
		return err
	}
	d.db.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			d.db.Close()
		}
	}()
	var verdict string
	err = d.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	if is(err, sqlite3.SQLITE_ERROR) {
		return damage(err.Error()) // there is nothing wrong with the question
	} else if err != nil {
		return err
	}
	if verdict != "ok" {
		return damage(verdict)
	}
	version, err := migrate(ctx, d.db, migrations)
	if err == nil && version > len(migrations) && d.trouble == nil {
		d.trouble = &Trouble{Path: d.path, Fault: Newer, Err: fmt.Errorf("version %d, where this program knows %d", version, len(migrations))}
	}
	return err
}

// source names the file to the driver, with how it is to be opened. The database is locked
// as long as it is open, so that SQLite needs no memory shared with others: that would be a
// mapped file, and writing to one is a fault on a full disk (measured on Btrfs: the driver
// makes SQLITE_IOERR_IN_PAGE of it). The driver sets what has a parameter of its own after
// all pragmas, but for busy_timeout. Transactions begin as ones that write, since one that
// comes to writing later is not made to wait, but fails.
func source(path string) string {
	return (&url.URL{Scheme: "file", Path: path}).String() +
		"?_busy_timeout=10000&_pragma=locking_mode(EXCLUSIVE)&_journal_mode=WAL&_synchronous=NORMAL&_foreign_keys=1&_txlock=immediate"
}

// migrate brings a database to the version that steps lead to, and returns its version,
// which is later where a later program has been there.
func migrate(ctx context.Context, db *sql.DB, steps []string) (version int, err error) {
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version >= len(steps) {
		return version, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	for ; version < len(steps); version++ {
		if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
			return 0, err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return 0, err
	}
	return version, tx.Commit()
}

// damage is what SQLite finds wrong with a file.
type damage string

func (d damage) Error() string { return string(d) }

// isDamage reports whether err says that the file is no database, or not a whole one.
func isDamage(err error) bool {
	if d := damage(""); errors.As(err, &d) {
		return true
	}
	return is(err, sqlite3.SQLITE_CORRUPT) || is(err, sqlite3.SQLITE_NOTADB)
}

// is reports whether err is SQLite's of that kind: the low byte of its codes.
func is(err error, kind int) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == kind
}

// putAside renames a damaged database, and returns its new name. One that was put aside
// before goes.
func putAside(path string) (string, error) {
	dir, mark := filepath.Dir(path), paths.StoreUsageAside
	names, err := ls.Names(dir)
	if err != nil {
		return "", err
	}
	last := 0
	old := []string{path + "-wal", path + "-shm", path + "-journal"}
	for _, name := range names {
		if number, ok := strings.CutPrefix(name, mark); ok {
			n, _ := strconv.Atoi(number)
			last, old = max(last, n), append(old, filepath.Join(dir, name))
		}
	}
	// What SQLite keeps beside it would be taken for part of the new one.
	for _, f := range old {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	aside := filepath.Join(dir, mark+strconv.Itoa(last+1))
	return aside, os.Rename(path, aside)
}
