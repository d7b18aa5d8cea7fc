import com.google.protobuf.ByteString;
import com.google.protobuf.util.JsonFormat;
import com.stamp2vec.conformance.v1.Case;
import com.stamp2vec.conformance.v1.Outcome;
import com.stamp2vec.conformance.v1.Vectors;
import com.stamp2vec.v1.AnalyzeDocumentResponse;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

final class Replay {
    /** Makes each call of the vectors, and prints what came of it. */
    static void replay(String target, Gateway.Access access, Path path) throws IOException {
        var vectors = Vectors.newBuilder();
        JsonFormat.parser().merge(Files.readString(path), vectors);
        var printer = JsonFormat.printer().omittingInsignificantWhitespace();
        for (Case each : vectors.getCasesList()) {
            String token = each.hasToken() ? each.getToken() : access.token();
            var outcome = Outcome.newBuilder().setName(each.getName()).setCode("OK");
            try (var gateway = new Gateway(target, new Gateway.Access(access.ca(), access.cert(), access.key(), token))) {
                run(gateway, each.toBuilder(), path.resolveSibling(each.getDocument()), outcome);
            } catch (StatusRuntimeException error) {
                outcome.setCode(error.getStatus().getCode().name());
                outcome.setMessage(String.valueOf(error.getStatus().getDescription()));
                var details = Gateway.Details.of(error);
                details.badRequest().ifPresent(request -> request.getFieldViolationsList()
                    .forEach(violation -> outcome.addFields(violation.getField())));
                details.retryInfo().ifPresent(retry -> outcome.setRetryAfter(retry.getRetryDelay()));
            }
            System.out.println(printer.print(outcome));
        }
    }

    private static void run(Gateway gateway, Case.Builder each, Path document, Outcome.Builder outcome) throws IOException {
        long deadlineMs = each.getDeadlineMs() == 0 ? 30_000 : each.getDeadlineMs();
        ByteString bytes = each.getDocument().isEmpty() ? null : ByteString.copyFrom(Files.readAllBytes(document));
        switch (each.getCallCase()) {
            case ANALYZE_DOCUMENT -> {
                if (bytes != null) {
                    each.getAnalyzeDocumentBuilder().setDocument(bytes);
                }
                var response = gateway.stub(deadlineMs).analyzeDocument(each.getAnalyzeDocument());
                outcome.setAnalyzeDocument(response).setResponseBytes(response.getSerializedSize());
            }
            case ANALYZE_DOCUMENTS -> {
                if (bytes != null) {
                    each.getAnalyzeDocumentsBuilder().getDocumentBuilder().setDocument(bytes);
                }
                gateway.pages(each.getAnalyzeDocuments(), each.getPieceBytes(), deadlineMs, response -> outcome
                    .addAnalyzeDocuments(response)
                    .setResponseBytes(outcome.getResponseBytes() + response.getSerializedSize()));
            }
            case COMPARE_STAMPS -> {
                var response = gateway.stub(deadlineMs).compareStamps(each.getCompareStamps());
                outcome.setCompareStamps(response).setResponseBytes(response.getSerializedSize());
            }
            case RESPONSE -> outcome.setAnalyzeDocument(AnalyzeDocumentResponse.parseFrom(each.getResponse()));
            case CALL_NOT_SET -> throw new IllegalArgumentException(each.getName() + " calls nothing");
        }
    }
}
