package explain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/imart/event-worker/markets"
)

// judge says whether an order can be filled, and why. Asked says whether its market's contracts
// are asked about orders. The clock is nil where the time is not known.
func judge(o *markets.Order, asked bool, clock *time.Time) Verdict {
	switch {
	case o == nil:
		return Verdict{markets.No, []string{"there is no such order"}}
	case !o.Status.Alive():
		return Verdict{markets.No, []string{closed(o)}}
	}
	v := fillable(o, asked)
	if why := untimely(o, clock); why != "" {
		return Verdict{markets.No, append([]string{why}, v.Because...)}
	}
	return v
}

// closed is why an order that is closed cannot be filled.
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
		return since("it was sold, or cancelled", o.CanceledAt) + ": what is known does not tell which"
	}
	return "it is " + string(o.Status)
}

// untimely is why an order cannot be filled at a time; empty if it can.
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

// fillable is what the contracts say of an order that is open.
func fillable(o *markets.Order, asked bool) Verdict {
	var because []string
	if o.Status == markets.Partial {
		because = append(because, "it was filled, in part or whole: how much the order is for is not known")
	}
	f := o.Fillable
	switch {
	case f == nil && asked:
		return Verdict{markets.Unknown, append(because, "the contracts were not asked yet")}
	case f == nil:
		return Verdict{markets.Unknown, append(because, "contracts are not asked about orders of this market")}
	}
	switch f.Answer {
	case markets.Yes:
		because = append(because, "the maker has what is offered, and has approved it")
	case markets.No:
		for _, r := range f.Reasons {
			because = append(because, meaning(o, r))
		}
	default:
		because = append(because, "the contracts do not tell")
	}
	if f.Since != nil && f.Time != nil {
		because = append(because, fmt.Sprintf("so it is since block %d, %s", f.Since.Height, Clock(*f.Time)))
	}
	return Verdict{f.Answer, because}
}

// meaning is the reason why an order cannot be filled, in words.
func meaning(o *markets.Order, r markets.Reason) string {
	switch r {
	case markets.NotOwner:
		return "the maker does not have the token"
	case markets.NoApproval:
		return "the maker has not approved the token's transfer"
	case markets.NoBalance:
		return "the maker does not have the money"
	case markets.NoAllowance:
		return "the maker has not allowed to take the money"
	case markets.ZoneDecides:
		return "the order's zone must agree"
	case markets.PrivateOrder:
		return "only " + cmp.Or(o.ReservedFor, "one taker") + " can fill it"
	case markets.CounterRisen:
		return "the maker's counter is higher than the order's"
	case markets.WasCancelled:
		return "its contract has cancelled it"
	case markets.WasFilled:
		return "its contract has it filled"
	case markets.BadSignature:
		return "its signature is not valid"
	}
	return string(r)
}

// Clock is a time as explanations say it.
func Clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
