// The release builds what a version is published as: archives with static binaries, images,
// lists of components (SBOM) and checksums, byte for byte the same wherever one Go builds the
// same commit.
//
// It refuses a version that is none and a repository with changes. Times are that of the commit;
// archives are sorted and belong to root; nothing is random.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// platforms are those that binaries are built for; images only for those with Linux.
var platforms = []platform{{"darwin", "amd64"}, {"darwin", "arm64"}, {"linux", "amd64"}, {"linux", "arm64"}}

type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

func main() {
	version := flag.String("version", "", "the version, such as v1.2.3")
	repository := flag.String("repository", "../..", "the repository")
	out := flag.String("out", "../../dist", "the folder for the files; it must not exist, or is one of an earlier release")
	flag.Parse()
	if err := release(*repository, *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "release: "+err.Error())
		os.Exit(1)
	}
}

func release(repository, version, out string) error {
	c, err := commitOf(repository, version)
	if err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := emptied(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "event-worker-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, p := range platforms {
		if err := c.publish(p, work, out); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		fmt.Println("built", p)
	}
	if err := writeSums(out); err != nil {
		return err
	}
	fmt.Printf("%s of commit %s is in %s\n", version, c.hash, out)
	return nil
}

// publish writes what belongs to one platform.
func (c commit) publish(p platform, work, out string) error {
	binary := filepath.Join(work, p.String(), "event-worker")
	if err := c.build(p, binary); err != nil {
		return err
	}
	name := fmt.Sprintf("event-worker_%s_%s", c.version, p)
	if err := c.archive(binary, name, filepath.Join(out, name+".tar.gz")); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := c.components(binary, filepath.Join(out, name+".cdx.json")); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	if p.os == "linux" {
		if err := c.image(p, binary, filepath.Join(out, fmt.Sprintf("event-worker_%s_image_%s.tar", c.version, p))); err != nil {
			return fmt.Errorf("image: %w", err)
		}
	}
	return nil
}
