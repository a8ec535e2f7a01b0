package api

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui/v5/static"
)

//go:embed docs
var page embed.FS

// docsPolicy lets the page of documents run its own script and styles, and call this API; nothing comes from elsewhere.
// Swagger UI sets styles of elements, hence unsafe-inline for styles, and has its icons in data: URLs.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// assets are the files of Swagger UI that the page uses. They come with the program: a browser in a warehouse
// may have no Internet.
var assets = []string{"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}

// serveDocs serves the document at /openapi.json (3.1) and, for generators that do not know that version yet, at
// /openapi-3.0.json, and the page for people at /docs.
func serveDocs(mux *http.ServeMux, doc *huma.OpenAPI) error {
	newer, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	older, err := doc.Downgrade()
	if err != nil {
		return err
	}
	for path, body := range map[string][]byte{"/openapi.json": newer, "/openapi-3.0.json": older} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body) // the client is gone; nobody is left to tell
		})
	}
	servePage(mux)
	return nil
}

func servePage(mux *http.ServeMux) {
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { serveFile(w, "docs/index.html") })
	mux.HandleFunc("GET /docs/start.js", func(w http.ResponseWriter, _ *http.Request) { serveFile(w, "docs/start.js") })
	for _, name := range assets {
		content := sync.OnceValues(func() ([]byte, error) { return asset(name) })
		mux.HandleFunc("GET /docs/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=86400")
			body, err := content()
			serve(w, name, body, err)
		})
	}
}

func serveFile(w http.ResponseWriter, name string) {
	body, err := page.ReadFile(name)
	serve(w, name, body, err)
}

func serve(w http.ResponseWriter, name string, body []byte, err error) {
	if err != nil {
		write(w, problem(http.StatusInternalServerError, "This build lacks a file of its page of documents."))
		return
	}
	w.Header().Set("Content-Security-Policy", docsPolicy)
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(body) // the client is gone; nobody is left to tell
}

// asset unpacks a file of Swagger UI.
func asset(name string) ([]byte, error) {
	if !strings.HasSuffix(name, ".js") && !strings.HasSuffix(name, ".css") {
		return static.FS.ReadFile(name)
	}
	packed, err := static.FS.Open(name + ".gz")
	if err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, err
	}
	return body, packed.Close()
}
