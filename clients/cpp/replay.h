#pragma once

#include <string>

#include "client.h"

// The name of a code of gRPC, such as "INVALID_ARGUMENT".
const char* CodeName(int code);

// Makes each call of the vectors, and prints what came of it. std::runtime_error for vectors that cannot be read.
void Replay(const std::string& target, const Access& access, const std::string& path);
