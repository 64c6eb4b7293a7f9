// Command release builds the files of a release: archives with static binaries, images,
// SBOMs and checksums. The build is reproducible: the same Go version and commit give the
// same files, byte for byte.
//
// It refuses an invalid version and a repository with uncommitted changes. All times in the
// files are that of the commit; archives are sorted and belong to root; nothing is random.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "_" + p.arch }

// platforms are the platforms of a release. Images are built only for Linux.
var platforms = []platform{{"darwin", "amd64"}, {"darwin", "arm64"}, {"linux", "amd64"}, {"linux", "arm64"}}

func main() {
	version := flag.String("version", "", "the version, such as v1.2.3")
	repository := flag.String("repository", "../..", "the repository")
	out := flag.String("out", "../../dist", "the folder for the files; it must not exist, be empty, or contain an earlier release")
	only := flag.String("only", "", "the platforms to build, such as linux_amd64,darwin_arm64 (default all)")
	licences := flag.Bool("licences", false, "only write the file "+thirdParty+" of the repository")
	flag.Parse()
	chosen, err := choose(*only)
	switch {
	case err != nil:
	case *licences:
		err = writeLicences(*repository)
	default:
		err = release(*repository, *version, *out, chosen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release: "+err.Error())
		os.Exit(1)
	}
}

// choose returns the platforms in a comma-separated list, or all if it is empty.
func choose(only string) (chosen []platform, err error) {
	if only == "" {
		return platforms, nil
	}
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(platforms, func(p platform) bool { return p.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown platform %q: choose from %v", name, platforms)
		}
		chosen = append(chosen, platforms[i])
	}
	return chosen, nil
}

func release(repository, version, out string, platforms []platform) error {
	c, err := commitOf(repository, version)
	if err != nil {
		return err
	}
	if err := checkLicences(repository); err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	if err := makeEmpty(out); err != nil {
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

// publish writes the files of one platform.
func (c commit) publish(p platform, work, out string) error {
	binary := filepath.Join(work, p.String(), "event-worker")
	if err := c.build(p, binary); err != nil {
		return err
	}
	name := fmt.Sprintf("event-worker_%s_%s", c.version, p)
	if err := c.archive(binary, name, filepath.Join(out, name+".tar.gz")); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if err := c.sbom(binary, filepath.Join(out, name+".cdx.json")); err != nil {
		return fmt.Errorf("SBOM: %w", err)
	}
	if p.os == "linux" {
		if err := c.image(p, binary, filepath.Join(out, fmt.Sprintf("event-worker_%s_image_%s.tar", c.version, p))); err != nil {
			return fmt.Errorf("image: %w", err)
		}
	}
	return nil
}
