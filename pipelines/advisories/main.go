// Command advisories makes a database that Trivy can read out of advisories written as YAML.
//
//	go run -mod=readonly . [-updated TIME] [-next TIME] [-downloaded TIME] FOLDER FILE.yaml…
//
// It writes FOLDER/trivy.db, a bbolt file with the buckets of trivy-db's schema 2, and FOLDER/metadata.json. Times are
// RFC 3339. The same input gives the same output.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"time"

	"go.etcd.io/bbolt"
	"gopkg.in/yaml.v3"
)

// schema is the version of the database's layout: trivy-db, pkg/db/db.go.
const schema = 2

// An ecosystem's bucket is named after its source, as trivy-db does it: pkg/vulnsrc/ghsa.
var sources = map[string]string{
	"go":  "go::GitHub Security Advisory Go",
	"npm": "npm::GitHub Security Advisory npm",
	"pip": "pip::GitHub Security Advisory pip",
}

// severities by the numbers that Trivy stores: trivy-db, pkg/types.
var severities = map[string]int{"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}

type advisory struct {
	ID         string   `yaml:"id"`         // CVE
	Source     string   `yaml:"source"`     // address of the GitHub advisory
	Ecosystem  string   `yaml:"ecosystem"`  // go, npm or pip
	Package    string   `yaml:"package"`    // its name there
	Vulnerable []string `yaml:"vulnerable"` // version constraints, any of which applies
	Patched    []string `yaml:"patched"`    // first good versions
	Severity   string   `yaml:"severity"`
	Title      string   `yaml:"title"`
}

type entry struct {
	PatchedVersions    []string
	VulnerableVersions []string
}

type dataSource struct{ ID, Name, URL string }

type vulnerability struct {
	Title          string
	Severity       string
	VendorSeverity map[string]int
	References     []string
}

type metadata struct {
	Version                             int
	NextUpdate, UpdatedAt, DownloadedAt time.Time
}

func main() {
	updated := flag.String("updated", "2024-12-01T00:00:00Z", "when the advisories were last looked at")
	next := flag.String("next", "", "when to look again (one day after `updated`)")
	downloaded := flag.String("downloaded", "", "when the database came here (at `updated`)")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: advisories [flags] FOLDER FILE.yaml…")
		os.Exit(2)
	}
	meta, err := times(*updated, *next, *downloaded)
	if err == nil {
		err = run(flag.Arg(0), flag.Args()[1:], meta)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func times(updated, next, downloaded string) (metadata, error) {
	meta := metadata{Version: schema}
	var errs [3]error
	meta.UpdatedAt, errs[0] = time.Parse(time.RFC3339, updated)
	meta.NextUpdate, meta.DownloadedAt = meta.UpdatedAt.Add(24*time.Hour), meta.UpdatedAt
	if next != "" {
		meta.NextUpdate, errs[1] = time.Parse(time.RFC3339, next)
	}
	if downloaded != "" {
		meta.DownloadedAt, errs[2] = time.Parse(time.RFC3339, downloaded)
	}
	return meta, errors.Join(errs[:]...)
}

func run(folder string, files []string, meta metadata) error {
	advisories, err := load(files)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	path := filepath.Join(folder, "trivy.db")
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0o644, &bbolt.Options{NoSync: true})
	if err != nil {
		return err
	}
	err = fill(db, advisories)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "metadata.json"), text, 0o644)
}

func load(files []string) ([]advisory, error) {
	var all []advisory
	for _, file := range files {
		input, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		var some []advisory
		decoder := yaml.NewDecoder(input)
		decoder.KnownFields(true)
		err = errors.Join(decoder.Decode(&some), input.Close())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, a := range some {
			if sources[a.Ecosystem] == "" || severities[a.Severity] == 0 || a.ID == "" || a.Package == "" || len(a.Vulnerable) == 0 {
				return nil, fmt.Errorf("%s: %q lacks a known ecosystem, a severity, a package or its vulnerable versions", file, a.ID)
			}
		}
		all = append(all, some...)
	}
	sort.SliceStable(all, func(i, j int) bool {
		return all[i].Ecosystem+all[i].Package+all[i].ID < all[j].Ecosystem+all[j].Package+all[j].ID
	})
	return all, nil
}

func fill(db *bbolt.DB, advisories []advisory) error {
	for _, a := range advisories {
		source := sources[a.Ecosystem]
		err := errors.Join(
			put(db, entry{a.Patched, a.Vulnerable}, a.ID, source, a.Package),
			put(db, dataSource{"ghsa", source[len(a.Ecosystem)+2:], "https://github.com/advisories?query=type%3Areviewed+ecosystem%3A" + a.Ecosystem}, source, "data-source"),
			put(db, vulnerability{a.Title, a.Severity, map[string]int{"ghsa": severities[a.Severity]}, []string{a.Source}}, a.ID, "vulnerability"),
		)
		if err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
	}
	return nil
}

// put stores a value as JSON under a key in nested buckets. One transaction for each value: bbolt writes the buckets of
// one transaction in random order.
func put(db *bbolt.DB, value any, key string, buckets ...string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte(buckets[0]))
		for _, name := range buckets[1:] {
			if err == nil {
				bucket, err = bucket.CreateBucketIfNotExists([]byte(name))
			}
		}
		if err != nil {
			return err
		}
		return bucket.Put([]byte(key), text)
	})
}
