package open

import (
	"context"

	"github.com/cargo-cow/cargo-cow/layers/cargo/depset"
)

// Here is how the checkout is called where a layer could stand.
const Here = "."

// Fingerprinted is something that has a dependency-set fingerprint: a layer, or the
// checkout.
type Fingerprinted struct {
	Layer       string // its id; "" for the checkout
	Fingerprint *depset.Fingerprint
}

// Fingerprinted finds a layer, or with Here the checkout. The layer's store need not be
// that of any checkout; the checkout needs no store.
func (s *Session) Fingerprinted(ctx context.Context, ref string) (*Fingerprinted, error) {
	if ref == "" || ref == Here {
		checkout, err := s.Checkout(ctx)
		if err != nil {
			return nil, err
		}
		return &Fingerprinted{"", checkout.Fingerprint}, nil
	}
	st, err := s.AnyStore(ctx)
	if err != nil {
		return nil, err
	}
	rec, fp, _, err := st.Show(ctx, ref)
	if err != nil {
		return nil, err
	}
	return &Fingerprinted{rec.ID, fp}, nil
}
