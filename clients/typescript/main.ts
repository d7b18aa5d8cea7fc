import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { create } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import { details, Gateway, PIECE_BYTES } from "./client.js";
import { replay } from "./replay.js";
import { StampType } from "./stubs/stamp2vec/v1/common_pb.js";
import {
  AnalyzeDocumentRequestSchema,
  AnalyzeDocumentsRequestSchema,
  type AnalyzeDocumentsResponse,
  type Page,
  StampService,
} from "./stubs/stamp2vec/v1/gateway_pb.js";

const USAGE =
  "usage: main.js analyze FILE | pages FILE | replay VECTORS [--target HOST:PORT] [--deadline-s S] " +
  "[--tls-ca FILE [--tls-cert FILE --tls-key FILE]] [--token-file FILE]";

function printPage(page: Page): void {
  if (page.status?.code) {
    console.log(`page ${page.index + 1}: ${page.status.message}`); // the other pages are good
    return;
  }
  console.log(`page ${page.index + 1}: ${page.stamps.length} stamps`);
  for (const { box, score, type } of page.stamps) {
    const corners = [box?.x1, box?.y1, box?.x2, box?.y2].map((each) => each?.toFixed()).join(",");
    console.log(`  ${corners} score ${score.toFixed(2)} ${StampType[type] ?? "OTHER"}`); // newer gateways may know more
  }
}

/** False for a document that failed. */
function printResponse({ page, status: of, result }: AnalyzeDocumentsResponse): boolean {
  if (page) printPage(page);
  else if (of?.code) console.error(`${status[of.code]}: ${of.message}`);
  else console.log(`${result?.pageCount} pages; die of each stamp: ${result?.dieGroups}`);
  return !of?.code;
}

function printError(error: ServiceError): void {
  console.error(`${status[error.code]}: ${error.details}`);
  const { badRequest, retryInfo } = details(error);
  for (const { field, description } of badRequest?.fieldViolations ?? []) console.error(`  ${field}: ${description}`);
  const delay = retryInfo?.retryDelay;
  if (delay) console.error(`  send it again in ${Number(delay.seconds) + delay.nanos / 1e9} s`);
}

/** The exit code. */
async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      target: { ...text, default: "localhost:50050" },
      "deadline-s": { ...text, default: "30" },
      "tls-ca": text,
      "tls-cert": text,
      "tls-key": text,
      "token-file": text,
    },
  });
  const [command, file] = positionals;
  if (!file || !["analyze", "pages", "replay"].includes(command ?? "")) throw new Error(USAGE);
  const tokenFile = values["token-file"];
  const access = {
    ca: values["tls-ca"],
    cert: values["tls-cert"],
    key: values["tls-key"],
    token: tokenFile && readFileSync(tokenFile, "utf8").trim(),
  };
  if (command === "replay") {
    await replay(values.target, access, file);
    return 0;
  }
  const deadlineMs = Number(values["deadline-s"]) * 1000;
  const document = create(AnalyzeDocumentRequestSchema, { document: readFileSync(file) });
  const gateway = new Gateway(values.target, access);
  try {
    if (command === "analyze") {
      const response = await gateway.call(StampService.method.analyzeDocument, document, deadlineMs);
      response.pages.forEach(printPage);
      return 0;
    }
    const first = create(AnalyzeDocumentsRequestSchema, { id: file, document, pageByPage: true });
    let good = true;
    for await (const response of gateway.pages(first, PIECE_BYTES, deadlineMs)) good = printResponse(response) && good;
    return good ? 0 : 1;
  } finally {
    gateway.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof Error && "metadata" in error) printError(error as ServiceError);
  else console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof Error && "metadata" in error ? 1 : 2;
}
