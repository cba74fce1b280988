// Queries a server with Go: CA PORT [CERTIFICATE KEY]. Prints the response.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

func main() {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AppendCertsFromPEM(must(os.ReadFile(os.Args[1])))
	if len(os.Args) > 3 {
		config.Certificates = []tls.Certificate{must(tls.LoadX509KeyPair(os.Args[3], os.Args[4]))}
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	answer := must(client.Get("https://localhost:" + os.Args[2] + "/"))
	io.Copy(os.Stdout, answer.Body)
}
