// Checks whether Go accepts a certificate for a purpose: CA-FILE CHAIN "mail" or "code".
package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
)

func certificates(path string) []*x509.Certificate {
	rest, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	var found []*x509.Certificate
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			panic(err)
		}
		found = append(found, certificate)
	}
	return found
}

func main() {
	usage := map[string]x509.ExtKeyUsage{"mail": x509.ExtKeyUsageEmailProtection, "code": x509.ExtKeyUsageCodeSigning}
	options := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{usage[os.Args[3]]},
	}
	for _, root := range certificates(os.Args[1]) {
		options.Roots.AddCert(root)
	}
	chain := certificates(os.Args[2])
	for _, between := range chain[1:] {
		options.Intermediates.AddCert(between)
	}
	if _, err := chain[0].Verify(options); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}
