// Verifies chains: FOLDER COUNT. For each of 0..COUNT, prints "ok" or why the chain is rejected.
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func read(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	var certificates []*x509.Certificate
	var first error
	for position := 0; ; position++ {
		block, rest := pem.Decode(text)
		if block == nil {
			return certificates, first
		}
		text = rest
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err == nil {
			certificates = append(certificates, certificate)
		} else {
			// crypto/tls fails if it cannot parse any of the server's certificates.
			first = fmt.Errorf("certificate %d: %w", position, err)
		}
	}
}

func verify(folder string) error {
	chain, err := read(filepath.Join(folder, "chain.pem"))
	if err != nil {
		return err
	}
	trusted, _ := read(filepath.Join(folder, "roots.pem"))
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for _, root := range trusted {
		roots.AddCert(root)
	}
	for _, intermediate := range chain[1:] {
		intermediates.AddCert(intermediate)
	}
	name, err := os.ReadFile(filepath.Join(folder, "name"))
	if err != nil {
		panic(err)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{DNSName: string(name), Roots: roots, Intermediates: intermediates})
	return err
}

func main() {
	count, _ := strconv.Atoi(os.Args[2])
	for number := 0; number < count; number++ {
		if err := verify(filepath.Join(os.Args[1], strconv.Itoa(number))); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}
