// What a caller of the gateway needs in TypeScript: a connection, a call, a document's pages as they come, and errors
// with their details. The connection is of grpc-js, which retries; the messages are of protobuf-es.
import { readFileSync } from "node:fs";
import { create, type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import {
  type BadRequest,
  BadRequestSchema,
  type RetryInfo,
  RetryInfoSchema,
} from "./stubs/google/rpc/error_details_pb.js";
import { StatusSchema } from "./stubs/google/rpc/status_pb.js";
import {
  AnalyzeDocumentRequestSchema,
  type AnalyzeDocumentsRequest,
  AnalyzeDocumentsRequestSchema,
  type AnalyzeDocumentsResponse,
  StampService,
} from "./stubs/stamp2vec/v1/gateway_pb.js";

const MAX_MESSAGE_BYTES = 64 * 2 ** 20; // the gateway's own limit; grpc-js accepts 4 MiB unless it is told
export const PIECE_BYTES = 4 * 2 ** 20;

// Spreads calls over the addresses of a name, and sends again what no gateway has begun.
const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: StampService.typeName }],
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.1s",
        maxBackoff: "2s",
        backoffMultiplier: 3,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
});

/** PEM files of the authority, and of this client where the gateway asks for a certificate; and the token of each call. */
export interface Access {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  token?: string | undefined;
}

export class Gateway {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  constructor(target: string, { ca, cert, key, token }: Access) {
    if (token) {
      if (!ca && !isLoopback(target)) {
        throw new Error(`a token must not travel to ${target} without TLS: pass --tls-ca`);
      }
      this.#metadata.set("authorization", `Bearer ${token}`);
    }
    const read = (path: string | undefined) => (path ? readFileSync(path) : null);
    const transport = ca ? credentials.createSsl(read(ca), read(key), read(cert)) : credentials.createInsecure();
    this.#client = new Client(`dns:///${target}`, transport, {
      "grpc.service_config": SERVICE_CONFIG,
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      // A larger request is sent once; 1 MiB by default, and 16 MiB for all calls together.
      "grpc.per_rpc_retry_buffer_size": MAX_MESSAGE_BYTES,
      "grpc.retry_buffer_size": 4 * MAX_MESSAGE_BYTES,
      "grpc.enable_http_proxy": isLoopback(target) ? 0 : 1, // a proxy has another 127.0.0.1
    });
  }

  close(): void {
    this.#client.close();
  }

  /** One request, one response; a grpc-js ServiceError is thrown. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageShape<I>,
    deadlineMs: number,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        ...bridge(method),
        request,
        this.#metadata,
        within(deadlineMs),
        (error: ServiceError | null, response?: MessageShape<O>) => (response ? resolve(response) : reject(error)),
      );
    });
  }

  /** Sends one document in pieces, and yields each response as it comes: a page, or at the end the rest. */
  async *pages(
    first: AnalyzeDocumentsRequest,
    pieceBytes: number,
    deadlineMs: number,
  ): AsyncGenerator<AnalyzeDocumentsResponse> {
    const stream = this.#client.makeBidiStreamRequest(
      ...bridge(StampService.method.analyzeDocuments),
      this.#metadata,
      within(deadlineMs),
    );
    stream.on("error", () => {}); // the loop below throws it; without a listener one that comes early ends the process
    // All of them wait in memory, where the document is already.
    const document = first.document ?? create(AnalyzeDocumentRequestSchema);
    let rest = document.document;
    document.document = rest.subarray(0, pieceBytes);
    stream.write({ ...first, document, continues: rest.length > pieceBytes });
    while ((rest = rest.subarray(pieceBytes)).length > 0) {
      const piece = create(AnalyzeDocumentRequestSchema, { document: rest.subarray(0, pieceBytes) });
      const continues = rest.length > pieceBytes;
      stream.write(create(AnalyzeDocumentsRequestSchema, { id: first.id, document: piece, continues }));
    }
    stream.end();
    try {
      yield* stream;
    } finally {
      stream.cancel();
    }
  }
}

/** The path of a method, and how its messages become bytes and messages again. */
function bridge<I extends DescMessage, O extends DescMessage>(method: DescMethod & { input: I; output: O }) {
  const write = (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message));
  const read = (bytes: Buffer) => fromBinary(method.output, bytes);
  return [`/${method.parent.typeName}/${method.name}`, write, read] as const;
}

/** A number would be milliseconds since 1970. */
function within(ms: number): CallOptions {
  return { deadline: new Date(Date.now() + ms) };
}

function isLoopback(target: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(target);
}

/** Which fields are at fault, and how long to wait before the call is sent again. */
export function details(error: ServiceError): { badRequest?: BadRequest | undefined; retryInfo?: RetryInfo | undefined } {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return {};
  const found = fromBinary(StatusSchema, bytes).details;
  return {
    badRequest: found.map((each) => anyUnpack(each, BadRequestSchema)).find(Boolean),
    retryInfo: found.map((each) => anyUnpack(each, RetryInfoSchema)).find(Boolean),
  };
}
