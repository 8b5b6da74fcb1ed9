// Makes the sample advisory database. Pinned and checksummed.
module sealift.local/advisories

go 1.26

require (
	go.etcd.io/bbolt v1.4.3
	gopkg.in/yaml.v3 v3.0.1
)

require golang.org/x/sys v0.29.0 // indirect
