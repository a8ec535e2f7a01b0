package ledger

import (
	"context"

	"fahuo/internal/shipment"
)

// Trial answers for shipments as Accept would if it took them one after the other, and writes nothing: workers go on
// beside it, however many there are. What it has answered Accepted counts as being here from then on.
type Trial struct {
	ledger *Ledger
	taken  map[shipment.Key]shipment.Shipment
}

// Trial begins with the ledger as it is.
func (l *Ledger) Trial() *Trial {
	return &Trial{ledger: l, taken: make(map[shipment.Key]shipment.Shipment)}
}

// Accept answers for each of some shipments, valid ones.
func (t *Trial) Accept(ctx context.Context, shipments []shipment.Shipment) ([]Acceptance, error) {
	answers := make([]Acceptance, 0, len(shipments))
	for len(answers) < len(shipments) {
		group := shipments[len(answers):min(len(answers)+groupSize, len(shipments))]
		known, err := t.ledger.known(ctx, group)
		if err != nil {
			return nil, err
		}
		for _, s := range group {
			answers = append(answers, t.answer(s, known))
		}
	}
	return answers, nil
}

func (t *Trial) answer(s shipment.Shipment, known map[shipment.Key]Row) Acceptance {
	key := s.Key()
	if first, ok := t.taken[key]; ok {
		return Row{Shipment: first, State: shipment.Queued}.answer(s)
	}
	answer := Acceptance{Verdict: Accepted}
	if row, ok := known[key]; ok {
		answer = row.answer(s)
	}
	if answer.Verdict == Accepted {
		t.taken[key] = s
	}
	return answer
}

// known reads those of some shipments that are in the ledger.
func (l *Ledger) known(ctx context.Context, shipments []shipment.Shipment) (map[shipment.Key]Row, error) {
	numbers := make(map[string][]any) // by account
	for _, s := range shipments {
		numbers[s.Partner] = append(numbers[s.Partner], s.TradeNo)
	}
	known := make(map[shipment.Key]Row)
	for partner, of := range numbers {
		rows, err := list(ctx, l, scanRow, l.dialect.selectRow()+`WHERE partner = ? AND trade_no IN (`+marks(len(of))+`)`, append([]any{partner}, of...)...)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			known[row.Key()] = row
		}
	}
	return known, nil
}
