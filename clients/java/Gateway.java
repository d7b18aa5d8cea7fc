import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import com.stamp2vec.v1.AnalyzeDocumentRequest;
import com.stamp2vec.v1.AnalyzeDocumentsRequest;
import com.stamp2vec.v1.AnalyzeDocumentsResponse;
import com.stamp2vec.v1.StampServiceGrpc;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What a caller needs: a connection, a document's pages as they come, and errors with their details. */
final class Gateway implements AutoCloseable {
    static final int PIECE_BYTES = 4 << 20;
    private static final int MAX_MESSAGE_BYTES = 64 << 20; // the gateway's own limit; Java accepts 4 MiB unless it is told

    /**
     * Spreads calls over the gateways that are SERVING (which takes io.grpc:grpc-services), and sends again what none has
     * begun. Numbers have to be Double.
     */
    private static final Map<String, ?> SERVICE_CONFIG = Map.of(
        "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
        "healthCheckConfig", Map.of("serviceName", StampServiceGrpc.SERVICE_NAME),
        "methodConfig", List.of(Map.of(
            "name", List.of(Map.of("service", StampServiceGrpc.SERVICE_NAME)),
            "retryPolicy", Map.of(
                "maxAttempts", 4.0,
                "initialBackoff", "0.1s",
                "maxBackoff", "2s",
                "backoffMultiplier", 3.0,
                "retryableStatusCodes", List.of("UNAVAILABLE")))));

    /**
     * PEM files of the authority, and of this client where the gateway asks for a certificate, its key in PKCS #8; and
     * the token of each call. Empty: none.
     */
    record Access(String ca, String cert, String key, String token) {}

    private final ManagedChannel channel;
    private final Access access;

    /** IllegalArgumentException for a token that others on the network could read. */
    Gateway(String target, Access access) throws IOException {
        if (!access.token.isEmpty() && access.ca.isEmpty() && !isLoopback(target)) {
            throw new IllegalArgumentException("a token must not travel to " + target + " without TLS: pass --tls-ca");
        }
        this.access = access;
        channel = Grpc.newChannelBuilder("dns:///" + target, credentials(access))
            .defaultServiceConfig(SERVICE_CONFIG)
            .enableRetry()
            .maxInboundMessageSize(MAX_MESSAGE_BYTES)
            .perRpcBufferLimit(MAX_MESSAGE_BYTES) // a larger request is sent once; 1 MiB by default,
            .retryBufferSize(4L * MAX_MESSAGE_BYTES) // and 16 MiB for all calls together
            .build();
    }

    private static ChannelCredentials credentials(Access access) throws IOException {
        if (access.ca.isEmpty()) {
            return InsecureChannelCredentials.create();
        }
        TlsChannelCredentials.Builder files = TlsChannelCredentials.newBuilder().trustManager(new File(access.ca));
        if (!access.cert.isEmpty()) {
            files.keyManager(new File(access.cert), new File(access.key));
        }
        return files.build();
    }

    private static boolean isLoopback(String target) {
        return target.matches("(localhost|127(\\.\\d+){3}|\\[::1\\])(:\\d+)?");
    }

    /** For one call. */
    StampServiceGrpc.StampServiceBlockingStub stub(long deadlineMs) {
        var stub = StampServiceGrpc.newBlockingStub(channel).withDeadlineAfter(deadlineMs, TimeUnit.MILLISECONDS);
        return access.token.isEmpty() ? stub : stub.withCallCredentials(new Bearer(access.token));
    }

    /**
     * Sends one document in pieces, and hands on each response as it comes: a page, or at the end the rest.
     * StatusRuntimeException when the call fails.
     */
    void pages(
            AnalyzeDocumentsRequest first, int pieceBytes, long deadlineMs, Consumer<AnalyzeDocumentsResponse> each) {
        var stub = StampServiceGrpc.newStub(channel).withDeadlineAfter(deadlineMs, TimeUnit.MILLISECONDS);
        if (!access.token.isEmpty()) {
            stub = stub.withCallCredentials(new Bearer(access.token));
        }
        var done = new CompletableFuture<Void>();
        var requests = stub.analyzeDocuments(new StreamObserver<AnalyzeDocumentsResponse>() {
            @Override
            public void onNext(AnalyzeDocumentsResponse response) {
                each.accept(response);
            }

            @Override
            public void onError(Throwable error) {
                done.completeExceptionally(error);
            }

            @Override
            public void onCompleted() {
                done.complete(null);
            }
        });
        // All pieces wait in memory, where the document is already.
        ByteString rest = first.getDocument().getDocument();
        var request = first.toBuilder();
        do {
            ByteString piece = rest.substring(0, Math.min(pieceBytes, rest.size()));
            rest = rest.substring(piece.size());
            request.getDocumentBuilder().setDocument(piece);
            requests.onNext(request.setContinues(!rest.isEmpty()).build());
            request = AnalyzeDocumentsRequest.newBuilder().setId(first.getId());
        } while (!rest.isEmpty());
        requests.onCompleted();
        try {
            done.join();
        } catch (CompletionException error) {
            throw Status.fromThrowable(error.getCause()).asRuntimeException(Status.trailersFromThrowable(error.getCause()));
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    /** Which fields are at fault, and how long to wait before the call is sent again. */
    record Details(Optional<BadRequest> badRequest, Optional<RetryInfo> retryInfo) {
        static Details of(StatusRuntimeException error) {
            Optional<BadRequest> badRequest = Optional.empty();
            Optional<RetryInfo> retryInfo = Optional.empty();
            try {
                for (var detail : StatusProto.fromThrowable(error).getDetailsList()) {
                    if (detail.is(BadRequest.class)) {
                        badRequest = Optional.of(detail.unpack(BadRequest.class));
                    } else if (detail.is(RetryInfo.class)) {
                        retryInfo = Optional.of(detail.unpack(RetryInfo.class));
                    }
                }
            } catch (InvalidProtocolBufferException unreadable) {
                // Of a proxy, perhaps: the code and the message of the error are still good.
            }
            return new Details(badRequest, retryInfo);
        }
    }

    /** The token of a call, as gRPC's own CallCredentials take it. */
    private static final class Bearer extends CallCredentials {
        private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        private final String token;

        Bearer(String token) {
            this.token = token;
        }

        @Override
        public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
            var metadata = new Metadata();
            metadata.put(AUTHORIZATION, "Bearer " + token);
            applier.apply(metadata);
        }

        @Override
        public void thisUsesUnstableApi() {}
    }
}
