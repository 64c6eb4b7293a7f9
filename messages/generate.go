package messages

// protoc-gen-go is that of google.golang.org/protobuf in go.mod.
//go:generate protoc --go_out=. --go_opt=paths=source_relative between_nodes.proto
