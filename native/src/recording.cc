#include "recording.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <array>

namespace seamark {

namespace {

constexpr uint64_t kFileMagic = 0x32304345524b4d53ull;         // 'SMKREC02'
constexpr uint64_t kFileMagicNoFacts = 0x31304345524b4d53ull;  // 'SMKREC01'
constexpr uint32_t kChunkMagic = 0x43524d53;                   // 'SMRC'
constexpr uint32_t kFactsMagic = 0x46524d53;                   // 'SMRF'
constexpr uint32_t kChunkBytesMax = 64u << 20;

struct FileHead {
  uint64_t magic;
  uint32_t eventVersion;
  uint32_t callBytes;
};

struct ChunkHead {
  uint32_t magic;
  uint32_t bytes;
  uint32_t records;
  uint32_t crc;
  int64_t realtimeOffsetNs;
};

struct RecordHead {
  uint32_t bytes;
  uint32_t zero;
};

std::array<uint32_t, 256> crcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320u ^ value >> 1 : value >> 1;
    table[i] = value;
  }
  return table;
}

// CRC-32 as in zlib, continued from `crc`.
uint32_t crc32(const void* data, size_t bytes, uint32_t crc = 0) {
  static const std::array<uint32_t, 256> table = crcTable();
  const auto* at = static_cast<const uint8_t*>(data);
  crc = ~crc;
  for (size_t i = 0; i < bytes; i++) crc = table[(crc ^ at[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

int writeAll(int fd, const void* data, size_t bytes) {
  const auto* at = static_cast<const uint8_t*>(data);
  while (bytes > 0) {
    const ssize_t wrote = write(fd, at, bytes);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return wrote < 0 ? -errno : -EIO;
    at += wrote;
    bytes -= static_cast<size_t>(wrote);
  }
  return 0;
}

}  // namespace

int Recording::open(const std::string& path, uint64_t maxBytes, const CallTable& calls) {
  if (fd_ >= 0) return -EBUSY;
  const FileHead head = {kFileMagic, EVENT_VERSION, sizeof(CallTable)};
  const uint32_t tail[2] = {crc32(&calls, sizeof(calls)), 0};
  if (maxBytes < sizeof(head) + sizeof(calls) + sizeof(tail)) return -EINVAL;
  // Events can hold secrets: the owner only.
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return -errno;
  int error = writeAll(fd_, &head, sizeof(head));
  if (error == 0) error = writeAll(fd_, &calls, sizeof(calls));
  if (error == 0) error = writeAll(fd_, tail, sizeof(tail));
  maxBytes_ = maxBytes;
  written_ = sizeof(head) + sizeof(calls) + sizeof(tail);
  cut_ = 0;
  if (error != 0) close();
  return error;
}

int Recording::close() {
  if (fd_ < 0) return 0;
  const int error = fsync(fd_) < 0 ? -errno : 0;
  ::close(fd_);
  fd_ = -1;
  pending_.clear();
  records_ = 0;
  return error == -EINVAL ? 0 : error;
}

void Recording::add(const uint8_t* event, uint32_t bytes) {
  const RecordHead head = {bytes, 0};
  const size_t at = pending_.size();
  pending_.resize(at + sizeof(head) + ((size_t{bytes} + 7) & ~size_t{7}));
  memcpy(pending_.data() + at, &head, sizeof(head));
  memcpy(pending_.data() + at + sizeof(head), event, bytes);
  records_++;
  if (pending_.size() > kChunkBytesMax - EVENT_BYTES_MAX) {
    cut_ += records_;
    pending_.clear();
    records_ = 0;
  }
}

void Recording::flush(int64_t realtimeOffsetNs) {
  if (records_ == 0) return;
  if (writeChunk(kChunkMagic, records_, realtimeOffsetNs, pending_) != 0) cut_ += records_;
  pending_.clear();
  records_ = 0;
}

int Recording::addFacts(const uint8_t* facts, size_t bytes) {
  if (fd_ < 0) return -EBADF;
  if (bytes == 0 || bytes > kChunkBytesMax - 8) return -EMSGSIZE;
  std::vector<uint8_t> content(facts, facts + bytes);
  content.resize((bytes + 7) & ~size_t{7});
  return writeChunk(kFactsMagic, static_cast<uint32_t>(bytes), 0, content);
}

int Recording::writeChunk(uint32_t magic, uint32_t records, int64_t realtimeOffsetNs, const std::vector<uint8_t>& content) {
  ChunkHead head = {magic, static_cast<uint32_t>(content.size()), records, 0, realtimeOffsetNs};
  head.crc = crc32(content.data(), content.size(), crc32(&head.realtimeOffsetNs, 8));
  const uint64_t bytes = sizeof(head) + content.size();
  const off_t start = static_cast<off_t>(written_);
  if (written_ + bytes > maxBytes_) return -ENOSPC;
  int error = writeAll(fd_, &head, sizeof(head));
  if (error == 0) error = writeAll(fd_, content.data(), content.size());
  if (error == 0) {
    written_ += bytes;
  } else if (ftruncate(fd_, start) == 0) {
    // A full disk may have taken half a chunk: the file stays readable up to the chunk before.
    lseek(fd_, start, SEEK_SET);
  }
  return error;
}

Replay::~Replay() {
  if (fd_ >= 0) ::close(fd_);
}

bool Replay::read(void* to, size_t bytes) {
  auto* at = static_cast<uint8_t*>(to);
  while (bytes > 0) {
    const ssize_t got = ::read(fd_, at, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<size_t>(got);
  }
  return true;
}

int Replay::open(const std::string& path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return -errno;
  FileHead head;
  uint32_t tail[2];
  auto calls = std::make_shared<CallTable>();
  if (!read(&head, sizeof(head)) || (head.magic != kFileMagic && head.magic != kFileMagicNoFacts)) {
    damage("it is not a recording");
  } else if (head.eventVersion != EVENT_VERSION || head.callBytes != sizeof(CallTable)) {
    damage("it was made by another version");
  } else if (!read(calls.get(), sizeof(CallTable)) || !read(tail, sizeof(tail))) {
    damage("its head is truncated");
  } else if (crc32(calls.get(), sizeof(CallTable)) != tail[0]) {
    damage("the checksum of its head is wrong");
  }
  calls_ = std::move(calls);
  nextOffset_ = sizeof(head) + sizeof(CallTable) + sizeof(tail);
  return 0;
}

bool Replay::nextChunk() {
  ChunkHead head;
  if (!corruption_.empty()) return false;
  offset_ = nextOffset_;
  const ssize_t got = ::read(fd_, &head, 1);
  if (got == 0) return false;
  if (got < 0 || !read(reinterpret_cast<uint8_t*>(&head) + 1, sizeof(head) - 1)) {
    damage("a chunk's head is truncated");
  } else if (head.magic != kChunkMagic && head.magic != kFactsMagic) {
    damage("a chunk does not begin where one should");
  } else if (head.bytes > kChunkBytesMax || head.bytes % 8 != 0) {
    damage("a chunk's length is impossible");
  } else {
    chunk_.resize(head.bytes);
    if (!read(chunk_.data(), head.bytes)) damage("a chunk is truncated");
    else if (crc32(chunk_.data(), chunk_.size(), crc32(&head.realtimeOffsetNs, 8)) != head.crc) {
      damage("a chunk's checksum is wrong");
    }
  }
  const bool isFacts = head.magic == kFactsMagic;
  if (corruption_.empty() && isFacts && (head.records == 0 || ((size_t{head.records} + 7) & ~size_t{7}) != head.bytes)) {
    damage("the length of its facts is impossible");
  }
  if (!corruption_.empty()) return false;
  facts_ = {};
  if (isFacts) facts_ = {reinterpret_cast<const char*>(chunk_.data()), head.records};
  else realtimeOffsetNs_ = head.realtimeOffsetNs;
  records_ = isFacts ? 0 : head.records;
  at_ = 0;
  nextOffset_ = offset_ + sizeof(head) + head.bytes;
  return true;
}

const uint8_t* Replay::nextEvent(uint32_t* bytes) {
  RecordHead head;
  if (records_ == 0) {
    // The number of records is not covered by the checksum.
    if (facts_.empty() && at_ < chunk_.size()) damage("a chunk holds more events than it says");
    return nullptr;
  }
  if (chunk_.size() - at_ < sizeof(head)) {
    damage("a chunk holds fewer events than it says");
    return nullptr;
  }
  memcpy(&head, chunk_.data() + at_, sizeof(head));
  const size_t padded = (size_t{head.bytes} + 7) & ~size_t{7};
  if (padded > chunk_.size() - at_ - sizeof(head)) {
    damage("an event reaches past its chunk");
    return nullptr;
  }
  const uint8_t* event = chunk_.data() + at_ + sizeof(head);
  at_ += sizeof(head) + padded;
  records_--;
  *bytes = head.bytes;
  return event;
}

}  // namespace seamark
