package worker

import (
	"context"
	"errors"
	"net/http"

	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
)

// join makes the worker a node of the cluster of all processes on its database.
func (w *Worker) join(ctx context.Context) error {
	me, settings := w.describe(), w.opts.Config.Cluster
	coordinator := cluster.New(cluster.Config{
		Registry: w.store.(persistence.Registry), Host: host{w.requests, w.node}, Node: me, Changed: w.requests.Wake,
		Poll: settings.Poll, TTL: settings.TTL, Log: w.log, Metrics: w.metrics.Node(),
	})
	ready := func() error { return errors.Join(coordinator.Ready(), w.node.Ready()) }
	more := map[string]http.Handler{ownersPath: ownersOver(coordinator, me.Chains)}
	if err := w.serveHealth(ctx, coordinator.Alive, ready, more); err != nil {
		return err
	}
	w.run(ctx, coordinator)
	return nil
}

// run runs the coordinator until the worker stops: then it hands its chains over and
// leaves.
func (w *Worker) run(ctx context.Context, coordinator *cluster.Coordinator) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		if err := coordinator.Run(ctx); ctx.Err() == nil {
			w.lost <- err
		} else {
			ended <- err
		}
	}()
	w.onStop(func(context.Context) error {
		cancel()
		return <-ended
	})
}

// describe is the process as the other nodes see it.
func (w *Worker) describe() persistence.Node {
	n := persistence.Node{Name: w.opts.Config.Node, Version: w.opts.Version}
	for _, c := range w.opts.Config.Chains {
		n.Chains = append(n.Chains, persistence.NodeChain{Name: c.Name, Network: c.Network(), Config: c.Digest()})
	}
	return n
}

// serveHealth serves health and metrics while the worker runs.
func (w *Worker) serveHealth(ctx context.Context, alive, ready func() error, more map[string]http.Handler) error {
	server, err := monitor.Serve(context.WithoutCancel(ctx), monitor.Options{
		Listen: w.opts.Config.Monitor.Listen, Default: config.DefaultMonitor, Metrics: w.metrics,
		Alive: alive, Ready: ready, More: more, Log: w.log,
	})
	if err != nil {
		return err
	}
	w.onStop(func(context.Context) error {
		_ = server.Close()
		return nil
	})
	w.log.Info("health and metrics", "address", server.Addr())
	return nil
}
