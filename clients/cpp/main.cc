#include <google/protobuf/util/time_util.h>

#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

#include "client.h"
#include "replay.h"

namespace {

constexpr char kUsage[] =
    "usage: client analyze FILE | pages FILE | replay VECTORS [--target HOST:PORT] [--deadline-s S] "
    "[--tls-ca FILE [--tls-cert FILE --tls-key FILE]] [--token-file FILE]";

void PrintPage(const stamp2vec::v1::Page& page) {
  if (page.status().code()) {  // the other pages are good
    std::printf("page %u: %s\n", page.index() + 1, page.status().message().c_str());
    return;
  }
  std::printf("page %u: %d stamps\n", page.index() + 1, page.stamps_size());
  for (const auto& stamp : page.stamps()) {
    const auto& box = stamp.box();
    const std::string& type = stamp2vec::v1::StampType_Name(stamp.type());  // empty for one that is newer than this
    std::printf("  %.0f,%.0f-%.0f,%.0f score %.2f %s\n", box.x1(), box.y1(), box.x2(), box.y2(), stamp.score(), type.c_str());
  }
}

int PrintError(const grpc::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", CodeName(status.error_code()), status.error_message().c_str());
  const Details details = ReadDetails(status);
  if (details.bad_request) {
    for (const auto& violation : details.bad_request->field_violations()) {
      std::fprintf(stderr, "  %s: %s\n", violation.field().c_str(), violation.description().c_str());
    }
  }
  if (details.retry_info) {
    const auto delay_ms = google::protobuf::util::TimeUtil::DurationToMilliseconds(details.retry_info->retry_delay());
    std::fprintf(stderr, "  send it again in %.1f s\n", static_cast<double>(delay_ms) / 1000);
  }
  return 1;
}

using Options = std::map<std::string, std::string>;

// The exit code.
int Run(const std::string& command, const std::string& file, const Options& options) {
  Access access{options.at("--tls-ca"), options.at("--tls-cert"), options.at("--tls-key"), ""};
  if (const std::string& path = options.at("--token-file"); !path.empty()) {
    access.token = ReadFile(path);
    access.token.erase(access.token.find_last_not_of(" \r\n") + 1);
  }
  const std::string& target = options.at("--target");
  if (command == "replay") {
    Replay(target, access, file);
    return 0;
  }
  const std::chrono::milliseconds deadline(static_cast<long>(std::stod(options.at("--deadline-s")) * 1000));
  Gateway gateway(target, access);
  if (command == "analyze") {
    stamp2vec::v1::AnalyzeDocumentRequest request;
    request.set_document(ReadFile(file));
    stamp2vec::v1::AnalyzeDocumentResponse response;
    const auto context = gateway.Context(deadline);
    const grpc::Status status = gateway.stub().AnalyzeDocument(context.get(), request, &response);
    for (const auto& page : response.pages()) PrintPage(page);
    return PrintError(status);
  }
  stamp2vec::v1::AnalyzeDocumentsRequest first;
  first.set_id(file);
  first.set_page_by_page(true);
  first.mutable_document()->set_document(ReadFile(file));
  int failed = 0;
  const grpc::Status status = gateway.Pages(first, kPieceBytes, deadline, [&failed](const auto& response) {
    if (response.has_page()) {
      PrintPage(response.page());
    } else if (response.status().code()) {
      failed = PrintError({static_cast<grpc::StatusCode>(response.status().code()), response.status().message()});
    } else {
      std::printf("%u pages; die of each stamp:", response.result().page_count());
      for (const auto die : response.result().die_groups()) std::printf(" %u", die);
      std::printf("\n");
    }
    std::fflush(stdout);  // each page is there when it is known, in a pipe too
  });
  return PrintError(status) | failed;
}

}  // namespace

int main(int argc, char** argv) {
  Options options = {{"--target", "localhost:50050"}, {"--deadline-s", "30"}, {"--tls-ca", ""}, {"--tls-cert", ""},
                     {"--tls-key", ""},               {"--token-file", ""}};
  try {
    const std::string command = argc > 2 && argc % 2 ? argv[1] : "";
    if (command != "analyze" && command != "pages" && command != "replay") throw std::out_of_range("no such command");
    for (int index = 3; index < argc; index += 2) options.at(argv[index]) = argv[index + 1];
    return Run(command, argv[2], options);
  } catch (const std::logic_error&) {  // an option, or a number, that is none
    std::fprintf(stderr, "%s\n", kUsage);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 2;
}
