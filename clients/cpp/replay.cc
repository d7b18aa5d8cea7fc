#include "replay.h"

#include <array>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include <google/protobuf/util/json_util.h>

#include "stamp2vec/conformance/v1/conformance.pb.h"

namespace {

using stamp2vec::conformance::v1::Case;
using stamp2vec::conformance::v1::Outcome;

grpc::Status Run(Gateway& gateway, Case& each, const std::filesystem::path& folder, Outcome& outcome) {
  const std::chrono::milliseconds deadline(each.deadline_ms() ? each.deadline_ms() : 30'000);
  const auto context = gateway.Context(deadline);
  std::optional<std::string> document;
  if (!each.document().empty()) document = ReadFile(folder / each.document());
  grpc::Status status;
  switch (each.call_case()) {
    case Case::kAnalyzeDocument:
      if (document) each.mutable_analyze_document()->set_document(*document);
      status = gateway.stub().AnalyzeDocument(context.get(), each.analyze_document(), outcome.mutable_analyze_document());
      outcome.set_response_bytes(outcome.analyze_document().ByteSizeLong());
      if (!status.ok()) outcome.clear_analyze_document();
      break;
    case Case::kAnalyzeDocuments:
      if (document) each.mutable_analyze_documents()->mutable_document()->set_document(*document);
      status = gateway.Pages(each.analyze_documents(), each.piece_bytes(), deadline, [&outcome](const auto& response) {
        *outcome.add_analyze_documents() = response;
        outcome.set_response_bytes(outcome.response_bytes() + response.ByteSizeLong());
      });
      break;
    case Case::kCompareStamps:
      status = gateway.stub().CompareStamps(context.get(), each.compare_stamps(), outcome.mutable_compare_stamps());
      outcome.set_response_bytes(outcome.compare_stamps().ByteSizeLong());
      if (!status.ok()) outcome.clear_compare_stamps();
      break;
    case Case::kResponse:
      if (!outcome.mutable_analyze_document()->ParseFromString(each.response())) {
        status = grpc::Status(grpc::StatusCode::INTERNAL, "the response cannot be read");
      }
      break;
    case Case::CALL_NOT_SET:
      throw std::runtime_error(each.name() + " calls nothing");
  }
  return status;
}

}  // namespace

const char* CodeName(int code) {
  static constexpr std::array kNames = {
      "OK",                "CANCELLED",           "UNKNOWN",  "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
      "ALREADY_EXISTS",    "PERMISSION_DENIED",   "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
      "OUT_OF_RANGE",      "UNIMPLEMENTED",       "INTERNAL", "UNAVAILABLE",      "DATA_LOSS",         "UNAUTHENTICATED"};
  return code >= 0 && code < static_cast<int>(kNames.size()) ? kNames[static_cast<size_t>(code)] : "UNKNOWN";
}

void Replay(const std::string& target, const Access& access, const std::string& path) {
  stamp2vec::conformance::v1::Vectors vectors;
  const auto parsed = google::protobuf::util::JsonStringToMessage(ReadFile(path), &vectors);
  if (!parsed.ok()) throw std::runtime_error(path + ": " + parsed.ToString());
  for (Case& each : *vectors.mutable_cases()) {
    Access own = access;
    if (each.has_token()) own.token = each.token();
    Gateway gateway(target, own);
    Outcome outcome;
    outcome.set_name(each.name());
    const grpc::Status status = Run(gateway, each, std::filesystem::path(path).parent_path(), outcome);
    outcome.set_code(CodeName(status.error_code()));
    outcome.set_message(status.error_message());
    const Details details = ReadDetails(status);
    if (details.bad_request) {
      for (const auto& violation : details.bad_request->field_violations()) outcome.add_fields(violation.field());
    }
    if (details.retry_info) *outcome.mutable_retry_after() = details.retry_info->retry_delay();
    std::string line;
    const auto printed = google::protobuf::util::MessageToJsonString(outcome, &line);
    if (!printed.ok()) throw std::runtime_error(printed.ToString());
    std::cout << line << std::endl;
  }
}
