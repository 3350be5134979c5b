#include "read_in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace seamark {

namespace {

constexpr long kOpenat2 = 437;
constexpr uint64_t kResolveNoMagicLinks = 0x02;
constexpr uint64_t kResolveInRoot = 0x10;
constexpr size_t kReadBytes = 64 * 1024;

struct OpenHow {
  uint64_t flags, mode, resolve;
};

uint64_t nowMs() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<uint64_t>(at.tv_sec) * 1000 + static_cast<uint64_t>(at.tv_nsec) / 1'000'000;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  int fd_;
};

RootFile failed(int error) {
  RootFile file;
  file.error = error;
  return file;
}

}  // namespace

RootFile readInRoot(const std::string& rootPath, const std::string& path, uint64_t maxBytes, uint32_t timeoutMs) {
  const uint64_t deadline = nowMs() + timeoutMs;
  const Descriptor root(open(rootPath.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return failed(-errno);
  // O_PATH first: a FIFO or a device must not even be opened, because opening alone can block or have effects.
  const OpenHow look = {O_PATH | O_CLOEXEC, 0, kResolveInRoot | kResolveNoMagicLinks};
  const Descriptor place(static_cast<int>(syscall(kOpenat2, int{root}, path.c_str(), &look, sizeof(look))));
  if (place < 0) return failed(errno == ENOSYS ? -ESTALE : -errno);
  struct stat seen, opened;
  if (fstat(place, &seen) < 0) return failed(-errno);
  if (!S_ISREG(seen.st_mode)) return failed(S_ISDIR(seen.st_mode) ? -EISDIR : -EACCES);
  const OpenHow how = {O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, kResolveInRoot | kResolveNoMagicLinks};
  const Descriptor file(static_cast<int>(syscall(kOpenat2, int{root}, path.c_str(), &how, sizeof(how))));
  if (file < 0) return failed(-errno);
  // Between the two lookups the name may have come to mean something else.
  if (fstat(file, &opened) < 0) return failed(-errno);
  if (opened.st_dev != seen.st_dev || opened.st_ino != seen.st_ino) return failed(-EAGAIN);
  RootFile result;
  while (true) {
    if (nowMs() > deadline) return failed(-ETIMEDOUT);
    const size_t left = static_cast<size_t>(maxBytes) - result.bytes.size();
    const size_t size = result.bytes.size();
    // One byte more than allowed tells a file that just fits from one that was cut.
    const size_t want = std::min(kReadBytes, left + 1);
    result.bytes.resize(size + want);
    const ssize_t got = read(file, result.bytes.data() + size, want);
    if (got < 0) return failed(-errno);
    result.bytes.resize(size + static_cast<size_t>(got));
    if (got == 0) return result;
    if (result.bytes.size() > maxBytes) {
      result.bytes.resize(maxBytes);
      result.isCut = true;
      return result;
    }
  }
}

}  // namespace seamark
