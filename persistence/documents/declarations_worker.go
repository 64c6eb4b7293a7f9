package documents

import (
	"reflect"
	"time"

	"github.com/imart/event-worker/persistence"
)

// The collections that the worker keeps for itself.

func actors() declaration {
	return declaration{
		name:        persistence.Actors,
		document:    reflect.TypeFor[Actor](),
		description: "The position and state of every actor.",
		lines: lines{
			"_id":         {doc: "The actor's path: ethereum/seaport/list/subject."},
			"kind":        {doc: "The role of the actor.", values: enum("ActorKind", "chain", "head", "market", "orders", "worker", "subject", "observer", persistence.RetiredKind)},
			"node":        {doc: "The process in which the actor runs."},
			"documents":   {doc: "Whether the actor keeps its stream's documents."},
			"epoch":       {doc: "The epoch of the chain's lease under which the actor runs."},
			"incarnation": {doc: "The number of times that the actor was started."},
			"pending":     {doc: "The end of a transition that is being committed in portions."},
			"trail":       {doc: "The places to which the actor can be rolled back."},
			"meaning":     {doc: "The meaning of the stream's definition that the log was made with; on the document of the observer that keeps the log only."},
			"state": {doc: "The state of the actor.", values: enum("ActorState", persistence.Backfilling, persistence.Following,
				persistence.Running, persistence.Retrying, persistence.Stopped, persistence.Paused, persistence.FinalityBroken)},
			"paused":      {doc: "Whether the stream is paused: it is not followed until it is resumed; on the document of the stream's worker only."},
			"head":        {doc: "The chain's newest height: a block number, or a ledger version on Aptos."},
			"finalized":   {doc: "The newest height that cannot be reorganised."},
			"lag":         {doc: "The number of heights by which the actor is behind the head."},
			"lastError":   {doc: "The actor's last error."},
			"endpoints":   {doc: "The state of the chain's endpoints; on the document of the chain's head only."},
			"restarts":    {doc: "The number of times that the actor was restarted."},
			"events":      {doc: "The number of events in the part of the log that the actor has executed."},
			"deadLetters": {doc: "The number of events that could not be decoded."},
			"updatedAt":   {doc: "When the document was last written, by the store's clock."},
			"commit":      {doc: "The commit that moved the actor last."},
		},
		indexes: []Index{
			{Name: "market", Keys: keys("chain", "market")},
			{Name: "lag", Keys: keys("-lag")},
			{Name: "restarts", Keys: keys("-restarts")},
			{Name: "lastError", Keys: keys("lastError"), Exists: "lastError"},
		},
	}
}

func leases() declaration {
	return declaration{
		name:        persistence.Leases,
		document:    reflect.TypeFor[Lease](),
		description: "The owner of each chain.",
		lines: lines{
			"_id":     {doc: "The chain."},
			"node":    {doc: "The process that owns the chain; empty once the lease was released."},
			"epoch":   {doc: "The fencing epoch: the number of times that the lease was acquired."},
			"takenAt": {doc: "When the owner acquired the lease."},
			"app":     {doc: "The name of the owner's connections to the server."},
			"former":  {doc: "The connection names of previous owners."},
			"claims":  {doc: "The number of actor documents created, and of requests started and ended, under the lease."},
		},
	}
}

func nodes() declaration {
	return declaration{
		name:        persistence.Nodes,
		document:    reflect.TypeFor[Node](),
		description: "The processes of the cluster, including those that ended within the last hour.",
		lines: lines{
			"_id":     {doc: "The process's name, a dot, and a random suffix for each start."},
			"name":    {doc: "The process's name, as configured."},
			"address": {doc: "The address at which a process of an earlier version listened to other processes."},
			"state": {doc: "The membership of the process: up, draining (handing its chains over), leaving (shutting down), left, dead.",
				values: enum("NodeState", persistence.Up, persistence.Draining, persistence.Leaving, persistence.Left, persistence.Dead)},
			"beat":        {doc: "The heartbeat: incremented while the process is alive."},
			"chains":      {doc: "The chains that the process can follow."},
			"version":     {doc: "The version of the program."},
			"protocol":    {doc: "The version of the protocol between processes."},
			"joinedAt":    {doc: "When the process joined, by the server's clock."},
			"seenAt":      {doc: "The last heartbeat, by the server's clock."},
			"endedAt":     {doc: "When the process left or was declared dead, by the server's clock."},
			"clock":       {doc: "The process's own clock at its last heartbeat."},
			"unreachable": {doc: "The processes that a process of an earlier version could not reach."},
		},
		indexes: []Index{{Name: "ended", Keys: keys("endedAt"), Exists: "endedAt", Keep: time.Hour}},
	}
}

func requests() declaration {
	return declaration{
		name:        persistence.Requests,
		document:    reflect.TypeFor[Request](),
		description: "Requests to the owners of chains and to nodes, and their results: for the status those of the last hour, others of the last week.",
		lines: lines{
			"_id":  {doc: "A random identifier."},
			"kind": {doc: "The kind of the request: status, rewind, retry, redecode, refold, pause, resume; to a node: drain, undrain.", values: enum("RequestKind", persistence.RequestKinds...)},
			"state": {doc: "The state of the request: pending, running (at the chain's owner, or the node), done (answered by it) or failed (see reason).",
				values: enum("RequestState", persistence.RequestPending, persistence.RequestRunning, persistence.RequestDone, persistence.RequestFailed)},
			"market":     {doc: "The only market concerned; missing if all of the chain's are."},
			"stream":     {doc: "The only stream concerned; missing if all of the market's are."},
			"height":     {doc: "The height to which a rewind goes back, or beyond which events are decoded again: a block number, or a ledger version on Aptos."},
			"deadLetter": {doc: "The _id of the only dead letter to retry.", form: KeyText},
			"keys":       {doc: "The keys of the orders and records of the market to fold again from the log."},
			"dryRun":     {doc: "Whether a rewind only answers what it would undo."},
			"askedBy":    {doc: "The process that made the request, or the user and host."},
			"askedAt":    {doc: "When the request was made, by the server's clock."},
			"overdueAt":  {doc: "When the request fails if it is still pending, by the server's clock."},
			"node":       {doc: "The chain's owner that executes or has answered the request; the node to which drain or undrain is addressed."},
			"epoch":      {doc: "The epoch of that owner's lease."},
			"startedAt":  {doc: "When an owner first started the execution, by the server's clock."},
			"starts":     {doc: "The number of starts: an owner that takes over the chain starts the execution again."},
			"progress":   {doc: "The progress of the execution."},
			"answer":     {doc: "The answer; while a rewind is running, what it will undo."},
			"reason":     {doc: "Why the request failed."},
			"endedAt":    {doc: "When the request was answered or failed, by the server's clock."},
			"expiresAt":  {doc: "When the server removes the document."},
		},
		indexes: []Index{
			{Name: "state", Keys: keys("state", "_id")},
			{Name: "ended", Keys: keys("expiresAt"), Exists: "expiresAt", Keep: time.Second},
		},
	}
}

func audits() declaration {
	return declaration{
		name:        persistence.Audits,
		document:    reflect.TypeFor[Audit](),
		description: "The audits of each chain's log, if the option audit is set: one document for each chain.",
		lines: lines{
			"_id":       {doc: "The chain."},
			"node":      {doc: "The process that wrote the document last."},
			"startedAt": {doc: "When the current audit started; missing if none is in progress."},
			"percent":   {doc: "The progress of the current audit, in percent."},
			"streams":   {doc: "The progress of the current audit in each stream."},
			"documents": {doc: "The current audit's comparisons of documents with the log so far."},
			"lastError": {doc: "The last error of the current audit, which is retried."},
			"updatedAt": {doc: "When the document was last written."},
			"last":      {doc: "The result of the last complete audit."},
		},
	}
}

func hooks() declaration {
	return declaration{
		name:        persistence.Hooks,
		document:    reflect.TypeFor[Hook](),
		description: "The webhooks: the progress of each one's deliveries, and the process that makes them.",
		lines: lines{
			"_id":          {doc: "The name, as configured."},
			"position":     {doc: "The position in the feed up to which every event was delivered, or is in a dead hook."},
			"plan":         {doc: "The next delivery, if it may have been sent already."},
			"node":         {doc: "The process that delivers; empty after it has stopped."},
			"epoch":        {doc: "The fencing epoch: the number of times that a process has claimed the webhook."},
			"leasedUntil":  {doc: "When another process may claim the webhook unless the lease is renewed."},
			"deliveries":   {doc: "The number of deliveries that the receiver has accepted."},
			"events":       {doc: "The number of events in these deliveries."},
			"dead":         {doc: "The number of deliveries that were given up."},
			"attempts":     {doc: "The number of failed attempts of the next delivery; missing if none has failed."},
			"failingSince": {doc: "When the next delivery failed for the first time; missing if none has failed."},
			"lastError":    {doc: "The error of the last failed attempt."},
			"deliveredAt":  {doc: "When the receiver accepted the last delivery."},
			"updatedAt":    {doc: "When a delivery last succeeded or failed, by the store's clock."},
		},
	}
}

func deadHooks() declaration {
	return declaration{
		name:        persistence.DeadHooks,
		document:    reflect.TypeFor[DeadHook](),
		description: "Deliveries of webhooks that were given up, until \"event-worker hooks retry\" delivers them.",
		lines: lines{
			"_id":          {doc: "The delivery's _id."},
			"hook":         {doc: "The webhook's name."},
			"position":     {doc: "The position in the feed after the delivery's last event."},
			"events":       {doc: "The number of events in the delivery."},
			"body":         {doc: "The JSON that was sent; empty if it is larger than 8 MiB."},
			"reason":       {doc: "The error of the last attempt."},
			"attempts":     {doc: "The number of failed attempts."},
			"failingSince": {doc: "When the first attempt failed."},
			"deadAt":       {doc: "When the last attempt failed."},
		},
	}
}
