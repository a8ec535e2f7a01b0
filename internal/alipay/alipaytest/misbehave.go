package alipaytest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// hugeSize is what HugeBody sends, in bytes: more than anyone should read into memory.
const hugeSize = 8 << 20

// perform carries a verdict out: the delay, then the fault or the answer.
func (g *Gateway) perform(w http.ResponseWriter, r *http.Request, c *call, v verdict) {
	f := v.fault
	if f.Kind == Trickle {
		g.begin(w, c)
	}
	here := g.pause(c, f.Delay, f.Kind == LateShip)
	if f.postpones() && here {
		v.trade, v.code = g.applyLate(c)
	}
	switch f.Kind { //nolint:exhaustive // every other kind answers, in its own way
	case Hang, LateShip:
		g.hang(c)
	case Reset, Drop:
		g.settle(c, "")
		cut(w, f.Kind == Reset)
	default:
		if here {
			g.answer(w, r, c, v)
		}
	}
}

// pause waits, and says whether to go on: not when the gateway closes, and not when the caller has gone,
// unless the gateway does not care.
func (g *Gateway) pause(c *call, d time.Duration, regardless bool) bool {
	if d <= 0 {
		return true
	}
	gone := c.ctx.Done()
	if regardless {
		gone = nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return regardless || c.alive()
	case <-gone:
	case <-g.closed:
	}
	return false
}

// hang holds a caller until it gives up or the gateway closes.
func (g *Gateway) hang(c *call) {
	select {
	case <-c.ctx.Done():
	case <-g.closed:
	}
}

// cut ends the connection, with a reset or politely. Nothing of an answer has been sent.
func cut(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 or a recorder: the server's way to cut
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// begin sends the first bytes of an answer that takes its time. They say nothing about its outcome.
func (g *Gateway) begin(w http.ResponseWriter, c *call) {
	head(w, "text/xml; charset="+string(c.req.charset), http.StatusOK)
	put(w, []byte(declaration(c.req.charset)))
	_ = http.NewResponseController(w).Flush()
}

func head(w http.ResponseWriter, contentType string, status int) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
}

// put writes, and says whether anybody is there to read. Nobody can be told if not.
func put(w io.Writer, b []byte) bool {
	_, err := w.Write(b)
	return err == nil
}

// answer sends the document, or what the fault makes of it.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, c *call, v verdict) {
	switch v.fault.Kind { //nolint:exhaustive // every other kind is a document
	case ServerError:
		g.page(w, c, v.fault.status())
		return
	case HTMLPage:
		g.page(w, c, http.StatusOK)
		return
	case Redirect:
		g.settle(c, "")
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusTemporaryRedirect) //nolint:gosec // back to where it came from
		return
	}
	doc, charset, err := g.document(c, v)
	if err != nil {
		g.settle(c, "")
		http.Error(w, "simulated gateway: "+err.Error(), http.StatusInternalServerError)
		return
	}
	g.settle(c, v.said())
	switch v.fault.Kind { //nolint:exhaustive // every other kind sends the document whole
	case Trickle:
		put(w, bytes.TrimPrefix(doc, []byte(declaration(charset))))
		return
	case Empty:
		doc = nil
	case HalfXML:
		doc = doc[:len(doc)/2]
	case Truncated:
		truncate(w, doc)
		return
	case HugeBody:
		huge(w, doc)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	head(w, "text/xml; charset="+string(charset), http.StatusOK)
	put(w, doc)
	_ = http.NewResponseController(w).Flush() // now, not when Options.Log has returned
}

// page sends what stands before a gateway that is down.
func (g *Gateway) page(w http.ResponseWriter, c *call, status int) {
	g.settle(c, "")
	head(w, "text/html; charset=utf-8", status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>系统繁忙</title></head><body><h1>"+http.StatusText(status)+"</h1><p>请稍后再试</body></html>\n")
}

// truncate promises the whole document and closes the connection in the middle of it.
func truncate(w http.ResponseWriter, doc []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(doc)))
	head(w, "text/xml", http.StatusOK)
	put(w, doc[:len(doc)/2]) // the server closes a connection on which too little was written
}

// huge sends a document whose middle is far too long, until the caller has had enough.
func huge(w http.ResponseWriter, doc []byte) {
	head(w, "text/xml", http.StatusOK)
	filling := bytes.Repeat([]byte("<!-- 0123456789 -->"), 1<<12)
	end := bytes.LastIndexByte(doc, '<')
	put(w, doc[:end])
	for sent := 0; sent < hugeSize; sent += len(filling) {
		if !put(w, filling) {
			return
		}
	}
	put(w, doc[end:])
}
