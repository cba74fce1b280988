// Go's autocert: serves HTTPS for a name with certificates that it obtains itself, with tls-alpn-01.
// autocert DIRECTORY ROOT TLS_PORT CACHE
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

func main() {
	pem, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	manager := &autocert.Manager{
		Prompt: autocert.AcceptTOS,
		Cache:  autocert.DirCache(os.Args[4]),
		Client: &acme.Client{DirectoryURL: os.Args[1], HTTPClient: &http.Client{Transport: transport}},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ACCEPT 127.0.0.1:%s\n", os.Args[3])
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "by autocert") })
	log.Fatal(http.Serve(tls.NewListener(listener, manager.TLSConfig()), handler))
}
