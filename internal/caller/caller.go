// Package caller names the actor for which something is done, in the context of its work.
package caller

import "context"

type key struct{}

// With returns a context of work for an actor, by the key of its document.
func With(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, key{}, actor)
}

// Of returns the key of the actor that the context's work is for; empty if there is none.
func Of(ctx context.Context) string {
	actor, _ := ctx.Value(key{}).(string)
	return actor
}
