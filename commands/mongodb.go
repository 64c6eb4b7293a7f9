package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence/mongo"
)

func newMongoDB() *cobra.Command {
	c := &cobra.Command{
		Use:     "mongodb",
		Short:   "Prepare the MongoDB of the variable " + mongoVariable,
		Long:    "Prepare the MongoDB servers in the variable " + mongoVariable + ".",
		Example: "  event-worker mongodb init",
		Args:    cli.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newMongoDBInit())
	return c
}

type initFlags struct {
	hosts []string
	wait  time.Duration
}

func newMongoDBInit() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init",
		Short: "Make the servers a replica set, once, and wait for its primary",
		Long: `Make the servers that the variable ` + mongoVariable + ` names a replica set, as
rs.initiate() in mongosh would, and wait until it has a primary. Transactions need a
replica set; one server is enough. Start each with --replSet and the set's name, which
is that of replicaSet in the variable, or ` + mongo.DefaultReplicaSet + `.

The members are the hosts in the variable, under the names given there: the servers and
all their clients must reach them under these names. --host names other hosts.

If there already is a replica set, it only waits for its primary.`,
		Example: `  MONGODB_URI='mongodb://localhost/?replicaSet=rs0' event-worker mongodb init
  event-worker mongodb init --host db1.example.com:27017 --wait 5m`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return initMongoDB(c.Context(), c.OutOrStdout(), f) },
	}
	c.Flags().StringSliceVar(&f.hosts, "host", nil, "the members, host:port, instead of those in "+mongoVariable)
	c.Flags().DurationVar(&f.wait, "wait", 2*time.Minute, "how long to wait for the servers and a primary")
	return c
}

func initMongoDB(ctx context.Context, out io.Writer, f initFlags) error {
	uri, err := mongoURI()
	switch {
	case err != nil:
		return err
	case uri == "":
		return errors.New("no servers given: set " + mongoVariable + " to something like mongodb://localhost:27017/?replicaSet=" + mongo.DefaultReplicaSet)
	case f.wait <= 0:
		return fmt.Errorf("--wait %s: must be positive", f.wait)
	}
	over := location{uri: uri}.waiting()
	set, err := mongo.Initiate(ctx, uri, f.hosts, f.wait)
	over()
	if err != nil {
		return err
	}
	state := "is already initiated"
	if set.New {
		state = "is initiated"
	}
	_, err = fmt.Fprintf(out, "MongoDB: replica set %s on %s %s and has a primary.\n", set.Name, strings.Join(set.Members, ", "), state)
	return err
}
