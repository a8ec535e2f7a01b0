// Package intake takes files of shipments in: bytes become lines, lines become records, records become
// shipments, and those go into the ledger and from there onto the belt.
//
//	Open     the file: which format, encoding, sheet, which columns; what is wrong with all of it is said here,
//	         before anything is accepted
//	Import   its rows: each is accepted, known already, in conflict, or refused with field and reason
//	Deliver  what is accepted to the belt; that Redis is away does no harm
//
// A file of any format is a table of rows; from there on all formats go the same way. Whoever has no path but an upload
// calls OpenReader with its name and bytes, Import with DryRun first and without it once a person has agreed, both on the
// same Source, and takes the refused rows from Options.Refused, which writes them as CSV or xlsx wherever they are to go.
//
// One damaged row never stops the others, and never takes its neighbours with it. What is refused goes
// into a file of its own that can be corrected and imported again. Importing anything twice is harmless:
// the ledger knows what it has.
package intake
