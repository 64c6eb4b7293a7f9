package explain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/imart/event-worker/markets"
)

// judge decides whether an order can be filled. asked says whether its market's contracts
// are asked about orders; clock is nil if the time is not known.
func judge(o *markets.Order, asked bool, clock *time.Time) Verdict {
	switch {
	case o == nil:
		return Verdict{markets.No, []string{"it does not exist"}}
	case !o.Status.Alive():
		return Verdict{markets.No, []string{closed(o)}}
	}
	v := fillable(o, asked)
	if why := untimely(o, clock); why != "" {
		return Verdict{markets.No, append([]string{why}, v.Because...)}
	}
	return v
}

// closed says why a closed order cannot be filled.
func closed(o *markets.Order) string {
	since := func(what string, t *time.Time) string {
		if t == nil {
			return what
		}
		return what + " at " + Clock(*t)
	}
	switch o.Status {
	case markets.Sold:
		return since("it was sold", o.SoldAt)
	case markets.Canceled:
		return since("it was cancelled", o.CanceledAt)
	case markets.Rejected:
		return since("it was rejected", o.CanceledAt)
	case markets.Closed:
		return since("it was sold or cancelled", o.CanceledAt) + ": the log does not tell which"
	}
	return "it is " + string(o.Status)
}

// untimely says why an order cannot be filled at the time of clock; empty if it can.
func untimely(o *markets.Order, clock *time.Time) string {
	switch {
	case clock == nil:
	case o.ExpiresAt != nil && !clock.Before(*o.ExpiresAt):
		return "it expired at " + Clock(*o.ExpiresAt)
	case o.StartsAt != nil && clock.Before(*o.StartsAt):
		return "it starts at " + Clock(*o.StartsAt)
	}
	return ""
}

// fillable is the verdict on an open order by the answers of the contracts.
func fillable(o *markets.Order, asked bool) Verdict {
	var because []string
	if o.Status == markets.Partial {
		because = append(because, "it was filled, at least in part: its quantity is not known")
	}
	f := o.Fillable
	switch {
	case f == nil && asked:
		return Verdict{markets.Unknown, append(because, "the contracts have not been asked yet")}
	case f == nil:
		return Verdict{markets.Unknown, append(because, "contracts are not asked about orders of this market")}
	}
	switch f.Answer {
	case markets.Yes:
		because = append(because, "the maker has what the order offers, and has approved its transfer")
	case markets.No:
		for _, r := range f.Reasons {
			because = append(because, reasonText(o, r))
		}
	default:
		because = append(because, "the contracts' answers do not decide it")
	}
	if f.Since != nil && f.Time != nil {
		because = append(because, fmt.Sprintf("unchanged since block %d, %s", f.Since.Height, Clock(*f.Time)))
	}
	return Verdict{f.Answer, because}
}

// reasonText describes why an order cannot be filled.
func reasonText(o *markets.Order, r markets.Reason) string {
	switch r {
	case markets.NotOwner:
		return "the maker does not have the token"
	case markets.NoApproval:
		return "the maker has not approved the token's transfer"
	case markets.NoBalance:
		return "the maker's balance is too low"
	case markets.NoAllowance:
		return "the maker's allowance is too low"
	case markets.ZoneDecides:
		return "the order's zone must agree"
	case markets.PrivateOrder:
		return "only " + cmp.Or(o.ReservedFor, "one taker") + " can fill it"
	case markets.CounterRisen:
		return "the maker's counter is higher than the order's"
	case markets.WasCancelled:
		return "it is cancelled in its contract"
	case markets.WasFilled:
		return "it is filled in its contract"
	case markets.BadSignature:
		return "its signature is not valid"
	}
	return string(r)
}

// Clock formats a time as explanations do.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
