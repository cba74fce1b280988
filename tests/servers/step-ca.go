// step-ca, as its own main does it: serves what a ca.json says, and reloads on SIGHUP.
package main

import (
	"log"
	"os"

	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
)

func main() {
	settings, err := config.LoadConfiguration(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	server, err := ca.New(settings, ca.WithConfigFile(os.Args[1]))
	if err != nil {
		log.Fatal(err)
	}
	go ca.StopReloaderHandler(server)
	if err := server.Run(); err != nil {
		log.Fatal(err)
	}
}
