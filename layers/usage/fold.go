package usage

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// How long the uses of something are remembered that is not there any more.
const (
	// Of what lies in the store: longer than it takes from a scan to its fold, since what
	// came into the store in between was not seen.
	goneFromStore = time.Hour
	// Of build directories, which may lie on a disk that is not mounted, and of toolchains,
	// which may only be used again.
	goneElsewhere = 365 * 24 * time.Hour
)

// Fold takes all stamps into the database of a store, and returns what is known then. With
// a *Trouble, that is what the stamps say and, unless it is Unusable, what the database
// says, too. Any other error is that of ctx.
func Fold(ctx context.Context, s Sources, now time.Time) (Known, error) {
	stamps, complete, err := s.scan(ctx, now)
	if err != nil {
		return nil, err
	}
	known, err := foldInto(ctx, s.Store, stamps, complete, now)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if known == nil {
		known = Known{}
		known.fold(stamps, now)
	}
	return known, err
}

// foldInto opens the database for one fold. Without a Known the database is unusable.
func foldInto(ctx context.Context, store string, stamps []Stamp, complete []Kind, now time.Time) (Known, error) {
	d, err := Open(ctx, store)
	if err != nil {
		return nil, err
	}
	known, err := d.fold(ctx, stamps, complete, now)
	if isDamage(err) { // which Open has overlooked
		if err = errors.Join(d.db.Close(), d.renew(ctx, err)); err == nil {
			known, err = d.fold(ctx, stamps, complete, now)
		}
	}
	if err = errors.Join(err, d.Close()); err != nil {
		return nil, &Trouble{Path: d.path, Fault: Unusable, Err: err}
	}
	if d.trouble != nil {
		return known, d.trouble
	}
	return known, nil
}

// fold takes stamps into the database, in one transaction, which writes nothing where
// nothing is new, and returns what the database says then.
func (d *Database) fold(ctx context.Context, stamps []Stamp, complete []Kind, now time.Time) (Known, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	known, err := readKnown(ctx, tx, "")
	if err != nil {
		return nil, err
	}
	if changed := known.fold(stamps, now); len(changed) > 0 {
		put, err := tx.PrepareContext(ctx, `INSERT INTO item (kind, key, first_use, last_use, uses) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (kind, key) DO UPDATE SET first_use = excluded.first_use, last_use = excluded.last_use, uses = excluded.uses`)
		if err != nil {
			return nil, err
		}
		defer put.Close()
		for _, s := range changed {
			it := known[s.Kind][s.Key]
			if _, err := put.ExecContext(ctx, string(s.Kind), it.Key, it.First.UnixNano(), it.Last.UnixNano(), it.Uses); err != nil {
				return nil, err
			}
		}
	}
	for _, g := range known.forget(stamps, complete, now) {
		if _, err := tx.ExecContext(ctx, "DELETE FROM item WHERE kind = ? AND key = ?", string(g.Kind), g.Key); err != nil {
			return nil, err
		}
	}
	return known, tx.Commit()
}

// forget drops what is gone, and returns it.
func (k Known) forget(stamps []Stamp, complete []Kind, now time.Time) (gone []Stamp) {
	there := map[Kind]map[string]bool{}
	for _, s := range stamps {
		if there[s.Kind] == nil {
			there[s.Kind] = map[string]bool{}
		}
		there[s.Kind][s.Key] = true
	}
	for _, kind := range []Kind{Layer, Unit, Directory, Toolchain} { // others are a newer program's
		items, after := k[kind], goneElsewhere
		if slices.Contains(complete, kind) {
			after = goneFromStore
		}
		for key, it := range items {
			if !there[kind][key] && now.Sub(it.Last) > after {
				gone = append(gone, Stamp{kind, key, it.Last})
				delete(items, key)
			}
		}
	}
	return gone
}

// LastUse returns when something was last used; the zero time if that is not known.
func (d *Database) LastUse(ctx context.Context, kind Kind, key string) (time.Time, error) {
	var ns int64
	err := d.db.QueryRowContext(ctx, "SELECT last_use FROM item WHERE kind = ? AND key = ?", string(kind), key).Scan(&ns)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, &Trouble{Path: d.path, Fault: Unusable, Err: err}
	}
	return time.Unix(0, ns), nil
}

// All lists the items of a kind, the last used first.
func (d *Database) All(ctx context.Context, kind Kind) ([]Item, error) {
	known, err := readKnown(ctx, d.db, kind)
	if err != nil {
		return nil, &Trouble{Path: d.path, Fault: Unusable, Err: err}
	}
	return known.All(kind), nil
}

// Toolchains lists the compilers that built what is or was here, the last used first.
func (d *Database) Toolchains(ctx context.Context) ([]Item, error) { return d.All(ctx, Toolchain) }

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readKnown reads the items of a kind, "" for all.
func readKnown(ctx context.Context, q querier, kind Kind) (Known, error) {
	rows, err := q.QueryContext(ctx, "SELECT kind, key, first_use, last_use, uses FROM item WHERE ?1 = '' OR kind = ?1", string(kind))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := Known{}
	for rows.Next() {
		var of string
		var it Item
		var first, last int64
		if err := rows.Scan(&of, &it.Key, &first, &last, &it.Uses); err != nil {
			return nil, err
		}
		kind := Kind(of)
		it.First, it.Last = time.Unix(0, first), time.Unix(0, last)
		if known[kind] == nil {
			known[kind] = map[string]Item{}
		}
		known[kind][it.Key] = it
	}
	return known, rows.Err()
}
