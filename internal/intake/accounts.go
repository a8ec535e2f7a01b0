package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fahuo/internal/ledger"
	"fahuo/internal/shipment"
)

// ErrAccount says that an import as a whole names no account, or one that nobody serves.
var ErrAccount = errors.New("which account?")

// accounts decides whose shipment a row is (U4: a trade is only ever shipped by its own partner).
type accounts struct {
	flag     string   // what the command was told: for every row
	fallback string   // for rows that say nothing
	only     []string // those that may be named at all; nil: any
	known    []ledger.Account
	blank    bool // no worker has announced any account
}

// newAccounts asks the ledger which accounts workers have announced. perRow tells that rows may name
// theirs; if they may not, an import without a good account is refused at once.
func newAccounts(ctx context.Context, book *ledger.Ledger, o Options, perRow bool) (accounts, error) {
	known, err := book.Accounts(ctx)
	if err != nil {
		return accounts{}, fmt.Errorf("%w: its accounts could not be read: %w", ErrLedger, err)
	}
	flag := o.Partner
	a := accounts{flag: flag, fallback: o.DefaultPartner, only: o.Only, known: known, blank: len(known) == 0}
	if a.only != nil { // the others are nobody's business here
		a.known = slices.DeleteFunc(known, func(k ledger.Account) bool { return !slices.Contains(a.only, k.Partner) })
		known = a.known
	}
	// Of several that may be named the only one that is served need not be the one that is meant.
	if a.fallback == "" && len(known) == 1 && len(a.only) <= 1 {
		a.fallback = known[0].Partner
	}
	switch {
	case flag != "" && !a.served(flag):
		return a, fmt.Errorf("%w --partner %s: %s", ErrAccount, flag, a.unserved())
	case flag != "" || perRow:
		return a, nil
	case a.fallback == "":
		return a, fmt.Errorf("%w neither --partner, nor a column \"partner\", nor ALIPAY_PARTNER names it; %s", ErrAccount, a.names())
	case !a.served(a.fallback):
		return a, fmt.Errorf("%w ALIPAY_PARTNER %s: %s", ErrAccount, a.fallback, a.unserved())
	}
	return a, nil
}

// served tells whether a worker has announced an account. Before the first one has, nobody can say.
func (a accounts) served(partner string) bool {
	for _, k := range a.known {
		if k.Partner == partner {
			return true
		}
	}
	return a.blank
}

func (a accounts) unserved() string { return "no worker has announced this account; " + a.names() }

func (a accounts) names() string {
	if len(a.known) == 0 {
		return "no worker has announced one to this ledger yet"
	}
	names := make([]string, len(a.known))
	for i, k := range a.known {
		names[i] = strings.TrimSpace(k.Partner + " " + k.Name)
	}
	return "known are: " + strings.Join(names, ", ")
}

// resolve names the account of a row from what the row itself says.
func (a accounts) resolve(cell string) (string, *shipment.FieldError) {
	refuse := func(format string, args ...any) (string, *shipment.FieldError) {
		return cell, shipment.Refuse(shipment.FieldPartner, shipment.Words{Form: format, Args: args})
	}
	partner := cell
	switch {
	case a.flag != "" && cell != "" && cell != a.flag:
		return refuse("is %.40q in the file, but the import is for %s; correct one of them", cell, a.flag)
	case a.flag != "":
		partner = a.flag
	case cell == "":
		partner = a.fallback
	}
	switch {
	case partner == "":
		return refuse("is missing; %s", a.names())
	case shipment.CheckPartner(partner) != nil:
		return partner, nil // Validate has the words for it
	case a.only != nil && !slices.Contains(a.only, partner):
		return refuse("%s is none of the accounts that you may ship for: %s", partner, strings.Join(a.only, ", "))
	case !a.served(partner):
		return refuse("%s: no worker has announced this account; %s", partner, a.names())
	}
	return partner, nil
}
