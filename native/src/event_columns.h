// Turns kernel events into rows: one place that knows both the event layout (native/bpf/event.h) and the tables. The
// same code runs on live rings and on recordings, so it trusts no length and no number in an event.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "../bpf/event.h"
#include "batch_writer.h"

namespace seamark {

struct CallTable {
  call_spec specs[ABI_COUNT * CALLS_PER_ABI];
};

// What was seen and could not be used; never fatal.
struct EventCounters {
  uint64_t rows = 0;
  uint64_t unknownVersion = 0;
  uint64_t unknownKind = 0;
  uint64_t malformed = 0;
  // Sequence numbers that never came: what the rings had no room for, counted from the other side.
  uint64_t gaps = 0;
  // Events whose time was moved up to a promise already given (see EventColumns::setFloor).
  uint64_t late = 0;
};

class EventColumns {
 public:
  // `fromStart`: numbers are expected to begin at 0, so that what was lost before the first event counts too.
  EventColumns(uint64_t seed, bool fromStart);

  void setCalls(std::shared_ptr<const CallTable> calls) { calls_ = std::move(calls); }
  // Real time minus boot time, ns: what turns kernel times into times of day. Taken once per batch.
  void beginBatch(uint64_t baseNs, int64_t realtimeOffsetNs);
  // No row gets a time below this (ns, CLOCK_BOOTTIME): the watermark given to JavaScript holds whatever the kernel does.
  void setFloor(uint64_t bootNs) { floorNs_ = bootNs; }

  void add(const uint8_t* bytes, size_t length);

  bool isFull() const;
  uint32_t rows() const { return writer_.eventRows(); }
  bool isEmpty() const { return writer_.eventRows() == 0 && writer_.cgroups.rows() == 0; }
  // Gives the finished body and starts over.
  std::vector<uint8_t> take();
  EventCounters& counters() { return counters_; }

 private:
  struct ProcessKey {
    uint64_t startNs;
    uint64_t cgroup;
    uint32_t pid, execCount, version, uid, gid, zero;
    bool operator==(const ProcessKey& other) const { return memcmp(this, &other, sizeof(*this)) == 0; }
  };
  struct ProcessKeyHash {
    uint64_t seed;
    size_t operator()(const ProcessKey& key) const;
  };
  struct LifeKey {
    uint64_t startNs;
    uint32_t pid;
    bool operator==(const LifeKey& other) const { return startNs == other.startNs && pid == other.pid; }
  };
  struct LifeKeyHash {
    size_t operator()(const LifeKey& key) const { return key.startNs * 0x9e3779b97f4a7c15ull ^ key.pid; }
  };
  struct Event;  // an event with its slots found

  void noteSequence(const event& head);
  uint32_t processRow(const event& head);
  double timeOf(const event& head);
  void beginRow(TableWriter& table, const event& head);
  void addCall(const Event& e);
  void addExec(const Event& e);
  void addFork(const Event& e);
  void addExit(const Event& e);
  void addCgroup(const Event& e);
  // Inode, device and layer of the file behind the descriptor, where there is one.
  static void setFile(TableWriter& table, const Event& e);
  // The first raw arguments of the call.
  static void setArguments(TableWriter& table, const Event& e, int count);
  void addFileRow(const Event& e, const call_spec& spec);
  void addNetworkRow(const Event& e, const call_spec& spec);
  void addOtherRow(const Event& e, const call_spec& spec);
  void bumpVersion(const Event& e);

  uint32_t text(std::string_view value) { return value.empty() ? 0 : writer_.strings.intern(value); }
  uint32_t path(const Event& e, int slot);
  uint32_t socketPath(std::string_view path);
  std::string_view joinPath(std::string_view components, uint32_t magic, uint64_t inode);
  std::string_view resolved(const Event& e);

  BatchWriter writer_;
  std::shared_ptr<const CallTable> calls_;
  uint64_t baseNs_ = 0;
  int64_t realtimeOffsetNs_ = 0;
  uint64_t floorNs_ = 0;
  uint32_t ordinal_ = 0;
  const bool fromStart_;
  std::unordered_map<ProcessKey, uint32_t, ProcessKeyHash> processes_;
  std::unordered_map<LifeKey, uint32_t, LifeKeyHash> versions_;
  struct Sequence {
    bool seen = false;
    uint32_t next = 0;
  };
  std::vector<Sequence> sequences_;
  std::string joined_;
  EventCounters counters_;
};

}  // namespace seamark
