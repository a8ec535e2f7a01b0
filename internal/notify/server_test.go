package notify_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"fahuo/internal/alipay"
	"fahuo/internal/alipay/alipaytest"
	"fahuo/internal/notify"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A body that is too long is refused without being read to its end; one that just fits is read.
func TestHugeBodies(t *testing.T) {
	s := set(t)
	if got := s.post([]byte("x=" + strings.Repeat("y", alipay.MaxNotification-2))); got != refused {
		t.Error("as long as may be: ", got)
	}
	if got := s.post([]byte("x=" + strings.Repeat("y", alipay.MaxNotification-1))); got != (answer{413, "fail"}) {
		t.Error("too long by one: ", got)
	}
	conn, in := s.dial()
	_, err := io.WriteString(conn, "POST "+notify.Path+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	s.must(err)
	chunk := "8000\r\n" + strings.Repeat("y", 0x8000) + "\r\n"
	for range 1 << 10 { // 32 MiB and no end
		if _, err = io.WriteString(conn, chunk); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("all of it was read")
	}
	if response, err := http.ReadResponse(in, nil); err == nil { // it may be lost: the connection is closed under what is still sent
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Error(response.Status)
		}
		s.must(response.Body.Close())
	}
	if s.count("", "refused") != 2 || s.count("", "foreign") != 1 {
		t.Error(s.count("", "refused"), s.count("", "foreign"))
	}
}

// Who sends nothing, or slowly, or a head without end, is let go, and holds up nobody else meanwhile but by taking
// connections, of which there are only so many.
func TestSlowSenders(t *testing.T) {
	s := set(t, func(o *notify.Options) { o.Connections, o.Head, o.Read = 4, 2*time.Second, 3*time.Second })
	start := time.Now()
	for _, begun := range []string{
		"", "POST " + notify.Path + " HTTP/1.1\r\nHost: x\r\n", "POST " + notify.Path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx=",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("y", 1<<10),
	} {
		conn, in := s.dial()
		_, err := io.WriteString(conn, begun)
		s.must(err)
		defer func() {
			if _, err := io.ReadAll(in); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("%.40q was not let go: %v", begun, err)
			}
		}()
	}
	// All connections are taken; this one is served as soon as the first of them are let go.
	if got := s.post(s.issue(parcel(1), alipaytest.Notice{})); got != success {
		t.Error(got)
	}
	if took := time.Since(start); took < 2*time.Second || took > 30*time.Second {
		t.Errorf("a fifth connection was served after %v", took)
	}
}

// Stopping lets what is under way end, and may be repeated.
func TestStop(t *testing.T) {
	s := set(t)
	s.must(s.server.Stop())
	s.must(s.server.Stop())
	if _, err := notify.New(notify.Options{}); err == nil {
		t.Error("made of nothing")
	}
	receiver, err := notify.New(s.options.WithoutMetrics())
	s.must(err)
	if _, err := receiver.Listen(t.Context(), "nowhere"); err == nil || !strings.Contains(err.Error(), "FAHUO_NOTIFY_LISTEN") {
		t.Error(err)
	}
}
