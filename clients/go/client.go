// What a caller of the gateway needs in Go: a connection, one document, its pages as they come, and errors with their details.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/health" // healthCheckConfig does nothing without it
	"google.golang.org/grpc/status"
	stamps "stamps.example/stubs/stamp2vec/v1"
)

const (
	maxMessageBytes = 64 << 20 // the gateway's own limit; Go accepts 4 MiB unless it is told
	pieceBytes      = 4 << 20
)

// Spreads calls over the gateways that are SERVING, and sends again what none has begun.
// grpc-go before 1.40 retries only where the environment has GRPC_GO_RETRY=on.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": "stamp2vec.v1.StampService"},
  "methodConfig": [{
    "name": [{"service": "stamp2vec.v1.StampService"}],
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// bearer is the token of every call.
type bearer struct {
	token     string
	encrypted bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.encrypted }

// connect opens a connection to a gateway, host:port. Without dns:/// only one address of a name would be called.
// The certificates are PEM files: ca of the authority, cert and key of this client where the gateway asks for them.
func connect(target, ca, cert, key, token string) (*grpc.ClientConn, error) {
	transport := grpc.WithInsecure()
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate: name a PEM file", ca)
		}
		if cert != "" {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				return nil, err
			}
			config.Certificates = []tls.Certificate{pair}
		}
		transport = grpc.WithTransportCredentials(credentials.NewTLS(config))
	}
	options := []grpc.DialOption{
		transport,
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes),
			grpc.MaxRetryRPCBufferSize(maxMessageBytes), // a larger request is sent once; 256 KiB by default
		),
	}
	if token != "" {
		if ca == "" && !isLoopback(target) {
			return nil, fmt.Errorf("a token must not travel to %s without TLS: pass --tls-ca", target)
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer{token, ca != ""}))
	}
	return grpc.Dial("dns:///"+target, options...)
}

func isLoopback(target string) bool {
	host, _, err := net.SplitHostPort(target)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

// pages sends one document in pieces, and hands on each response as it comes: a page, or at the end the rest.
func pages(
	ctx context.Context, client stamps.StampServiceClient, first *stamps.AnalyzeDocumentsRequest, piece int,
	each func(*stamps.AnalyzeDocumentsResponse) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the sender too
	stream, err := client.AnalyzeDocuments(ctx)
	if err != nil {
		return err
	}
	go func() {
		rest := first.Document.Document
		request := first
		for {
			size := len(rest)
			if size > piece {
				size = piece
			}
			request.Document.Document, request.Continues = rest[:size], len(rest) > size
			if stream.Send(request) != nil { // why is what Recv returns
				return
			}
			if rest = rest[size:]; len(rest) == 0 {
				_ = stream.CloseSend()
				return
			}
			request = &stamps.AnalyzeDocumentsRequest{Id: first.Id, Document: &stamps.AnalyzeDocumentRequest{}}
		}
	}()
	for {
		response, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(response)
		}
		if err != nil {
			return err
		}
	}
}

// details finds in an error which fields are at fault, and how long to wait before the call is sent again.
func details(err error) (*errdetails.BadRequest, *errdetails.RetryInfo) {
	var request *errdetails.BadRequest
	var retry *errdetails.RetryInfo
	for _, detail := range status.Convert(err).Details() {
		switch found := detail.(type) {
		case *errdetails.BadRequest:
			request = found
		case *errdetails.RetryInfo:
			retry = found
		}
	}
	return request, retry
}
