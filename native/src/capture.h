// A running capture: loaded objects, two rings and the drain thread that turns their records into batch bodies. Bounded:
// when the consumer holds `outstandingMax` chunks the thread stops draining, and what the rings then lose is counted.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "event_columns.h"
#include "objects.h"
#include "recording.h"
#include "ring.h"

namespace seamark {

struct CaptureOptions {
  uint32_t processRingBytes = 4u << 20;
  uint32_t bulkRingBytes = 8u << 20;
  uint32_t outstandingMax = 4;
  uint32_t tickMs = 20;
  uint32_t heartbeatMs = 1000;
  bool cgroupV1 = false;
  bool containersOnly = false;
  bool environment = false;
  std::vector<excluded_process> excluded;
  budget budgets[BUDGET_CLASSES] = {};
  CallTable calls;
};

// Lost since the chunk before, by reason.
struct Losses {
  uint64_t processRing = 0;
  uint64_t bulkRing = 0;
  uint64_t overBudget = 0;
  uint64_t gaps = 0;
  uint64_t unusable = 0;
};

struct Chunk {
  std::vector<uint8_t> body;
  // No later row is older; ns since the Unix epoch.
  int64_t lowNs = 0;
  uint32_t rows = 0;
  Losses losses;
};

struct CaptureStats {
  uint64_t sent = 0;  // by the kernel's count, lost ones included
  Losses losses;
  EventCounters events;
  uint64_t chunks = 0;
  uint64_t outstanding = 0;
  uint64_t stalledTicks = 0;  // ticks in which the consumer held all chunks
  uint64_t ringBytes = 0;
  uint64_t recordedBytes = 0;
  uint64_t untracked = 0;     // io_uring: reported when submitted, for want of room to await the result
  uint64_t recordingCut = 0;  // events that no longer fitted into a recording
};

// An object that did not load: what it hooks and the negative errno.
struct MissingObject {
  std::string name;
  std::string hooks;
  int error;
};

class Capture {
 public:
  using Deliver = std::function<void(std::unique_ptr<Chunk>)>;

  explicit Capture(const CaptureOptions& options);
  ~Capture();

  // Loads, attaches and starts the thread. 0, or a negative errno with `reason` set; objects that are optional and do
  // not load are listed in missing().
  int start(Deliver deliver, std::string* reason);
  // Ends the thread after a last drain and unloads everything. Safe twice.
  void stop();

  void setCalls(const CallTable& calls, bool containersOnly, bool environment);
  int setVerdict(uint64_t cgroup, uint32_t verdict);
  void release(uint32_t chunks);
  int startRecording(const std::string& path, uint64_t maxBytes);
  int recordFacts(const uint8_t* facts, size_t bytes);
  int stopRecording();
  CaptureStats stats();
  const std::vector<MissingObject>& missing() const { return missing_; }

 private:
  struct Loaded {
    const bpf_object_kind* kind;
    bpf_object_handle handle;
  };

  int load(const bpf_object_kind& kind);
  void applySettings(settings* to) const;
  void run();
  bool fallAsleep();
  void setAsleep(bool isAsleep);
  bool drain();
  void deliver();
  Losses kernelLosses() const;

  CaptureOptions options_;
  const int cpus_;  // possible ones: their counters are read every tick
  std::vector<Loaded> objects_;
  std::vector<MissingObject> missing_;
  Ring rings_[RINGS];
  Deliver deliver_;
  std::thread thread_;
  int wakeFd_ = -1;
  int epollFd_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> outstanding_{0};
  std::mutex mutex_;  // guards what JavaScript and the thread both touch: columns_, totals_, recording_, calls
  EventColumns columns_;
  std::shared_ptr<const CallTable> calls_;
  bool callsChanged_ = false;
  Recording recording_;
  // Once the rings are read past these positions, everything older than `markNs_` has been seen.
  uint64_t markNs_ = 0;
  uint64_t marks_[RINGS] = {};
  uint64_t lowBootNs_ = 0;
  uint64_t lastDeliveryNs_ = 0;
  int64_t realtimeOffsetNs_ = 0;
  Losses reported_;
  CaptureStats totals_;
};

uint64_t bootNowNs();
int64_t realtimeOffsetNs();

}  // namespace seamark
