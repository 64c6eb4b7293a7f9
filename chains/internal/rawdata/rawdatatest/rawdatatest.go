// Package rawdatatest writes messages of Aptos' transaction stream by their schema,
// which the package rawdata knows nothing of.
package rawdatatest

import (
	_ "embed" // the schema
	"regexp"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

//go:embed schema.proto
var schema string

var (
	messages = regexp.MustCompile(`(?s)message (\w+) \{(.*?)\n?\}`)
	members  = regexp.MustCompile(`(repeated )?(\w+) (\w+) = (\d+);`)
	scalars  = map[string]descriptorpb.FieldDescriptorProto_Type{
		"uint64": descriptorpb.FieldDescriptorProto_TYPE_UINT64, "int64": descriptorpb.FieldDescriptorProto_TYPE_INT64,
		"uint32": descriptorpb.FieldDescriptorProto_TYPE_UINT32, "int32": descriptorpb.FieldDescriptorProto_TYPE_INT32,
		"bool": descriptorpb.FieldDescriptorProto_TYPE_BOOL, "string": descriptorpb.FieldDescriptorProto_TYPE_STRING,
		"bytes": descriptorpb.FieldDescriptorProto_TYPE_BYTES,
	}
)

// Marshal is a message of the schema, given in Protobuf's JSON, as it travels. Fields that
// the schema does not have are left out.
func Marshal(t testing.TB, name string, text []byte) []byte {
	t.Helper()
	message := dynamicpb.NewMessage(descriptor(t, name))
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, message); err != nil {
		t.Fatal(err)
	}
	out, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Unmarshal is a message as it travels in Protobuf's JSON.
func Unmarshal(t testing.TB, name string, data []byte) string {
	t.Helper()
	message := dynamicpb.NewMessage(descriptor(t, name))
	if err := proto.Unmarshal(data, message); err != nil {
		t.Fatal(err)
	}
	out, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// descriptor is what the schema says of a message.
func descriptor(t testing.TB, name string) protoreflect.MessageDescriptor {
	t.Helper()
	file := &descriptorpb.FileDescriptorProto{Name: proto.String("schema.proto"), Package: proto.String("aptos"), Syntax: proto.String("proto3")}
	for _, m := range messages.FindAllStringSubmatch(schema, -1) {
		message := &descriptorpb.DescriptorProto{Name: proto.String(m[1])}
		for _, f := range members.FindAllStringSubmatch(m[2], -1) {
			number, err := strconv.ParseInt(f[4], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			field := &descriptorpb.FieldDescriptorProto{Name: proto.String(f[3]), Number: proto.Int32(int32(number)), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
			if f[1] != "" {
				field.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			if scalar, ok := scalars[f[2]]; ok {
				field.Type = scalar.Enum()
			} else {
				field.Type, field.TypeName = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE.Enum(), proto.String(".aptos."+f[2])
			}
			message.Field = append(message.Field, field)
		}
		file.MessageType = append(file.MessageType, message)
	}
	built, err := protodesc.NewFile(file, new(protoregistry.Files))
	if err != nil {
		t.Fatal(err)
	}
	found := built.Messages().ByName(protoreflect.Name(name))
	if found == nil {
		t.Fatalf("the schema has no message %s", name)
	}
	return found
}
