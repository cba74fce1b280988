// Mutual TLS with Go: CERTIFICATE KEY CLIENT-CA. Prints its port, then greets clients by name.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		panic(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(pem)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("ACCEPT", listener.Addr())
	server := http.Server{
		TLSConfig: &tls.Config{ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert},
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			fmt.Fprintln(answer, "Hello,", request.TLS.PeerCertificates[0].Subject.CommonName)
		}),
	}
	panic(server.ServeTLS(listener, os.Args[1], os.Args[2]))
}
