package desk

import (
	"context"

	"fahuo/internal/ledger"
)

// accountList is every account that the ledger knows.
type accountList []ledger.Account

func (d *Desk) accounts(ctx context.Context) (accountList, error) {
	return counted(d.counts, "accounts", func() (accountList, error) { return d.o.Book.KnownAccounts(ctx) })
}

// names are what people call the accounts, by partner.
func (l accountList) names() map[string]string {
	names := make(map[string]string, len(l))
	for _, a := range l {
		names[a.Partner] = accountName(a)
	}
	return names
}

func (l accountList) options() []option {
	options := make([]option, len(l))
	for i, a := range l {
		options[i] = option{Value: a.Partner, Label: accountName(a)}
	}
	return options
}

// accountName is an account's name with the end of its number, which tells two of one name apart.
func accountName(a ledger.Account) string {
	if a.Name == "" {
		return a.Partner
	}
	return a.Name + " …" + a.Partner[max(0, len(a.Partner)-4):]
}
