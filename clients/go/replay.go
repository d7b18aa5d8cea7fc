package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"stamps.example/stubs/stamp2vec/conformance/v1"
	stamps "stamps.example/stubs/stamp2vec/v1"
)

// The names that the contract's world uses; codes.Code.String has "InvalidArgument".
var codeNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
}

// replay makes each call of the vectors, and prints what came of it.
func replay(target, path, ca, cert, key, token string) {
	var vectors conformancev1.Vectors
	if err := protojson.Unmarshal(read(path), &vectors); err != nil {
		fail(err)
	}
	for _, each := range vectors.Cases {
		own := token
		if each.Token != nil {
			own = *each.Token
		}
		connection, err := connect(target, ca, cert, key, own)
		if err != nil {
			fail(err)
		}
		line, err := protojson.Marshal(outcome(connection, each, filepath.Dir(path)))
		if err != nil {
			fail(err)
		}
		fmt.Println(string(line))
		connection.Close()
	}
}

func outcome(connection grpc.ClientConnInterface, each *conformancev1.Case, folder string) *conformancev1.Outcome {
	client := stamps.NewStampServiceClient(connection)
	deadline := 30 * time.Second
	if each.DeadlineMs > 0 {
		deadline = time.Duration(each.DeadlineMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	made := &conformancev1.Outcome{Name: each.Name}
	var document []byte
	if each.Document != "" {
		document = read(filepath.Join(folder, each.Document))
	}
	var err error
	switch call := each.Call.(type) {
	case *conformancev1.Case_AnalyzeDocument:
		if document != nil {
			call.AnalyzeDocument.Document = document
		}
		made.AnalyzeDocument, err = client.AnalyzeDocument(ctx, call.AnalyzeDocument)
		made.ResponseBytes = uint64(proto.Size(made.AnalyzeDocument))
	case *conformancev1.Case_AnalyzeDocuments:
		call.AnalyzeDocuments.Document.Document = document
		keep := func(response *stamps.AnalyzeDocumentsResponse) error {
			made.AnalyzeDocuments = append(made.AnalyzeDocuments, response)
			made.ResponseBytes += uint64(proto.Size(response))
			return nil
		}
		err = pages(ctx, client, call.AnalyzeDocuments, int(each.PieceBytes), keep)
	case *conformancev1.Case_CompareStamps:
		made.CompareStamps, err = client.CompareStamps(ctx, call.CompareStamps)
		made.ResponseBytes = uint64(proto.Size(made.CompareStamps))
	case *conformancev1.Case_Response:
		made.AnalyzeDocument = &stamps.AnalyzeDocumentResponse{}
		if proto.Unmarshal(call.Response, made.AnalyzeDocument) != nil {
			err = status.Error(codes.Internal, "the response cannot be read")
		}
	}
	made.Code, made.Message = codeNames[status.Code(err)], status.Convert(err).Message()
	request, retry := details(err)
	for _, violation := range request.GetFieldViolations() {
		made.Fields = append(made.Fields, violation.Field)
	}
	made.RetryAfter = retry.GetRetryDelay()
	return made
}
