import com.google.protobuf.ByteString;
import com.google.protobuf.util.Durations;
import com.stamp2vec.v1.AnalyzeDocumentRequest;
import com.stamp2vec.v1.AnalyzeDocumentsRequest;
import com.stamp2vec.v1.AnalyzeDocumentsResponse;
import com.stamp2vec.v1.Page;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

final class Main {
    private static final String USAGE = "usage: Main analyze FILE | pages FILE | replay VECTORS [--target HOST:PORT] "
        + "[--deadline-s S] [--tls-ca FILE [--tls-cert FILE --tls-key FILE]] [--token-file FILE]";

    public static void main(String[] arguments) {
        var options = new HashMap<>(Map.of("--target", "localhost:50050", "--deadline-s", "30"));
        for (String name : new String[] {"--tls-ca", "--tls-cert", "--tls-key", "--token-file"}) {
            options.put(name, "");
        }
        int code = 2;
        try {
            if (arguments.length < 2 || arguments.length % 2 != 0) {
                throw new IllegalArgumentException(USAGE);
            }
            for (int index = 2; index < arguments.length; index += 2) {
                if (options.replace(arguments[index], arguments[index + 1]) == null) {
                    throw new IllegalArgumentException(USAGE);
                }
            }
            code = run(arguments[0], Path.of(arguments[1]), options);
        } catch (StatusRuntimeException error) {
            print(error);
            code = 1;
        } catch (IllegalArgumentException error) {
            System.err.println(error.getMessage());
        } catch (IOException error) {
            System.err.println("a file cannot be read: " + error.getMessage());
        }
        System.exit(code);
    }

    /** The exit code. */
    private static int run(String command, Path file, Map<String, String> options) throws IOException {
        String tokenFile = options.get("--token-file");
        var access = new Gateway.Access(
            options.get("--tls-ca"),
            options.get("--tls-cert"),
            options.get("--tls-key"),
            tokenFile.isEmpty() ? "" : Files.readString(Path.of(tokenFile)).strip());
        String target = options.get("--target");
        long deadlineMs = (long) (1000 * Double.parseDouble(options.get("--deadline-s")));
        switch (command) {
            case "analyze" -> {
                try (var gateway = new Gateway(target, access)) {
                    gateway.stub(deadlineMs).analyzeDocument(document(file)).getPagesList().forEach(Main::print);
                }
                return 0;
            }
            case "pages" -> {
                var first = AnalyzeDocumentsRequest.newBuilder().setId(file.toString()).setPageByPage(true);
                var failed = new AtomicBoolean();
                try (var gateway = new Gateway(target, access)) {
                    gateway.pages(first.setDocument(document(file)).build(), Gateway.PIECE_BYTES, deadlineMs, response -> {
                        failed.set(response.getStatus().getCode() != 0);
                        print(response);
                    });
                }
                return failed.get() ? 1 : 0;
            }
            case "replay" -> {
                Replay.replay(target, access, file);
                return 0;
            }
            default -> throw new IllegalArgumentException(USAGE);
        }
    }

    private static AnalyzeDocumentRequest document(Path file) throws IOException {
        return AnalyzeDocumentRequest.newBuilder().setDocument(ByteString.copyFrom(Files.readAllBytes(file))).build();
    }

    private static void print(AnalyzeDocumentsResponse response) {
        if (response.hasPage()) {
            print(response.getPage());
        } else if (response.getStatus().getCode() != 0) {
            var code = Status.fromCodeValue(response.getStatus().getCode()).getCode();
            System.err.println(code + ": " + response.getStatus().getMessage());
        } else {
            var result = response.getResult();
            System.out.println(result.getPageCount() + " pages; die of each stamp: " + result.getDieGroupsList());
        }
    }

    private static void print(Page page) {
        if (page.getStatus().getCode() != 0) { // the other pages are good
            System.out.printf("page %d: %s%n", page.getIndex() + 1, page.getStatus().getMessage());
            return;
        }
        System.out.printf("page %d: %d stamps%n", page.getIndex() + 1, page.getStampsCount());
        for (var stamp : page.getStampsList()) {
            var box = stamp.getBox(); // a type that is newer than these stubs is UNRECOGNIZED
            System.out.printf(
                "  %.0f,%.0f-%.0f,%.0f score %.2f %s%n",
                box.getX1(), box.getY1(), box.getX2(), box.getY2(), stamp.getScore(), stamp.getType());
        }
    }

    private static void print(StatusRuntimeException error) {
        System.err.println(error.getStatus().getCode() + ": " + error.getStatus().getDescription());
        var details = Gateway.Details.of(error);
        details.badRequest().ifPresent(request -> request.getFieldViolationsList().forEach(violation ->
            System.err.println("  " + violation.getField() + ": " + violation.getDescription())));
        details.retryInfo().ifPresent(retry ->
            System.err.println("  send it again in " + Durations.toSecondsAsDouble(retry.getRetryDelay()) + " s"));
    }
}
