// step-ca, like its own main: serves as configured in a ca.json, and reloads it on SIGHUP.
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
