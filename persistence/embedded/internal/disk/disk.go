// Package disk simulates the disk under an SQLite database, for tests: an SQLite VFS in
// memory that fails, loses power and rots.
//
// The model of faults:
//   - A write fails, with or without having written its beginning. A sync fails: of the writes
//     since the last sync each one may reach the disk or not, also later ones of the same file.
//   - A power cut: of the writes since the last sync of their file any subset reaches the disk,
//     and of each of those all or any subset of its sectors. Sectors are atomic. Created and
//     deleted files may be in the folder or not, unless they or it were synced.
//   - Rot, while no process has the files open: bits change, and bytes are lost at the end.
//
// Not in the model: a sync that reports success without having written.
package disk

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
)

// Sector is the number of bytes that are written whole.
const Sector = 512

// Fault is what happens to an operation.
type Fault int

const (
	None  Fault = iota
	Error       // it fails with an I/O error
	Full        // a write fails for lack of space
	Short       // a write fails after its beginning was written
)

// Disk is the files whose paths begin with its folder.
type Disk struct {
	mu      sync.Mutex
	folder  string
	random  *rand.Rand
	off     bool
	files   map[string]*inode // as processes see them
	durable map[string]*inode // after a power cut at the best moment
	// fault decides about a write or sync; nil for no faults.
	fault func(name string, sync bool) Fault
}

type inode struct {
	data    []byte // as processes see it
	durable []byte
	pending []change // since the last sync
	users   int      // open files
	locks   locks
	shared  sharedMemory
}

// change is a write, or with cut a change of the size.
type change struct {
	offset int64
	data   []byte
	cut    bool
}

func (c change) apply(to []byte) []byte {
	if c.cut {
		return resize(to, c.offset)
	}
	if end := c.offset + int64(len(c.data)); int64(len(to)) < end {
		to = resize(to, end)
	}
	copy(to[c.offset:], c.data)
	return to
}

func resize(b []byte, size int64) []byte {
	if int64(len(b)) >= size {
		return b[:size:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// New returns an empty disk for the paths below a folder. The seed determines what
// survives.
func New(folder string, seed uint64) *Disk {
	d := &Disk{folder: folder + "/", random: rand.New(rand.NewPCG(seed, 0)), files: map[string]*inode{}, durable: map[string]*inode{}}
	disks.Lock()
	defer disks.Unlock()
	disks.all = append(disks.all, d)
	return d
}

// Remove forgets the disk. Its files must be closed.
func (d *Disk) Remove() {
	disks.Lock()
	defer disks.Unlock()
	for i, other := range disks.all {
		if other == d {
			disks.all = append(disks.all[:i], disks.all[i+1:]...)
			return
		}
	}
}

// SetFault sets what decides about the outcome of writes and syncs.
func (d *Disk) SetFault(fault func(name string, sync bool) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = fault
}

// Stop makes all operations of the open files fail from now on: their process is dead.
func (d *Disk) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// Start ends what Stop began, without loss. All files must be closed.
func (d *Disk) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = false
}

// LosePower loses what has not reached the disk. All files must be closed.
func (d *Disk) LosePower() {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := map[string]bool{}
	for name := range d.files {
		names[name] = true
	}
	for name := range d.durable {
		names[name] = true
	}
	after := map[string]*inode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		now, then := d.files[name], d.durable[name]
		if now != then && d.random.IntN(2) == 0 {
			now = then
		}
		if now != nil {
			d.survive(now)
			after[name] = now
		}
	}
	d.files, d.durable = after, maps.Clone(after)
}

// survive applies any of the pending writes of a file.
func (d *Disk) survive(f *inode) {
	of := d.random.IntN(4) // none, all, or half of them
	for _, c := range f.pending {
		if of == 0 || of > 1 && d.random.IntN(2) == 0 {
			continue
		}
		if c.cut || d.random.IntN(3) > 0 {
			f.durable = c.apply(f.durable)
			continue
		}
		for _, part := range sectors(c) {
			if d.random.IntN(2) == 0 {
				f.durable = part.apply(f.durable)
			}
		}
	}
	f.pending = nil
	f.data = append([]byte(nil), f.durable...)
}

// sectors splits a write into the sectors that it covers.
func sectors(c change) (parts []change) {
	for data, at := c.data, c.offset; len(data) > 0; {
		n := min(int64(len(data)), Sector-at%Sector)
		parts = append(parts, change{offset: at, data: data[:n]})
		data, at = data[n:], at+n
	}
	return parts
}

// Size returns the size of a file; 0 if it does not exist.
func (d *Disk) Size(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[d.folder+name]; f != nil {
		return len(f.data)
	}
	return 0
}

// Rot changes a file at rest.
func (d *Disk) Rot(name string, change func([]byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.files[d.folder+name]; f != nil {
		f.data = change(f.data)
		f.durable = append([]byte(nil), f.data...)
	}
}

// write writes to a file, and returns the fault that has happened.
func (d *Disk) write(name string, f *inode, c change) Fault {
	fault := d.outcome(name, false)
	if fault == Short {
		c.data = c.data[:len(c.data)/2]
	}
	if fault == None || fault == Short {
		f.data = c.apply(f.data)
		f.pending = append(f.pending, c)
	}
	return fault
}

func (d *Disk) sync(name string, f *inode) Fault {
	fault := d.outcome(name, true)
	if fault != None {
		kept := f.pending[:0]
		for _, c := range f.pending {
			switch d.random.IntN(3) {
			case 0:
				f.durable = c.apply(f.durable)
			case 1:
				kept = append(kept, c)
			}
		}
		f.pending = kept
		return fault
	}
	for _, c := range f.pending {
		f.durable = c.apply(f.durable)
	}
	f.pending = nil
	if d.files[name] == f {
		d.durable[name] = f
	}
	return None
}

func (d *Disk) outcome(name string, sync bool) Fault {
	if d.off {
		return Error
	}
	if d.fault == nil {
		return None
	}
	return d.fault(strings.TrimPrefix(name, d.folder), sync)
}
