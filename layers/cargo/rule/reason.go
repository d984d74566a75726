package rule

// Reason is why a unit will be rebuilt.
type Reason struct {
	Rule   Rule   `json:"rule"`
	Detail string `json:"detail"` // the file, line or path that decided
}

// Because returns the reason that r gives, with its detail.
func Because(r Rule, detail string) *Reason { return &Reason{r, detail} }
