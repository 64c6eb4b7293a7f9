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
	cfg, address := w.opts.Config, w.opts.Cluster
	network, err := cluster.Connect(cluster.Options{
		Cluster: address.Database, Listen: cfg.Cluster.Listen, Advertise: cfg.Cluster.Advertise,
		Server: address.Hosts[0], Log: w.log,
	})
	if err != nil {
		return err
	}
	w.onStop(func(context.Context) error {
		network.Close()
		return nil
	})
	me := w.presents(network.Address())
	keeper := cluster.New(cluster.Config{
		Registry: w.store.(persistence.Registry), Host: w.node, Peers: network, Node: me,
		Poll: cfg.Cluster.Poll, TTL: cfg.Cluster.TTL, Log: w.log, Watch: w.metrics.Node(),
	})
	network.Serve(keeper.Status)
	ready := func() error { return errors.Join(keeper.Ready(), w.node.Ready()) }
	more := map[string]http.Handler{ownersPath: ownersOver(network, me.Chains)}
	if err := w.serveHealth(ctx, keeper.Alive, ready, more); err != nil {
		return err
	}
	w.run(ctx, keeper)
	return nil
}

// run runs the keeper until the worker stops: then it hands its chains over and leaves.
func (w *Worker) run(ctx context.Context, keeper *cluster.Keeper) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer close(ended)
		if err := keeper.Run(ctx); ctx.Err() == nil {
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

// presents is the process as the others see it.
func (w *Worker) presents(address string) persistence.Node {
	n := persistence.Node{Name: w.opts.Config.Node, Address: address, Version: w.opts.Version}
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
