package page_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// pictures is the folder to which TestPictures writes the pictures of docs/page.md.
var pictures = flag.String("pictures", "", "a folder for pictures of the page")

// recordFor is how long the worker runs before the pictures, so that plots have data.
const recordFor = 75 * time.Second

// TestPictures takes the pictures of docs/page.md.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("make pictures takes them")
	}
	followed, nodes := recorded(t)
	for _, node := range nodes {
		go node.Run(t.Context(), 4*time.Second)
	}
	b := browse(t, serve(t, started(t, t.TempDir(), followed), secret), secret)
	time.Sleep(recordFor)
	for _, shot := range []struct {
		name, scheme  string
		width, height int64
		path, prepare string
	}{
		{"overview", "light", 1280, 980, "/", `document.querySelector('.tree details').open = true`},
		{"orders", "dark", 1280, 800, "/page/orders?chain=aptos&sort=-unitPrice", ""},
		{"phone", "light", 390, 844, "/", ""},
	} {
		b.prefers(shot.scheme, "reduce")
		b.size(shot.width, shot.height)
		b.open(shot.path)
		if shot.path == "/" {
			b.until(`[...document.querySelectorAll('.plots output')].slice(0, 2).every((o) => o.innerText !== '')`)
		}
		if shot.prepare != "" {
			eval[any](b, shot.prepare)
		}
		picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(*pictures, shot.name+".png"), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
