// What a caller of the gateway needs in C++: a connection, a document's pages as they come, and errors with their details.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "google/rpc/error_details.pb.h"
#include "stamp2vec/v1/gateway.grpc.pb.h"

inline constexpr size_t kPieceBytes = 4 << 20;

// PEM files of the authority, and of this client where the gateway asks for a certificate; and the token of each call.
struct Access {
  std::string ca, cert, key, token;
};

// The bytes of a file. std::runtime_error when it cannot be read.
std::string ReadFile(const std::string& path);

class Gateway {
 public:
  // std::runtime_error for a file that cannot be read, and for a token that others on the network could read.
  Gateway(const std::string& target, const Access& access);

  stamp2vec::v1::StampService::Stub& stub() { return *stub_; }

  // What every call needs: its deadline and the token.
  std::unique_ptr<grpc::ClientContext> Context(std::chrono::milliseconds deadline) const;

  // Sends one document in pieces, and hands on each response as it comes: a page, or at the end the rest.
  grpc::Status Pages(stamp2vec::v1::AnalyzeDocumentsRequest first, size_t piece_bytes, std::chrono::milliseconds deadline,
                     const std::function<void(const stamp2vec::v1::AnalyzeDocumentsResponse&)>& each);

 private:
  std::unique_ptr<stamp2vec::v1::StampService::Stub> stub_;
  std::string token_;
};

// Which fields are at fault, and how long to wait before the call is sent again.
struct Details {
  std::optional<google::rpc::BadRequest> bad_request;
  std::optional<google::rpc::RetryInfo> retry_info;
};

Details ReadDetails(const grpc::Status& status);
