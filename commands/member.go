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
	"github.com/imart/event-worker/persistence/mongo"
	"github.com/imart/event-worker/progress"
)

// member follows chains as a node of the cluster of all processes on a database,
// until the context ends.
type member struct {
	cfg      config.Config
	address  mongo.Address // of the database
	registry persistence.Registry
	metrics  *monitor.Metrics
	watcher  watcher
}

func newMember(cfg config.Config, at location, store persistence.Store, metrics *monitor.Metrics, w watcher) (member, error) {
	address, err := mongo.AddressOf(at.uri)
	if err != nil {
		return member{}, err
	}
	return member{cfg, address, store.(persistence.Registry), metrics, w}, nil
}

func (m member) follow(ctx context.Context, cfg actors.Config) (err error) {
	network, err := cluster.Connect(cluster.Options{
		Cluster: m.address.Database, Listen: m.cfg.Cluster.Listen, Advertise: m.cfg.Cluster.Advertise,
		Server: m.address.Hosts[0], Log: cfg.Log,
	})
	if err != nil {
		return err
	}
	defer network.Close()
	cfg.Placed = true
	node, err := actors.Start(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(ctx, node)) }()
	me := m.presents(network.Address())
	keeper := cluster.New(cluster.Config{
		Registry: m.registry, Host: node, Peers: network, Node: me,
		Poll: m.cfg.Cluster.Poll, TTL: m.cfg.Cluster.TTL, Log: cfg.Log, Watch: m.metrics.Node(),
	})
	network.Serve(keeper.Status)
	health, err := serveHealth(ctx, m.cfg, m.metrics, keeper.Alive, func() error { return errors.Join(keeper.Ready(), node.Ready()) }, map[string]http.Handler{ownersPath: ownersOver(network, me.Chains)}, cfg.Log)
	if err != nil {
		return err
	}
	defer health.Close()
	return m.keep(ctx, keeper)
}

// keep runs the keeper, and lets the watcher look meanwhile.
func (m member) keep(ctx context.Context, keeper *cluster.Keeper) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- keeper.Run(ctx) }()
	ticker := time.NewTicker(progress.LookEvery)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
			if err := m.watcher.Look(ctx); err != nil && ctx.Err() == nil {
				cancel()
				return errors.Join(err, <-ended)
			}
		}
	}
}

// presents is the process as the others see it.
func (m member) presents(address string) persistence.Node {
	n := persistence.Node{Name: m.cfg.Node, Address: address, Version: version()}
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
