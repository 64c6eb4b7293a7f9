package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// lister is the program that writes SBOMs.
const lister = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.9.0"

// sbom writes the modules of a program in the CycloneDX format. The time is that of the
// commit. The hashes of the lister are removed, as its binary differs between machines.
func (c commit) sbom(binary, file string) error {
	command := exec.Command("go", "run", lister, "bin", "-json", "-std", "-noserial", "-version", c.version, filepath.Base(binary))
	command.Dir = filepath.Dir(binary)
	command.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	listed, err := output(command)
	if err != nil {
		return err
	}
	var bom map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(listed)))
	decoder.UseNumber()
	if err := decoder.Decode(&bom); err != nil {
		return err
	}
	if metadata, ok := bom["metadata"].(map[string]any); ok {
		metadata["timestamp"] = c.time.Format(time.RFC3339)
		tools, _ := metadata["tools"].([]any)
		for _, tool := range tools {
			if tool, ok := tool.(map[string]any); ok {
				delete(tool, "hashes")
			}
		}
	}
	text, err := json.MarshalIndent(bom, "", "  ") // keys are sorted
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
