package commands

import (
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/commands/internal/cli"
	"github.com/imart/event-worker/persistence/documents"
)

func newSchema() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print the schema of the documents, for typed clients",
		Long: `Print the schema of the documents of all collections: as a Prisma schema or as a JSON
Schema. Both are generated from the same definitions as the validators with which
MongoDB checks the documents.`,
		Example: `  event-worker schema prisma > prisma/schema.prisma
  event-worker schema json > event-worker.schema.json`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newSchemaPrisma(), newSchemaJSON())
	return c
}

func newSchemaPrisma() *cobra.Command {
	return &cobra.Command{
		Use:   "prisma",
		Short: "Print the Prisma schema of the MongoDB collections",
		Long: `Print the Prisma schema (version 6, provider mongodb) of the MongoDB collections.
Prisma generates a typed client from it:

  event-worker schema prisma > prisma/schema.prisma
  npx prisma generate

and a backend reads, say, the open listings of a maker with

  const open = await prisma.order.findMany({
    where: {
      maker, side: "ask", status: "LISTING",
      OR: [{ expiresAt: { isSet: false } }, { expiresAt: { gt: new Date() } }],
    },
    orderBy: { id: "asc" },
  })

The client connects to MONGODB_URI, which must name the database, as in
mongodb://host/event-worker?replicaSet=rs0. Amounts such as the price are strings
of the currency's smallest unit: BigInt(order.price). Missing fields match
isSet: false; they do not equal null.

The backend must only read, except for readAt of notifications, which it writes. Do
not run "prisma db push": the event worker creates collections and indexes itself,
and Prisma cannot express some of the indexes.`,
		Example: "  event-worker schema prisma > prisma/schema.prisma",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(documents.Prisma(documents.Collections()))
			return cli.UnlessClosed(err)
		},
	}
}

func newSchemaJSON() *cobra.Command {
	return &cobra.Command{
		Use:   "json",
		Short: "Print the JSON Schema of the documents that query prints",
		Long: `Print the JSON Schema (draft 2020-12) of the documents as query prints them, in
JSON. The documents of each collection have their own definition, such as
#/$defs/Order. Sequence numbers and heights are 64-bit integers, times are in the
format of RFC 3339, amounts are strings of the currency's smallest unit.

Type generators for many languages read it, and validators check documents against it.`,
		Example: "  event-worker schema json > event-worker.schema.json",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := documents.JSONSchema(documents.Collections())
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return cli.UnlessClosed(err)
		},
	}
}
