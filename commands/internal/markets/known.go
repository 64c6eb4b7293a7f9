package markets

import (
	"errors"
	"maps"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/markets/catalogue"
	"github.com/imart/event-worker/markets/definition"
)

// addConfig adds the flag that names the configuration.
func addConfig(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "", "the configuration whose definitions are known too (default "+config.DefaultFile+", if it exists)")
}

// known are the definitions of the built-in markets and of those that a configuration names; if
// none is named, of that in this folder, if there is one.
func known(file string) ([]*definition.Definition, error) {
	if file == "" && !cli.Exists(config.DefaultFile) {
		return catalogue.All(), nil
	}
	if file == "" {
		file = config.DefaultFile
	}
	return config.Definitions(file, os.Environ())
}

// find finds the definition of a market. For a built-in one the configuration is not read.
func find(file, name string) (*definition.Definition, error) {
	d, err := catalogue.BuiltIn(name)
	if !errors.Is(err, catalogue.ErrUnknown) {
		return d, err
	}
	all, err := known(file)
	if err != nil {
		return nil, err
	}
	return catalogue.Find(all, name)
}

// common are events that many contracts log (ERC-20, ERC-721, ERC-1155 and wrapped coins).
var common = []string{
	"Transfer(address,address,uint256)", "Approval(address,address,uint256)", "ApprovalForAll(address,address,bool)",
	"TransferSingle(address,address,address,uint256,uint256)", "TransferBatch(address,address,address,uint256[],uint256[])",
	"Deposit(address,uint256)", "Withdrawal(address,uint256)",
}

// eventNames are the names of events, by their first topic: those of a definition, those that
// built-in ones have, and common ones.
func eventNames(d *definition.Definition) map[[32]byte]string {
	names := map[[32]byte]string{}
	for _, signature := range common {
		name, _, _ := strings.Cut(signature, "(")
		names[crypto.Keccak256Hash([]byte(signature))] = name
	}
	for _, builtIn := range catalogue.All() {
		maps.Copy(names, builtIn.EventNames())
	}
	maps.Copy(names, d.EventNames())
	return names
}
