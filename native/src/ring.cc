#include "ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace seamark {

namespace {
long bpf(int command, union bpf_attr* attr) { return syscall(__NR_bpf, command, attr, sizeof(*attr)); }
}  // namespace

int createRingMap(uint32_t bytes) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  attr.map_type = BPF_MAP_TYPE_RINGBUF;
  attr.max_entries = bytes;
  strcpy(attr.map_name, "seamark_ring");
  const long fd = bpf(BPF_MAP_CREATE, &attr);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

int updateMap(int fd, const void* key, const void* value) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  attr.map_fd = fd;
  attr.key = reinterpret_cast<uint64_t>(key);
  attr.value = reinterpret_cast<uint64_t>(value);
  return bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0 ? -errno : 0;
}

int deleteFromMap(int fd, const void* key) {
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  attr.map_fd = fd;
  attr.key = reinterpret_cast<uint64_t>(key);
  return bpf(BPF_MAP_DELETE_ELEM, &attr) < 0 ? -errno : 0;
}

Ring::~Ring() { close(); }

int Ring::open(uint32_t bytes) {
  page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  fd_ = createRingMap(bytes);
  if (fd_ < 0) return fd_;
  size_ = bytes;
  void* consumer = mmap(nullptr, page_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (consumer == MAP_FAILED) return -errno;
  consumer_ = static_cast<uint64_t*>(consumer);
  void* producer = mmap(nullptr, page_ + 2 * size_, PROT_READ, MAP_SHARED, fd_, static_cast<off_t>(page_));
  if (producer == MAP_FAILED) return -errno;
  producer_ = static_cast<const uint64_t*>(producer);
  data_ = static_cast<const uint8_t*>(producer) + page_;
  consumed_ = *consumer_;
  return 0;
}

void Ring::close() {
  if (consumer_ != nullptr) munmap(consumer_, page_);
  if (producer_ != nullptr) munmap(const_cast<uint64_t*>(producer_), page_ + 2 * size_);
  if (fd_ >= 0) ::close(fd_);
  consumer_ = nullptr;
  producer_ = nullptr;
  fd_ = -1;
}

const uint8_t* Ring::peek(uint32_t* bytes) {
  while (consumed_ < produced()) {
    const uint8_t* head = data_ + (consumed_ & (size_ - 1));
    const uint32_t length = __atomic_load_n(reinterpret_cast<const uint32_t*>(head), __ATOMIC_ACQUIRE);
    if (length & BPF_RINGBUF_BUSY_BIT) return nullptr;
    *bytes = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if (!(length & BPF_RINGBUF_DISCARD_BIT)) return head + BPF_RINGBUF_HDR_SZ;
    advance(*bytes);
  }
  return nullptr;
}

}  // namespace seamark
