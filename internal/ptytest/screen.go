package ptytest

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Screen emulates the screen of a terminal, including the rows that were scrolled away. It
// supports what this program writes: text, line breaks, cursor up and home, erasing, and
// colours. Its methods may be called concurrently.
type Screen struct {
	mu            sync.Mutex
	width, height int
	rows          [][]rune
	x, y          int
	pending       string // an incomplete sequence or character
	wrapped       int
	unknown       []string
}

// NewScreen returns an empty screen.
func NewScreen(width, height int) *Screen {
	return &Screen{width: width, height: height, rows: [][]rune{nil}}
}

// Resize changes the size. Lines that are too long are wrapped, as by most terminals.
func (s *Screen) Resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows [][]rune
	y := 0
	for i, row := range s.rows {
		if i == s.y {
			y = len(rows)
		}
		for len(row) > width {
			rows, row = append(rows, row[:width]), row[width:]
		}
		rows = append(rows, row)
	}
	s.width, s.height, s.rows, s.y = width, height, rows, y
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

// Write implements io.Writer.
func (s *Screen) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rest := s.pending + string(text)
	s.pending = ""
	for rest != "" {
		if rest[0] == '\x1b' {
			found := sequence.FindStringSubmatch(rest)
			if found == nil && len(rest) < 16 {
				s.pending = rest
				break
			}
			if found == nil {
				s.unknown = append(s.unknown, rest[:2])
				rest = rest[2:]
				continue
			}
			s.control(found[1], found[2])
			rest = rest[len(found[0]):]
			continue
		}
		if !utf8.FullRuneInString(rest) {
			s.pending = rest
			break
		}
		r, size := utf8.DecodeRuneInString(rest)
		s.put(r)
		rest = rest[size:]
	}
	return len(text), nil
}

func (s *Screen) top() int { return max(0, len(s.rows)-s.height) }

func (s *Screen) control(parameters, command string) {
	n, _ := strconv.Atoi(parameters)
	switch command {
	case "A":
		s.y = max(s.top(), s.y-max(1, n))
	case "H":
		s.x, s.y = 0, s.top()
	case "J":
		if n == 2 {
			s.rows = append(s.rows[:s.top()], nil)
			s.x, s.y = 0, len(s.rows)-1
			break
		}
		s.rows = s.rows[:s.y+1]
		s.rows[s.y] = s.rows[s.y][:min(s.x, len(s.rows[s.y]))]
	case "m":
	default:
		s.unknown = append(s.unknown, parameters+command)
	}
}

func (s *Screen) put(r rune) {
	switch r {
	case '\r':
		s.x = 0
		return
	case '\n':
		s.down()
		return
	}
	if s.x >= s.width {
		s.wrapped++
		s.x = 0
		s.down()
	}
	row := s.rows[s.y]
	for len(row) <= s.x {
		row = append(row, ' ')
	}
	row[s.x] = r
	s.rows[s.y] = row
	s.x++
}

func (s *Screen) down() {
	if s.y++; s.y == len(s.rows) {
		s.rows = append(s.rows, nil)
	}
}

// Text returns all rows, including those scrolled away, without trailing spaces.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, row := range s.rows {
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// Rows returns the visible rows, without trailing spaces.
func (s *Screen) Rows() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, row := range s.rows[s.top():] {
		out = append(out, strings.TrimRight(string(row), " "))
	}
	return out
}

// Wrapped returns the number of lines that were too wide, and the escape sequences that the
// screen does not support.
func (s *Screen) Wrapped() (int, []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrapped, s.unknown
}
