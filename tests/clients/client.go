// One TLS request with Go: CA-FILE PORT NAME [CERTIFICATE KEY]; with "-" as CA-FILE, it uses the system's roots. TLS_MAX=1.2 limits
// the version.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
)

func main() {
	config := &tls.Config{ServerName: os.Args[3]}
	if os.Getenv("TLS_MAX") == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	if os.Args[1] != "-" {
		pem, err := os.ReadFile(os.Args[1])
		if err != nil {
			panic(err)
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	if len(os.Args) > 5 {
		pair, err := tls.LoadX509KeyPair(os.Args[4], os.Args[5])
		if err != nil {
			panic(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[2], config)
	if err == nil {
		// In TLS 1.3, the server rejects a client certificate after the handshake.
		fmt.Fprintf(connection, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", os.Args[3])
		_, err = connection.Read(make([]byte, 1))
	}
	if err != nil && err != io.EOF {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	connection.Close()
	fmt.Println("accepted")
}
