package commands

import (
	"github.com/spf13/cobra"

	"github.com/imart/event-worker/persistence/documents"
)

func newSchema() *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "Print what the documents look like, for typed clients",
		Long: `Print what the documents of the collections look like, for clients with types:
as a Prisma schema or as a JSON Schema. Both are made of the same definitions as
the validators with which MongoDB checks the documents.`,
		Example: `  event-worker schema prisma > prisma/schema.prisma
  event-worker schema json > event-worker.schema.json`,
		Args: noArgs,
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
Prisma makes a typed client of it:

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
of the currency's smallest unit: BigInt(order.price). Fields that are missing are
found with isSet: false, they do not equal null.

Only read, but for the readAt of notifications, which is the backend's to write. Do
not run "prisma db push": the event worker makes collections and indexes itself,
and some of the indexes Prisma cannot express.`,
		Example: "  event-worker schema prisma > prisma/schema.prisma",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(documents.Prisma(documents.Collections()))
			return unlessClosed(err)
		},
	}
}

func newSchemaJSON() *cobra.Command {
	return &cobra.Command{
		Use:   "json",
		Short: "Print the JSON Schema of the documents that query prints",
		Long: `Print the JSON Schema (draft 2020-12) of the documents as query prints them, in
JSON. Each collection's documents have a definition of their own, such as
#/$defs/Order. Sequence numbers and heights are 64-bit integers, times are written
as RFC 3339 says, amounts are strings of the currency's smallest unit.

Generators of types for many languages read it, validators check documents with it.`,
		Example: "  event-worker schema json > event-worker.schema.json",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := documents.JSONSchema(documents.Collections())
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return unlessClosed(err)
		},
	}
}
