package move

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Module is a published Move module.
type Module struct {
	Address string // of its account, as the node wrote it
	Structs []*Struct
}

var errNoModule = errors.New("not a Move module: it has no name or no structs")

// moduleJSON is a module as nodes answer it (Aptos node API, MoveModule).
type moduleJSON struct {
	Address string `json:"address"`
	Name    string `json:"name"`
	Structs []struct {
		Name    string `json:"name"`
		IsEvent bool   `json:"is_event"`
		Fields  []struct {
			Name string `json:"name"`
			Type string `json:"type"`
		} `json:"fields"`
	} `json:"structs"`
}

// ParseModules reads the JSON of a module, or of all modules of an account, as nodes
// answer it.
func ParseModules(text []byte) ([]Module, error) {
	type answer struct {
		moduleJSON
		ABI *moduleJSON `json:"abi"`
	}
	all := make([]answer, 1)
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		err = json.Unmarshal(text, &all)
	} else {
		err = json.Unmarshal(text, &all[0])
	}
	if err != nil {
		return nil, fmt.Errorf("not a Move module: %w", err)
	}
	var modules []Module
	for _, a := range all {
		m := a.moduleJSON
		if a.ABI != nil {
			m = *a.ABI
		}
		if m.Name != "" && len(m.Structs) > 0 {
			modules = append(modules, m.module())
		}
	}
	if len(modules) == 0 {
		return nil, errNoModule
	}
	return modules, nil
}

func (m *moduleJSON) module() Module {
	out := Module{Address: m.Address}
	for _, s := range m.Structs {
		structure := &Struct{Name: m.Name + "::" + s.Name, IsEvent: s.IsEvent}
		for _, f := range s.Fields {
			structure.Fields = append(structure.Fields, Field{Name: f.Name, Text: strings.ReplaceAll(f.Type, " ", "")})
		}
		out.Structs = append(out.Structs, structure)
	}
	return out
}
