// Orders certificates as fast as a server can issue them: load DIRECTORY ROOT CLIENTS SECONDS [ACCOUNTS ORDERS]
// With ACCOUNTS and ORDERS, creates that many of each, however long it takes, and does not finalize the orders.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
)

var done, failed int64

func key() crypto.Signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// Polls quickly while a server is not finished, because the clients' waiting time should not be measured.
type impatient struct{ http.RoundTripper }

func (i impatient) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := i.RoundTripper.RoundTrip(request)
	if err == nil {
		if answer.Header.Get("Retry-After") != "" {
			time.Sleep(5 * time.Millisecond)
		}
		answer.Header.Set("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT")
	}
	return answer, err
}

func client(directory string, pool *x509.CertPool) *acme.Client {
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, InsecureSkipVerify: pool == nil},
		MaxIdleConnsPerHost: 4,
		ForceAttemptHTTP2:   true,
	}
	// Refused nonces are part of the measurement.
	return &acme.Client{Key: key(), DirectoryURL: directory, HTTPClient: &http.Client{Transport: impatient{transport}},
		RetryBackoff: func(int, *http.Request, *http.Response) time.Duration { return time.Millisecond }}
}

// Completes one order, up to the certificate.
func order(ctx context.Context, client *acme.Client, name string, finalize bool, csr []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(name))
	if err != nil || !finalize {
		return err
	}
	for _, url := range order.AuthzURLs {
		authorization, err := client.GetAuthorization(ctx, url)
		if err != nil {
			return err
		}
		for _, challenge := range authorization.Challenges {
			if challenge.Type == "http-01" && authorization.Status == acme.StatusPending {
				if _, err := client.Accept(ctx, challenge); err != nil {
					return err
				}
			}
		}
		if _, err := client.WaitAuthorization(ctx, url); err != nil {
			return err
		}
	}
	_, _, err = client.CreateOrderCert(ctx, order.FinalizeURL, csr, true)
	return err
}

func main() {
	directory, root := os.Args[1], os.Args[2]
	clients, _ := strconv.Atoi(os.Args[3])
	seconds, _ := strconv.ParseFloat(os.Args[4], 64)
	var pool *x509.CertPool
	if pem, err := os.ReadFile(root); err == nil {
		pool = x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
	}
	ctx := context.Background()
	accounts, orders := clients, 0
	if len(os.Args) > 6 {
		accounts, _ = strconv.Atoi(os.Args[5])
		orders, _ = strconv.Atoi(os.Args[6])
	}
	var left = int64(accounts)
	var group sync.WaitGroup
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	for number := 0; number < clients; number++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			client := client(directory, pool)
			for atomic.AddInt64(&left, -1) >= 0 {
				client.Key = key()
				client.KID = ""
				if _, err := client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil {
					log.Fatal(err)
				}
				name := fmt.Sprintf("n%d.test", number)
				csr, err := x509.CreateCertificateRequest(rand.Reader,
					&x509.CertificateRequest{DNSNames: []string{name}}, key())
				if err != nil {
					log.Fatal(err)
				}
				count := 0
				for orders > 0 && count < orders/accounts || orders == 0 && time.Now().Before(end) {
					if err := order(ctx, client, name, orders == 0, csr); err != nil {
						atomic.AddInt64(&failed, 1)
						log.Print(err)
						continue
					}
					atomic.AddInt64(&done, 1)
					count++
				}
			}
		}(number)
	}
	began := time.Now()
	group.Wait()
	fmt.Printf("%d %d %.3f\n", done, failed, time.Since(began).Seconds())
}
