package markets

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/markets/definition/draft"
)

func newMarketsNew() *cobra.Command {
	var name, address string
	c := &cobra.Command{
		Use:   "new FILE",
		Short: "Write a first definition from a contract's ABI or a Move module",
		Long: `Write a first market definition to standard output: all events of a contract's ABI (JSON,
as explorers provide it), of Move modules (JSON, as a node answers
/v1/accounts/ACCOUNT/module/MODULE or /v1/accounts/ACCOUNT/modules), or of a contract's
source, each with the meaning that its name suggests. "-" reads standard input.`,
		Example: `  event-worker markets new abi.json --name my-market --address 0x… > my-market.yaml
  curl -s https://api.mainnet.aptoslabs.com/v1/accounts/0x…/modules | event-worker markets new - > my-market.yaml`,
		Args: cli.One(`a file, or "-"`),
		RunE: func(c *cobra.Command, args []string) error {
			in := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			text, err := io.ReadAll(io.LimitReader(in, maxRecording))
			if err != nil {
				return err
			}
			drafted, err := draft.Definition(name, address, text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			_, err = c.OutOrStdout().Write(drafted)
			return cli.UnlessClosed(err)
		},
	}
	c.Flags().StringVar(&name, "name", "my-market", "the market's name")
	c.Flags().StringVar(&address, "address", "", "the contract's address, or the module's account where its JSON does not say")
	return c
}
