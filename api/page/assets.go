package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file that the page's HTML refers to.
type asset struct {
	content     []byte
	contentType string
	version     string // part of the URL, so that browsers cache the file until it changes
}

var assets = readAssets()

func readAssets() map[string]asset {
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // impossible: the files are embedded
	}
	out := map[string]asset{}
	for _, file := range files {
		content, err := assetFiles.ReadFile("assets/" + file.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		out[file.Name()] = asset{content, contentType(file.Name()), hex.EncodeToString(sum[:6])}
	}
	return out
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

// assetURL returns the URL of an asset, with its version.
func assetURL(name string) string { return assetsPath + name + "?v=" + assets[name].version }

func serveAsset(w http.ResponseWriter, r *http.Request) {
	setHeaders(w)
	a, ok := assets[r.PathValue("name")]
	if !ok {
		http.Error(w, "file not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	_, _ = w.Write(a.content)
}
