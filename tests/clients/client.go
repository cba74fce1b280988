// One TLS connection by Go: CA-FILE PORT NAME; "-" as the file leaves trust to the system.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	config := &tls.Config{ServerName: os.Args[3]}
	if os.Args[1] != "-" {
		pem, err := os.ReadFile(os.Args[1])
		if err != nil {
			panic(err)
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	connection, err := tls.Dial("tcp", "127.0.0.1:"+os.Args[2], config)
	if err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	connection.Close()
	fmt.Println("accepted")
}
