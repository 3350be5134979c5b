// A recording: ring records as the kernel wrote them, in one file that is bounded in size and checked when it is read.
//
//   file head   u64 magic 'SMKREC02' ('SMKREC01': the same without facts)   u32 event version   u32 bytes of the call table   call table   u32 CRC-32 of it   u32 0
//   chunk       u32 magic 'SMRC'   u32 bytes of its records   u32 records   u32 CRC-32 of all after this word
//               i64 real time minus boot time, ns   records: u32 length, u32 0, event, padding to 8
//   facts       a chunk with magic 'SMRF' whose content is not records but JSON of the JavaScript side, padded to 8 by
//               zeros; its length stands in place of the number of records
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event_columns.h"

namespace seamark {

class Recording {
 public:
  ~Recording() { close(); }
  // 0 or a negative errno.
  int open(const std::string& path, uint64_t maxBytes, const CallTable& calls);
  int close();
  bool isOpen() const { return fd_ >= 0; }
  void add(const uint8_t* event, uint32_t bytes);
  // Writes what was added as one chunk. A chunk that does not fit or fails to be written is dropped and counted.
  void flush(int64_t realtimeOffsetNs);
  // Writes facts at once, behind what was flushed. 0 or a negative errno; -ENOSPC when the recording is full.
  int addFacts(const uint8_t* facts, size_t bytes);
  uint64_t writtenBytes() const { return written_; }
  uint64_t cut() const { return cut_; }

 private:
  int writeChunk(uint32_t magic, uint32_t records, int64_t realtimeOffsetNs, const std::vector<uint8_t>& content);

  int fd_ = -1;
  uint64_t maxBytes_ = 0;
  uint64_t written_ = 0;
  uint64_t cut_ = 0;
  uint32_t records_ = 0;
  std::vector<uint8_t> pending_;
};

// Reads a recording chunk by chunk.
class Replay {
 public:
  ~Replay();
  // 0 or a negative errno for the file itself; damage is told by `corruption()`.
  int open(const std::string& path);
  // Reads and checks the next chunk, of events or of facts. False at the end or at damage.
  bool nextChunk();
  // The next event of the chunk; null when there is none left, or at damage.
  const uint8_t* nextEvent(uint32_t* bytes);
  // The facts, where the chunk at hand holds some; empty where it holds events.
  std::string_view facts() const { return facts_; }
  int64_t realtimeOffsetNs() const { return realtimeOffsetNs_; }
  std::shared_ptr<const CallTable> calls() const { return calls_; }
  // Empty, or what is wrong.
  const std::string& corruption() const { return corruption_; }
  // Where the chunk at hand begins, bytes from the start of the file.
  uint64_t offset() const { return offset_; }

 private:
  void damage(const char* what) { corruption_ = what; }
  bool read(void* to, size_t bytes);

  int fd_ = -1;
  uint64_t offset_ = 0;
  uint64_t nextOffset_ = 0;
  int64_t realtimeOffsetNs_ = 0;
  uint32_t records_ = 0;
  size_t at_ = 0;
  std::string corruption_;
  std::shared_ptr<const CallTable> calls_;
  std::vector<uint8_t> chunk_;
  std::string_view facts_;
};

}  // namespace seamark
