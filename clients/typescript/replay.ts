import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import { type Access, details, Gateway } from "./client.js";
import {
  type Case,
  type Outcome,
  OutcomeSchema,
  VectorsSchema,
} from "./stubs/stamp2vec/conformance/v1/conformance_pb.js";
import {
  AnalyzeDocumentResponseSchema,
  AnalyzeDocumentsResponseSchema,
  CompareStampsResponseSchema,
  StampService,
} from "./stubs/stamp2vec/v1/gateway_pb.js";

/** Makes each call of the vectors, and prints what came of it. */
export async function replay(target: string, access: Access, path: string): Promise<void> {
  for (const each of fromJsonString(VectorsSchema, readFileSync(path, "utf8")).cases) {
    const gateway = new Gateway(target, { ...access, token: each.token ?? access.token });
    const outcome = create(OutcomeSchema, { name: each.name, code: "OK" });
    try {
      await run(gateway, each, dirname(path), outcome);
    } catch (error) {
      if (!(error instanceof Error && "metadata" in error)) throw error;
      const { code, details: message } = error as ServiceError;
      const { badRequest, retryInfo } = details(error as ServiceError);
      Object.assign(outcome, { code: status[code], message, retryAfter: retryInfo?.retryDelay });
      outcome.fields = badRequest?.fieldViolations.map(({ field }) => field) ?? [];
    } finally {
      gateway.close();
    }
    console.log(toJsonString(OutcomeSchema, outcome));
  }
}

async function run(gateway: Gateway, { call, ...each }: Case, folder: string, outcome: Outcome): Promise<void> {
  const { analyzeDocument, compareStamps } = StampService.method;
  const document = each.document ? readFileSync(join(folder, each.document)) : undefined;
  const deadlineMs = each.deadlineMs || 30_000;
  switch (call.case) {
    case "analyzeDocument": {
      if (document) call.value.document = document;
      outcome.analyzeDocument = await gateway.call(analyzeDocument, call.value, deadlineMs);
      outcome.responseBytes = BigInt(toBinary(AnalyzeDocumentResponseSchema, outcome.analyzeDocument).length);
      break;
    }
    case "analyzeDocuments":
      if (call.value.document && document) call.value.document.document = document;
      for await (const response of gateway.pages(call.value, each.pieceBytes, deadlineMs)) {
        outcome.analyzeDocuments.push(response);
        outcome.responseBytes += BigInt(toBinary(AnalyzeDocumentsResponseSchema, response).length);
      }
      break;
    case "compareStamps":
      outcome.compareStamps = await gateway.call(compareStamps, call.value, deadlineMs);
      outcome.responseBytes = BigInt(toBinary(CompareStampsResponseSchema, outcome.compareStamps).length);
      break;
    case "response":
      outcome.analyzeDocument = fromBinary(AnalyzeDocumentResponseSchema, call.value);
  }
}
