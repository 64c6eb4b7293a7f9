package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// NewSchema makes a command that prints the JSON Schema of a kind of YAML file. Path is the
// command's own, and file the name under which editors find the schema in the help.
func NewSchema(of, path, file string, schema []byte) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: fmt.Sprintf("Print the JSON Schema of %s, for editors", of),
		Long: fmt.Sprintf(`Print the JSON Schema of %s. Editors with a YAML language server
complete options and explain them where the file's first line names the schema:

  # yaml-language-server: $schema=%s`, of, file),
		Example: fmt.Sprintf("  event-worker %s > %s", path, file),
		Args:    NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(schema)
			return UnlessClosed(err)
		},
	}
}
