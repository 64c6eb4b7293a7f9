package commands

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/imart/event-worker/actors"
	"github.com/imart/event-worker/cluster"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/monitor"
	"github.com/imart/event-worker/persistence"
)

// member follows chains as a node of the cluster of all processes on a database,
// until the context ends.
type member struct {
	cfg      config.Config
	registry persistence.Registry
	metrics  *monitor.Metrics
	watcher  watcher
}

func (m member) follow(ctx context.Context, cfg actors.Config) (err error) {
	cfg.Placed = true
	node, err := actors.Start(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(ctx, node)) }()
	me := m.presents()
	coordinator := cluster.New(cluster.Config{
		Registry: m.registry, Host: node, Node: me,
		Poll: m.cfg.Cluster.Poll, TTL: m.cfg.Cluster.TTL, Log: cfg.Log, Metrics: m.metrics.Node(),
	})
	ready := func() error { return errors.Join(coordinator.Ready(), node.Ready()) }
	more := map[string]http.Handler{ownersPath: ownersOver(coordinator, me.Chains)}
	health, err := serveHealth(ctx, m.cfg, m.metrics, coordinator.Alive, ready, more, cfg.Log)
	if err != nil {
		return err
	}
	defer health.Close()
	return m.coordinate(ctx, coordinator)
}

// coordinate runs the coordinator, and lets the watcher look meanwhile.
func (m member) coordinate(ctx context.Context, coordinator *cluster.Coordinator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- coordinator.Run(ctx) }()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
			if err := m.watcher.look(ctx); err != nil && ctx.Err() == nil {
				cancel()
				return errors.Join(err, <-ended)
			}
		}
	}
}

// presents is the process as the others see it.
func (m member) presents() persistence.Node {
	n := persistence.Node{Name: m.cfg.Node, Version: version()}
	for _, c := range m.cfg.Chains {
		n.Chains = append(n.Chains, persistence.NodeChain{Name: c.Name, Network: c.Network(), Config: c.Digest()})
	}
	return n
}

// serveHealth serves health and metrics while the process runs.
func serveHealth(ctx context.Context, cfg config.Config, metrics *monitor.Metrics, alive, ready func() error, more map[string]http.Handler, log *slog.Logger) (*monitor.Server, error) {
	server, err := monitor.Serve(context.WithoutCancel(ctx), monitor.Options{
		Listen: cfg.Monitor.Listen, Default: config.DefaultMonitor, Metrics: metrics,
		Alive: alive, Ready: ready, More: more, Log: log,
	})
	if err == nil {
		log.Info("health and metrics", "address", server.Addr())
	}
	return server, err
}
