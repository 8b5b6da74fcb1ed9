// Command tsa is Sigstore's timestamp authority as the tests need it: several at a time on one machine.
//
// The server's own command listens on port 2112 too, for metrics, without a choice, and a second one ends there.
package main

import (
	"flag"
	"log"
	"time"

	"github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server/app"
	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

// The server reads its settings from viper; importing its command puts the defaults there.
var _ = app.Execute

func main() {
	port := flag.Int("port", 0, "port of the loopback to listen on")
	key := flag.String("key", "", "file with the private key")
	chain := flag.String("chain", "", "file with its certificate and those above it")
	flag.Parse()
	viper.Set("timestamp-signer", "file")
	viper.Set("file-signer-key-path", *key)
	viper.Set("certificate-chain-path", *chain)
	log.Fatal(server.NewRestAPIServer("127.0.0.1", *port, []string{"http"}, false, time.Minute, time.Minute).Serve())
}
