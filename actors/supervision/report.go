package supervision

import (
	"context"
	"reflect"
	"time"

	"github.com/imart/event-worker/persistence"
)

// A report is written within reportTimeout, or again after reportRetry.
const (
	reportTimeout = 5 * time.Second
	reportRetry   = time.Second
)

// writeLast writes the incarnation's last report. Nothing waits for it.
func (inc *Incarnation) writeLast(r persistence.Report) {
	if inc.Doc.ID == "" {
		return
	}
	r.Head, r.Finalized, r.Lag, r.Place = inc.Report.Head, inc.Report.Finalized, inc.Report.Lag, inc.Report.Place
	r.Endpoints = inc.Report.Endpoints
	ref, store := inc.Doc.Ref(), inc.Store
	inc.Background.Go(func() {
		inc.aside.Wait() // earlier reports are written first
		ctx, cancel := context.WithTimeout(context.Background(), reportTimeout)
		defer cancel()
		_ = store.Report(ctx, ref, r) // if it fails, the next claim writes the report
	})
}

// reportWritten is the result of writing a report.
type reportWritten struct{ err error }

// SetReport puts a report on the actor's document, the newest where they come too fast.
func (inc *Incarnation) SetReport(r persistence.Report) {
	inc.Report = r
	inc.writeReport()
}

func (inc *Incarnation) writeReport() {
	if inc.reporting || reflect.DeepEqual(inc.Report, inc.reported) {
		return
	}
	inc.reporting, inc.reported = true, inc.Report
	r, ref := inc.Report, inc.Doc.Ref()
	inc.Do(func(ctx context.Context) any {
		// Not cancelled when the incarnation ends: the server would finish the write all the
		// same, perhaps after that of the last report.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTimeout)
		defer cancel()
		return reportWritten{inc.Store.Report(ctx, ref, r)}
	})
}

func (inc *Incarnation) handleReportWritten(m reportWritten) {
	if m.err != nil { // the report of that time is written then
		inc.reported = persistence.Report{}
		inc.After(reportRetry, reportWritten{})
		return
	}
	inc.reporting = false
	inc.writeReport()
}
