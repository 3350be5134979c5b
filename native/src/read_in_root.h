// Reads a file as a process inside a container would see it, without being led out of that container's root.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace seamark {

struct RootFile {
  int error = 0;  // 0, or a negative errno; -ESTALE: this kernel lacks openat2 (before 5.6)
  std::vector<uint8_t> bytes;
  bool isCut = false;  // the file is longer than was asked for
};

// `rootPath` is a directory, such as /proc/PID/root. Regular files only. Ends early, with -ETIMEDOUT, between two reads
// once `timeoutMs` have passed. Never follows a magic link; absolute links stay below the root
// (openat2(2), RESOLVE_IN_ROOT).
RootFile readInRoot(const std::string& rootPath, const std::string& path, uint64_t maxBytes, uint32_t timeoutMs);

}  // namespace seamark
