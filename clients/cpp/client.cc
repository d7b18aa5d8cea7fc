#include "client.h"

#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <thread>

#include "google/rpc/status.pb.h"

using stamp2vec::v1::AnalyzeDocumentsRequest;
using stamp2vec::v1::AnalyzeDocumentsResponse;

namespace {

constexpr int kMaxMessageBytes = 64 << 20;  // the gateway's own limit; C++ accepts 4 MiB unless it is told

// Spreads calls over the gateways that are SERVING, and sends again what none has begun.
constexpr char kServiceConfig[] = R"({
  "loadBalancingConfig": [{"round_robin": {}}],
  "healthCheckConfig": {"serviceName": "stamp2vec.v1.StampService"},
  "methodConfig": [{
    "name": [{"service": "stamp2vec.v1.StampService"}],
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 3,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
})";

bool IsLoopback(const std::string& target) {
  static const std::regex loopback(R"((localhost|127(\.\d+){3}|\[::1\])(:\d+)?)");
  return std::regex_match(target, loopback);
}

}  // namespace

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (!file.is_open() || file.bad()) throw std::runtime_error(path + " cannot be read");
  return bytes;
}

Gateway::Gateway(const std::string& target, const Access& access) : token_(access.token) {
  if (!token_.empty() && access.ca.empty() && !IsLoopback(target)) {
    throw std::runtime_error("a token must not travel to " + target + " without TLS: pass --tls-ca");
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (!access.ca.empty()) {
    grpc::SslCredentialsOptions files{ReadFile(access.ca), "", ""};
    if (!access.cert.empty()) {
      files.pem_cert_chain = ReadFile(access.cert);
      files.pem_private_key = ReadFile(access.key);
    }
    credentials = grpc::SslCredentials(files);
  }
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(kServiceConfig);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt("grpc.per_rpc_retry_buffer_size", kMaxMessageBytes);  // a larger request is sent once; 256 KiB by default
  if (IsLoopback(target)) arguments.SetInt("grpc.enable_http_proxy", 0);  // a proxy has another 127.0.0.1
  stub_ = stamp2vec::v1::StampService::NewStub(grpc::CreateCustomChannel("dns:///" + target, credentials, arguments));
}

std::unique_ptr<grpc::ClientContext> Gateway::Context(std::chrono::milliseconds deadline) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + deadline);
  if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_);
  return context;
}

grpc::Status Gateway::Pages(AnalyzeDocumentsRequest first, size_t piece_bytes, std::chrono::milliseconds deadline,
                            const std::function<void(const AnalyzeDocumentsResponse&)>& each) {
  const auto context = Context(deadline);
  const auto stream = stub_->AnalyzeDocuments(context.get());
  std::thread sender([&stream, &first, piece_bytes] {
    const std::string document = std::move(*first.mutable_document()->mutable_document());
    AnalyzeDocumentsRequest request = first;
    for (size_t start = 0;; start += piece_bytes) {
      request.mutable_document()->set_document(document.substr(start, piece_bytes));
      request.set_continues(document.size() > start + piece_bytes);
      if (!stream->Write(request) || !request.continues()) break;  // why it fails is what Finish returns
      request.Clear();
      request.set_id(first.id());
    }
    stream->WritesDone();
  });
  try {
    for (AnalyzeDocumentsResponse response; stream->Read(&response);) each(response);
  } catch (...) {
    context->TryCancel();
    sender.join();
    throw;
  }
  sender.join();
  return stream->Finish();
}

Details ReadDetails(const grpc::Status& status) {
  Details found;
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return found;  // of a proxy, perhaps
  for (const google::protobuf::Any& detail : rich.details()) {
    if (google::rpc::BadRequest request; detail.UnpackTo(&request)) found.bad_request = request;
    if (google::rpc::RetryInfo retry; detail.UnpackTo(&retry)) found.retry_info = retry;
  }
  return found;
}
