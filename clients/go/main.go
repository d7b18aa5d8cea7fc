package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	stamps "stamps.example/stubs/stamp2vec/v1"
)

const usage = "usage: client analyze FILE | pages FILE | replay VECTORS [--target HOST:PORT] [--deadline-s S] " +
	"[--tls-ca FILE [--tls-cert FILE --tls-key FILE]] [--token-file FILE]"

func main() {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	target := flags.String("target", "localhost:50050", "")
	deadlineS := flags.Float64("deadline-s", 30, "")
	ca := flags.String("tls-ca", "", "")
	cert := flags.String("tls-cert", "", "")
	key := flags.String("tls-key", "", "")
	tokenFile := flags.String("token-file", "", "")
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage) }
	if len(os.Args) < 3 || flags.Parse(os.Args[3:]) != nil || flags.NArg() > 0 {
		flags.Usage()
		os.Exit(2)
	}
	var token string
	if *tokenFile != "" {
		token = strings.TrimSpace(string(read(*tokenFile)))
	}
	connection, err := connect(*target, *ca, *cert, *key, token)
	if err != nil {
		fail(err)
	}
	defer connection.Close()
	client := stamps.NewStampServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(*deadlineS*float64(time.Second)))
	defer cancel()
	switch command, file := os.Args[1], os.Args[2]; command {
	case "analyze":
		response, err := client.AnalyzeDocument(ctx, &stamps.AnalyzeDocumentRequest{Document: read(file)})
		if err != nil {
			fail(err)
		}
		for _, page := range response.Pages {
			printPage(page)
		}
	case "pages":
		document := &stamps.AnalyzeDocumentRequest{Document: read(file)}
		first := &stamps.AnalyzeDocumentsRequest{Id: file, Document: document, PageByPage: true}
		if err := pages(ctx, client, first, pieceBytes, printResponse); err != nil {
			fail(err)
		}
	case "replay":
		replay(*target, file, *ca, *cert, *key, token)
	default:
		flags.Usage()
		os.Exit(2)
	}
}

func printResponse(response *stamps.AnalyzeDocumentsResponse) error {
	if page := response.Page; page != nil {
		printPage(page)
		return nil
	}
	if code := codes.Code(response.Status.GetCode()); code != codes.OK {
		return status.Error(code, response.Status.Message)
	}
	fmt.Printf("%d pages; die of each stamp: %v\n", response.Result.PageCount, response.Result.DieGroups)
	return nil
}

func printPage(page *stamps.Page) {
	if page.Status.GetCode() != 0 { // the other pages are good
		fmt.Printf("page %d: %s\n", page.Index+1, page.Status.Message)
		return
	}
	fmt.Printf("page %d: %d stamps\n", page.Index+1, len(page.Stamps))
	for _, stamp := range page.Stamps {
		box := stamp.Box
		fmt.Printf("  %.0f,%.0f-%.0f,%.0f score %.2f %s\n", box.X1, box.Y1, box.X2, box.Y2, stamp.Score, stamp.Type)
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		fail(err)
	}
	return data
}

func fail(err error) {
	if _, ok := status.FromError(err); !ok { // of no call
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Fprintf(os.Stderr, "%s: %s\n", status.Code(err), status.Convert(err).Message())
	request, retry := details(err)
	for _, violation := range request.GetFieldViolations() {
		fmt.Fprintf(os.Stderr, "  %s: %s\n", violation.Field, violation.Description)
	}
	if retry != nil {
		fmt.Fprintf(os.Stderr, "  send it again in %s\n", retry.RetryDelay.AsDuration())
	}
	os.Exit(1)
}
