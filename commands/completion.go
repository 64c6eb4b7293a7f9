package commands

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/config"
	"github.com/imart/event-worker/persistence"
)

// shells are the supported shells.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes commands, flags and names in a shell",
		Long: `Print a script that makes a shell complete commands, flags, the collections of "query",
and the chains, markets and streams of the configuration ` + config.DefaultFile + `.

bash, with the package bash-completion installed (takes effect in new shells):
  mkdir -p ~/.local/share/bash-completion/completions
  event-worker completion bash > ~/.local/share/bash-completion/completions/event-worker

zsh, with "autoload -U compinit; compinit" in ~/.zshrc:
  event-worker completion zsh > "${fpath[1]}/_event-worker"

fish:
  event-worker completion fish > ~/.config/fish/completions/event-worker.fish

PowerShell, in its profile:
  event-worker completion powershell | Out-String | Invoke-Expression`,
		Example:               "  source <(event-worker completion bash)   # in this shell only",
		ValidArgs:             shells,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return fmt.Errorf("completion: name a shell: %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return cli.UnlessClosed(writeCompletion(c, args[0]))
		},
	}
}

func writeCompletion(c *cobra.Command, shell string) error {
	root, out := c.Root(), c.OutOrStdout()
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(out, true)
	case "zsh":
		return root.GenZshCompletion(out)
	case "fish":
		return root.GenFishCompletion(out, true)
	}
	return root.GenPowerShellCompletionWithDesc(out)
}

// completed lists the values of the first argument, by command.
var completed = map[string]func() []string{
	"query":    func() []string { return persistence.Collections },
	"rewind":   configuredNames,
	"redecode": configuredNames,
	"pause":    configuredNames,
	"resume":   configuredNames,
}

// complete adds completion of arguments to the commands below root.
func complete(root *cobra.Command) {
	for _, c := range root.Commands() {
		words, ok := completed[c.Name()]
		if !ok {
			continue
		}
		c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return words(), cobra.ShellCompDirectiveNoFileComp
		}
	}
}

// configuredNames lists the chains, markets and streams of the configuration.
func configuredNames() (words []string) {
	all, _ := config.Markets(config.DefaultFile, os.Environ()) // as much of it as is valid
	for _, chain := range slices.Sorted(maps.Keys(all)) {
		words = append(words, chain)
		for _, m := range all[chain] {
			words = append(words, chain+"/"+m.Name)
			for _, s := range m.Streams {
				words = append(words, chain+"/"+m.Name+"/"+s.Name)
			}
		}
	}
	return words
}
