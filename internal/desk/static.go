package desk

import (
	"embed"
	"net/http"
)

//go:embed static
var static embed.FS

// staticFiles serves the style and the script. They hold nothing of anybody's and may be kept for a while; a new
// build of the desk is seen when the browser asks again.
func staticFiles() http.Handler {
	files := http.FileServerFS(static)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=300")
		files.ServeHTTP(w, r)
	})
}
