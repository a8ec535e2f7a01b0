package chaos

import (
	"fmt"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"fahuo/internal/proctest"
)

// network is a TCP fault proxy before one server.
type network struct {
	server *toxiproxy.ApiServer
	proxy  *toxiproxy.Proxy
}

// newNetwork listens on a free port, which stays its own while it is cut.
func newNetwork(name, upstream string) (*network, error) {
	port, err := proctest.Port()
	if err != nil {
		return nil, err
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	n := &network{server: server, proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:"+port, upstream)}
	return n, n.proxy.Start()
}

func (n *network) addr() string { return n.proxy.Listen }

// cut closes every connection and accepts none until heal.
func (n *network) cut() { n.proxy.Stop() }

// heal makes everything well again. Connections that were there are closed: half of what they carried may be
// lost. The proxy is a new one at the same address; taking a toxic out of one in use can hang.
func (n *network) heal() error { return n.repoint(n.proxy.Upstream) }

// repoint is heal, with another server behind it.
func (n *network) repoint(upstream string) error {
	n.proxy.Stop()
	n.proxy = toxiproxy.NewProxy(n.server, n.proxy.Name, n.proxy.Listen, upstream)
	return n.proxy.Start()
}

// toxic is one thing that is wrong with the connections, in one direction.
type toxic struct {
	kind       string // toxiproxy's name: latency, timeout, reset_peer
	stream     string // upstream or downstream
	attributes string // JSON
}

func latency(stream string, d, jitter time.Duration) toxic {
	return toxic{"latency", stream, fmt.Sprintf(`{"latency":%d,"jitter":%d}`, d.Milliseconds(), jitter.Milliseconds())}
}

// blackHole: connections stay, and what is sent is thrown away.
func blackHole(stream string) toxic { return toxic{"timeout", stream, `{"timeout":0}`} }

// reset: connections are reset a while after the first byte.
func reset(stream string, after time.Duration) toxic {
	return toxic{"reset_peer", stream, fmt.Sprintf(`{"timeout":%d}`, after.Milliseconds())}
}

// poison makes all connections, old and new, bad until heal.
func (n *network) poison(toxics ...toxic) error {
	for i, t := range toxics {
		text := fmt.Sprintf(`{"name":"t%d","type":%q,"stream":%q,"attributes":%s}`, i, t.kind, t.stream, t.attributes)
		if _, err := n.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
			return fmt.Errorf("toxic %s: %w", text, err)
		}
	}
	return nil
}
