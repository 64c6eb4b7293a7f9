package documents

import (
	"fmt"
	"strings"
)

// Prisma is a Prisma schema of the collections, for its MongoDB connector: a model
// for each collection, a type for each document within one. 256-bit amounts are
// strings, 64-bit numbers BigInt. Partial indexes are left out, Prisma has no words
// for them.
func Prisma(collections []Collection) []byte {
	all := modelsOf(collections)
	var b strings.Builder
	b.WriteString(prismaHead)
	for _, m := range all {
		if m.Collection != nil {
			writeModel(&b, m)
		}
	}
	for _, m := range all {
		if m.Collection == nil {
			fmt.Fprintf(&b, "\ntype %s {\n", m.Name)
			writeFields(&b, m.Fields)
			b.WriteString("}\n")
		}
	}
	for _, e := range enums(all) {
		fmt.Fprintf(&b, "\nenum %s {\n  %s\n}\n", e.Name, strings.Join(e.Values, "\n  "))
	}
	return []byte(b.String())
}

const prismaHead = `// The event worker's collections, written by "event-worker schema prisma". It makes
// them and their indexes itself: don't run "prisma db push".

generator client {
  provider = "prisma-client-js"
}

datasource db {
  provider = "mongodb"
  url      = env("MONGODB_URI")
}
`

func writeModel(b *strings.Builder, m model) {
	fmt.Fprintf(b, "\n/// %s\nmodel %s {\n", m.Collection.Description, m.Name)
	writeFields(b, m.Fields)
	b.WriteByte('\n')
	for _, index := range m.Collection.Indexes {
		writeIndex(b, index)
	}
	fmt.Fprintf(b, "  @@map(%q)\n}\n", m.Collection.Name)
}

// writeFields writes fields in columns, as "prisma format" has them.
func writeFields(b *strings.Builder, fields []Field) {
	var names, types int
	for _, f := range fields {
		names, types = max(names, len(f.prismaName())), max(types, len(f.prismaType()))
	}
	for _, f := range fields {
		line := fmt.Sprintf("%-*s %-*s %s", names, f.prismaName(), types, f.prismaType(), f.prismaAttributes())
		fmt.Fprintf(b, "  /// %s\n  %s\n", f.Description, strings.TrimRight(line, " "))
	}
}

func (f Field) prismaName() string {
	if f.Name == "_id" {
		return "id"
	}
	return f.Name
}

func (f Field) prismaType() string {
	name := f.prismaScalar()
	switch {
	case f.List:
		return name + "[]"
	case !f.Required:
		return name + "?"
	}
	return name
}

func (f Field) prismaScalar() string {
	switch f.Type {
	case Int:
		return "Int"
	case Long:
		return "BigInt"
	case Double:
		return "Float"
	case Bool:
		return "Boolean"
	case Date:
		return "DateTime"
	case BinData:
		return "Bytes"
	case Object:
		return f.Model
	case Counts, Free:
		return "Json"
	}
	if f.Enum != nil {
		return f.Enum.Name
	}
	return "String"
}

func (f Field) prismaAttributes() string {
	switch {
	case f.Name == "_id":
		return `@id @map("_id")`
	case f.Type == ObjectID:
		return "@db.ObjectId"
	}
	return ""
}

func writeIndex(b *strings.Builder, index Index) {
	if index.Partial() != nil {
		return
	}
	var parts []string
	for _, key := range index.Keys {
		part := Field{Name: key.Path}.prismaName()
		if key.Descending {
			part += "(sort: Desc)"
		}
		parts = append(parts, part)
	}
	fmt.Fprintf(b, "  @@index([%s], map: %q)\n", strings.Join(parts, ", "), index.Name)
}
