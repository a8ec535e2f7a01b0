package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/rs/zerolog"

	"fahuo/internal/intake"
	"fahuo/internal/shipment"
)

// File is what became of a file.
type File struct {
	Batch        string      `json:"batch" doc:"The batch of its rows."`
	DryRun       bool        `json:"dry_run" doc:"Nothing was accepted; the counts say what would have been."`
	Accepted     int         `json:"accepted" doc:"Rows that are new, and durable."`
	Already      int         `json:"already" doc:"Rows that are here already."`
	Conflicts    int         `json:"conflicts" doc:"Rows that are here with other details, and were refused."`
	Rejected     int         `json:"rejected" doc:"Rows that are wrong in themselves, and were refused."`
	ETA          *Time       `json:"eta" doc:"When the last of them will have been called if nothing fails, also of those that a dry run would accept; null if nobody can say."`
	Rejections   []Rejection `json:"rejections" nullable:"false" doc:"The rows that were refused, conflicts among them."`
	RejectedFile string      `json:"rejected_file" doc:"The same as a CSV file to be corrected and handed over again: the original columns, then line, field and reason. Empty if there are none."`
}

// Rejection is a row that was refused.
type Rejection struct {
	Line    int64  `json:"line" doc:"The line of the file, or the row of the sheet."`
	TradeNo string `json:"trade_no" doc:"The trade number, as far as there is one."`
	Field   string `json:"field" doc:"The field that is to blame."`
	Reason  string `json:"reason" doc:"What is wrong, and what to do."`
}

type filesInput struct {
	Batch   string `query:"batch" maxLength:"128" doc:"A name to follow the rows by. Default: the file's name, or the token's, and the time."`
	Partner string `query:"partner" pattern:"^2088[0-9]{12}$" doc:"The account of every row. Default: the file's column, else the token's only one."`
	Urgent  bool   `query:"urgent" doc:"Every row is urgent."`
	DryRun  bool   `query:"dry_run" doc:"Check everything, accept nothing."`
	Strict  bool   `query:"strict" doc:"Accept nothing if any row is refused."`
	Format  string `query:"format" enum:"auto,csv,xlsx,jsonl" default:"auto" doc:"What the file is; auto: its content tells."`
	Sheet   string `query:"sheet" maxLength:"31" doc:"The sheet of a workbook. Default: the only one that has a header."`
}

type filesOutput struct{ Body *File }

const mediaXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

// filesLimits: 100,000 rows are about ten megabytes, as a workbook or as text.
var filesLimits = bodyLimits{
	bytes: 32 << 20, time: 2 * time.Minute,
	types: []string{"application/octet-stream", "multipart/form-data", "text/csv", "text/plain", mediaXLSX, "application/vnd.ms-excel", "application/jsonl", "application/x-ndjson"},
}

// filesAnswer is how long a file may take to be read, checked and accepted.
const filesAnswer = 10 * time.Minute

func (a *API) registerFiles() {
	op := a.operation(http.MethodPost, "/v1/files", "handOverFile", "Hand a file over",
		"A workbook (xlsx), CSV in UTF-8, GBK or GB18030, or JSON lines; its content tells which. As the body itself, or as the first file of a form. "+
			"Rows that are wrong never stop the others. Two files are read at a time; another is told to come again (503).",
		http.StatusForbidden, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	op.Middlewares = append(op.Middlewares, a.upload, a.body(filesLimits))
	huma.Register(a.huma, op, a.handOverFile)
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary"}
	content := make(map[string]*huma.MediaType)
	for _, media := range filesLimits.types {
		content[media] = &huma.MediaType{Schema: binary}
	}
	content["multipart/form-data"].Schema = &huma.Schema{
		Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": binary}, Required: []string{"file"},
	}
	a.huma.OpenAPI().Paths[op.Path].Post.RequestBody = &huma.RequestBody{Required: true, Content: content}
}

// upload lets two files in at a time, and gives them the time they take.
func (a *API) upload(ctx huma.Context, next func(huma.Context)) {
	select {
	case a.uploads <- struct{}{}:
		defer func() { <-a.uploads }()
	default:
		a.fail(ctx, later(http.StatusServiceUnavailable, 5*time.Second, "Other files are being read. Send this one again in a moment."))
		return
	}
	_, w := unwrap(ctx)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(filesAnswer)) // a recorder in a test has none
	next(ctx)
}

// handOverFile is POST /v1/files.
func (a *API) handOverFile(ctx context.Context, in *filesInput) (*filesOutput, error) {
	if err := shipment.CheckBatch(strings.TrimSpace(in.Batch)); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "The name of the batch is not allowed.", at("query", asField(err)))
	}
	if in.Partner != "" && !tokenOf(ctx).May(in.Partner) {
		return nil, problem(http.StatusForbidden, "This token may not ship for this account.",
			&huma.ErrorDetail{Location: "query.partner", Message: "this token may not ship for " + in.Partner})
	}
	name, content, err := file(bodyOf(ctx))
	if err != nil {
		return nil, err
	}
	format, err := intake.ParseFormat(in.Format)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, err.Error())
	}
	source, err := intake.OpenReader(name, bytes.NewReader(content), intake.OpenOptions{Format: format, Sheet: in.Sheet})
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "The file cannot be read: "+err.Error())
	}
	out, err := a.importFile(ctx, in, source)
	if err := source.Close(); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("closing what was kept of a file")
	}
	return out, err
}

// file takes the file out of a body: all of it, or the first file of a form.
func file(b sent) (name string, content []byte, err error) {
	if b.mediaType != "multipart/form-data" {
		return "upload", b.bytes, nil
	}
	form := multipart.NewReader(bytes.NewReader(b.bytes), b.params["boundary"])
	for {
		part, err := form.NextRawPart()
		if err != nil {
			return "", nil, problem(http.StatusBadRequest, "The form holds no file, or is cut off.")
		}
		if part.FileName() == "" && part.FormName() != "file" {
			continue
		}
		if content, err = io.ReadAll(part); err != nil {
			return "", nil, problem(http.StatusBadRequest, "The form is cut off.")
		}
		if name = part.FileName(); name == "" {
			name = "upload"
		}
		return name, content, nil
	}
}

func (a *API) importFile(ctx context.Context, in *filesInput, source *intake.Source) (*filesOutput, error) {
	token := tokenOf(ctx)
	o := intake.Options{
		Partner: in.Partner, Only: token.Partners, Batch: strings.TrimSpace(in.Batch), Urgent: in.Urgent, DryRun: in.DryRun, Strict: in.Strict,
		Actor: actor(ctx), Source: token.Name, Warn: func(m intake.Warning) { zerolog.Ctx(ctx).Info().Msg(m.String()) },
	}
	if len(token.Partners) == 1 {
		o.DefaultPartner = token.Partners[0]
	}
	if o.Batch == "" {
		o.Batch = nameBatch(fileWord(source.Name, token.Name), time.Now())
	}
	var refused bytes.Buffer
	o.Refused = func(r *intake.Refused) error { return r.WriteCSV(&refused) }
	sum, err := intake.Import(ctx, a.Book, source, o)
	if sum.Accepted > 0 && !in.DryRun {
		a.Accepted()
	}
	if err != nil {
		return nil, a.importFault(ctx, sum, err)
	}
	out := &File{
		Batch: sum.Batch, DryRun: in.DryRun, Accepted: sum.Accepted, Already: sum.Already, Conflicts: sum.Conflicts, Rejected: sum.Rejected,
		ETA: timeOf(sum.ETA.Time), Rejections: make([]Rejection, len(sum.Rejections)), RejectedFile: refused.String(),
	}
	for i, r := range sum.Rejections {
		out.Rejections[i] = Rejection{r.Line, r.TradeNo, r.Field, r.Reason}
	}
	return &filesOutput{Body: out}, nil
}

// fileWord is what a batch is called after: the file's name, or the token's if it has none.
func fileWord(file, token string) string {
	word := intake.Word(file)
	if word == "upload" || word == "" {
		return token
	}
	runes := []rune(word)
	return string(runes[:min(len(runes), 80)])
}

// importFault tells a ledger that is away from a file that cannot be read.
func (a *API) importFault(ctx context.Context, sum intake.Summary, err error) error {
	interrupted := errors.Is(err, intake.ErrInterrupted) || ctx.Err() != nil
	if interrupted || errors.Is(err, intake.ErrLedger) || a.Book.Ping(ctx) != nil {
		return away(ctx, err)
	}
	detail := "The file cannot be read: " + err.Error()
	if sum.Accepted > 0 {
		detail += fmt.Sprintf(" (%d rows of it were accepted before that and stay, in the batch %q)", sum.Accepted, sum.Batch)
	}
	if errors.Is(err, intake.ErrAccount) {
		return problem(http.StatusUnprocessableEntity, detail, &huma.ErrorDetail{Location: "query.partner", Message: "name the account: " + strings.Join(slices.Clone(tokenOf(ctx).Partners), ", ")})
	}
	return problem(http.StatusUnprocessableEntity, detail)
}
