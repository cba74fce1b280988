// One request with Go's net/http: URL [TIMEOUT].
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	patience := 60 * time.Second
	if len(os.Args) > 2 {
		patience, _ = time.ParseDuration(os.Args[2])
	}
	dialer := net.Dialer{Timeout: patience}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: patience, ForceAttemptHTTP2: true}
	client := http.Client{Transport: transport}
	if _, err := client.Get(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
