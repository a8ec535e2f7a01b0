package worker

// Step is a place in the handler between two effects: what comes before it has been done, what comes after it
// has not. A process may die or be stopped at any of them, and the tests let it, at each.
type Step string

// The steps, in the order in which a shipment can meet them, and what is so when the process dies there.
// Wherever the row is queued and only in hand, rescue brings it back when asynq's lease has run out (adopt).
const (
	StepRead   Step = "read"   // the task is in hand; nothing has been done
	StepAccept Step = "accept" // a task that the ledger does not know: nothing has been done; rescue takes it in
	StepTaken  Step = "taken"  // the ledger has that shipment, and marks it as to be fed
	StepRefuse Step = "refuse" // a task that is no shipment: nothing has been done; rescue refuses it
	StepLater  Step = "later"  // the row is not due; it is nowhere else in line

	StepTakeOver  Step = "take over"  // the row is calling and past its fence; rescue takes it over as well
	StepTakenOver Step = "taken over" // the row is queued and in doubt, in hand

	StepQuery    Step = "query"    // of the preflight, or for the evidence; asked again
	StepQueried  Step = "queried"  // answered and not recorded: asked again
	StepRecorded Step = "recorded" // recorded, and nothing follows from it yet: asked again
	StepSettle   Step = "settle"   // the query settles the shipment or sends it back; asked again
	StepSettled  Step = "settled"  // the row has moved and is marked as to be fed

	StepConnect  Step = "connect"  // nothing has been done
	StepBegin    Step = "begin"    // connected, the slot is open; nothing has been done
	StepWrite    Step = "write"    // the row is calling, slot and row are closed until the fence; then the query tells
	StepAnswered Step = "answered" // likewise, and the answer is lost
	StepFinish   Step = "finish"   // likewise
	StepFinished Step = "finished" // the answer is recorded, the row has moved and is marked as to be fed
	StepClaimed  Step = "claimed"  // the query for the evidence is ours, and was not made; another claims it later
	StepEvidence Step = "evidence" // what the query found after a refusal stands in the calls alone

	StepHandBack Step = "hand back"   // the worker stops; the row is queued, in hand
	StepPut      Step = "put in line" // the row is marked as to be fed; the feeder does it
	StepFed      Step = "fed"         // the belt agrees with the row, and the row is still marked: fed twice
	StepDone     Step = "done"        // the task may go and is there; whoever gets it drops it
)

// Steps lists every step, in order.
func Steps() []Step {
	return []Step{
		StepRead, StepAccept, StepTaken, StepRefuse, StepLater, StepTakeOver, StepTakenOver, StepQuery, StepQueried, StepRecorded,
		StepSettle, StepSettled, StepConnect, StepBegin, StepWrite, StepAnswered, StepFinish, StepFinished, StepClaimed, StepEvidence,
		StepHandBack, StepPut, StepFed, StepDone,
	}
}

// step tells OnStep where the handler is.
func (l *lane) step(s Step) {
	if l.w.o.OnStep != nil {
		l.w.o.OnStep(l.partner, s)
	}
}
