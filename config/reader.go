package config

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/imart/event-worker/internal/yamlfile"
	"github.com/imart/event-worker/markets/definition"
)

// SchemaJSON is the JSON Schema of the configuration.
//
//go:embed schema.json
var SchemaJSON []byte

var schema = sync.OnceValue(func() *yamlfile.Schema {
	s, err := yamlfile.NewSchema(SchemaJSON, yamlfile.Options{
		Check: "config check",
		Item:  func(i int) string { return fmt.Sprintf(".%d", i+1) }, // as in the names of variables
		Formats: map[string]func(string) bool{
			"go-duration": isDuration, "size": isSize, "host-port": isAddress, "coin": isCoin,
		},
	})
	if err != nil {
		panic(err) // what the program carries is wrong: no test can pass
	}
	return s
})

func isDuration(text string) bool {
	d, err := time.ParseDuration(text)
	return err == nil && d >= 10*time.Millisecond && d <= 24*time.Hour
}

func isAddress(text string) bool {
	_, port, err := net.SplitHostPort(text)
	n, bad := strconv.Atoi(port)
	return err == nil && bad == nil && n >= 0 && n <= math.MaxUint16
}

// isCoin keeps a coin's symbol to what wallets show.
var isCoin = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,15}$`).MatchString

func isSize(text string) bool {
	var b bytes
	return b.UnmarshalText([]byte(text)) == nil && b >= 8<<20 && b <= 1<<40
}

// bytes is a number of bytes, which may have a unit.
type bytes int64

// UnmarshalText is of encoding.TextUnmarshaler.
func (b *bytes) UnmarshalText(text []byte) error {
	sizes := map[string]float64{
		"": 1, "B": 1,
		"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
	}
	digits := strings.TrimRight(string(text), "BKMGTibkmgt ")
	unit, known := sizes[strings.ToUpper(strings.TrimSpace(string(text[len(digits):])))]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || !(n*unit >= 0 && n*unit <= 1<<62) {
		return errors.New("not a size")
	}
	*b = bytes(n * unit)
	return nil
}

// Size is a size as a person writes it.
func Size(size int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	at := 0
	for size >= 1<<10 && size%(1<<10) == 0 && at < len(units)-1 {
		size, at = size>>10, at+1
	}
	return fmt.Sprintf("%d%s", size, units[at])
}

// reader reads one file under one environment.
type reader struct {
	*yamlfile.File
	path        string
	env         map[string]string
	definitions []*definition.Definition // that it names
}

func open(file string, environ []string) (*reader, error) {
	content, err := yamlfile.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("configuration %s: the file does not exist: event-worker config example prints one to start from", file)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	r := newReader(file, environ, content)
	return r, r.ErrOf(func([]string) bool { return false })
}

// errIn returns the problems of a top-level option.
func (r *reader) errIn(option string) error {
	return r.ErrOf(func(keys []string) bool { return keys[0] == option })
}

func newReader(file string, environ []string, content []byte) *reader {
	r := &reader{File: yamlfile.Parse(schema(), file, content), path: file, env: map[string]string{}}
	for _, variable := range environ {
		name, text, _ := strings.Cut(variable, "=")
		r.env[name] = text
	}
	if !r.Readable() {
		return r
	}
	r.Override(func(option string) (name, text string) {
		name = envName(option)
		return name, r.env[name]
	})
	r.readOutdated()
	r.Check()
	return r
}

// envPrefix begins the names of all variables that override options.
const envPrefix = "EVENT_WORKER_"

// envName is the variable that overrides an option: EVENT_WORKER_ and the option's
// full name in capitals, with an underscore for each character that is not a letter or
// a digit and before each capital.
func envName(option string) string {
	var b strings.Builder
	b.WriteString(envPrefix)
	for _, r := range option {
		switch {
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(r)
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToUpper(r))
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}
