package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	archive "github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is the unprivileged user that runs the program, the same as in distroless images.
const user = 65532

// image writes an image for "docker load": the program, the certificate authorities that
// Mozilla trusts, the terms of both, an unprivileged user, and a folder for logs that this
// user owns.
func (c commit) image(p platform, binary, file string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	var system, own tarball
	system.folder("etc", 0)
	system.file("etc/group", 0o644, []byte("root:x:0:\nnonroot:x:65532:\n"))
	system.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"))
	system.folder("etc/ssl", 0)
	system.folder("etc/ssl/certs", 0)
	system.file("etc/ssl/certs/ca-certificates.crt", 0o644, authorities())
	system.folder("home", 0)
	system.folder("home/nonroot", user)
	system.folder("var", 0)
	system.folder("var/log", 0)
	system.folder("var/log/event-worker", user)
	own.folder("usr", 0)
	own.folder("usr/local", 0)
	own.folder("usr/local/bin", 0)
	own.file("usr/local/bin/event-worker", 0o755, program)
	own.folder("usr/share", 0)
	own.folder("usr/share/doc", 0)
	own.folder("usr/share/doc/event-worker", 0)
	for _, name := range terms {
		content, err := os.ReadFile(filepath.Join(c.repository, name))
		if err != nil {
			return err
		}
		own.file("usr/share/doc/event-worker/"+name, 0o644, content)
	}

	image := empty.Image
	for _, files := range []tarball{system, own} {
		if image, err = c.withLayer(image, files); err != nil {
			return err
		}
	}
	image, err = mutate.ConfigFile(image, c.configuration(image, p))
	if err != nil {
		return err
	}
	tag, err := name.NewTag("event-worker:" + c.version)
	if err != nil {
		return err
	}
	return archive.WriteToFile(file, tag, image)
}

// withLayer adds a layer to an image.
func (c commit) withLayer(image v1.Image, files tarball) (v1.Image, error) {
	packed, err := files.pack(c)
	if err != nil {
		return nil, err
	}
	layer, err := archive.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil })
	if err != nil {
		return nil, err
	}
	return mutate.Append(image, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: c.time}, CreatedBy: "make release"}})
}

func (c commit) configuration(image v1.Image, p platform) *v1.ConfigFile {
	file, err := image.ConfigFile()
	if err != nil {
		panic(err) // impossible: the image is in memory
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = p.os, p.arch, v1.Time{Time: c.time}
	file.Config = v1.Config{
		User: "65532:65532", WorkingDir: "/home/nonroot", Entrypoint: []string{"event-worker"},
		Env: []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "event-worker",
			"org.opencontainers.image.version":  c.version,
			"org.opencontainers.image.revision": c.hash,
			"org.opencontainers.image.created":  c.time.Format(time.RFC3339),
			"org.opencontainers.image.source":   "https://github.com/imart/event-worker",
			"org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	return file
}

// authorities returns the certificates of public authorities as PEM, except for those that
// Mozilla trusts with constraints.
func authorities() []byte {
	var text bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // never fails in memory
		}
	}
	return text.Bytes()
}
