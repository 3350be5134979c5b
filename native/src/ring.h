// Reads a BPF ring buffer from its two mappings (Documentation/bpf/ringbuf.rst): the consumer position is ours to write,
// the producer position and the data (mapped twice in a row, so that no record wraps) are read only.
#pragma once
#include <sys/types.h>

#include <cstdint>

namespace seamark {

class Ring {
 public:
  Ring() = default;
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Creates the map and maps it. `bytes` is a power of two and a multiple of the page size. 0 or a negative errno.
  int open(uint32_t bytes);
  void close();

  int fd() const { return fd_; }
  uint64_t size() const { return size_; }
  uint64_t consumed() const { return consumed_; }
  uint64_t produced() const { return __atomic_load_n(producer_, __ATOMIC_ACQUIRE); }

  // The oldest complete record, or null when there is none yet. `bytes` gets its length. Records that their writer
  // discarded are skipped.
  const uint8_t* peek(uint32_t* bytes);
  // Steps past the record that `peek` gave; the kernel may reuse its memory only after `release`.
  void advance(uint32_t bytes) { consumed_ += (bytes + 8 + 7) & ~7ull; }
  void release() { __atomic_store_n(consumer_, consumed_, __ATOMIC_RELEASE); }

 private:
  int fd_ = -1;
  uint64_t size_ = 0;
  uint64_t consumed_ = 0;
  uint64_t* consumer_ = nullptr;
  const uint64_t* producer_ = nullptr;
  const uint8_t* data_ = nullptr;
  size_t page_ = 4096;
};

// bpf(2) for the few commands that the light skeletons leave to us; 0 or a descriptor, else a negative errno.
int createRingMap(uint32_t bytes);
int updateMap(int fd, const void* key, const void* value);
int deleteFromMap(int fd, const void* key);

}  // namespace seamark
