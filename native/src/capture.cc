#include "capture.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "signals_held.h"

namespace seamark {

namespace {

// Between taking its time and its place in a ring, a program can be held up by an interrupt. Later ones are counted.
constexpr uint64_t kSlackNs = 5'000'000;
// So many ticks without an event, and the drain thread sleeps until one comes, at most so long.
constexpr uint32_t kQuietTicks = 3;
constexpr uint32_t kAsleepMs = 250;
constexpr uint64_t kNsPerMs = 1'000'000;

uint64_t clockNs(clockid_t clock) {
  timespec at;
  clock_gettime(clock, &at);
  return static_cast<uint64_t>(at.tv_sec) * 1'000'000'000ull + static_cast<uint64_t>(at.tv_nsec);
}

uint64_t randomSeed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed)) seed = clockNs(CLOCK_MONOTONIC);
  return seed;
}

Losses minus(const Losses& a, const Losses& b) {
  return {a.processRing - b.processRing, a.bulkRing - b.bulkRing, a.overBudget - b.overBudget, a.gaps - b.gaps,
          a.unusable - b.unusable};
}

bool any(const Losses& losses) { return losses.processRing + losses.bulkRing + losses.overBudget + losses.gaps + losses.unusable > 0; }

}  // namespace

uint64_t bootNowNs() { return clockNs(CLOCK_BOOTTIME); }

int64_t realtimeOffsetNs() {
  // Between two readings of the other clock, so that a preemption in between does not shift all times of a batch.
  const uint64_t before = bootNowNs();
  const uint64_t real = clockNs(CLOCK_REALTIME);
  const uint64_t after = bootNowNs();
  return static_cast<int64_t>(real - (before + (after - before) / 2));
}

Capture::Capture(const CaptureOptions& options)
    : options_(options),
      cpus_(static_cast<int>(std::clamp<long>(sysconf(_SC_NPROCESSORS_CONF), 1, CPUS_MAX))),
      columns_(randomSeed(), true) {}

Capture::~Capture() { stop(); }

void Capture::applySettings(settings* to) const {
  to->containers_only = options_.containersOnly;
  to->environment = options_.environment;
  to->cgroup_v1 = options_.cgroupV1;
  to->excluded_count = static_cast<u32>(std::min<size_t>(options_.excluded.size(), EXCLUDED_MAX));
  std::copy_n(options_.excluded.begin(), to->excluded_count, to->excluded);
  std::copy_n(options_.budgets, size_t{BUDGET_CLASSES}, to->budgets);
  for (int i = 0; i < RINGS; i++) {
    to->wake_bytes[i] = rings_[i].size() / 4;
    to->crowded_bytes[i] = rings_[i].size() / 2;
  }
}

int Capture::load(const bpf_object_kind& kind) {
  Loaded object = {&kind, {}};
  const int error = kind.load(&object.handle, nullptr, 0);
  if (error != 0) return error;
  applySettings(object.handle.settings);
  if (object.handle.specs != nullptr) memcpy(object.handle.specs, options_.calls.specs, sizeof(options_.calls.specs));
  for (u32 i = 0; i < RINGS; i++) {
    const int fd = rings_[i].fd();
    const int failed = updateMap(object.handle.rings_fd, &i, &fd);
    if (failed != 0) {
      kind.destroy(&object.handle);
      return failed;
    }
  }
  const int attached = kind.attach(&object.handle);
  if (attached < 0) {
    kind.destroy(&object.handle);
    return attached;
  }
  objects_.push_back(object);
  return 0;
}

int Capture::start(Deliver deliver, std::string* reason) {
  // Before 5.11 maps count against this limit; later kernels do not look at it.
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  const uint32_t sizes[RINGS] = {options_.processRingBytes, options_.bulkRingBytes};
  for (int i = 0; i < RINGS; i++) {
    const int error = rings_[i].open(sizes[i]);
    if (error != 0) {
      *reason = "a ring buffer could not be made";
      return error;
    }
  }
  calls_ = std::make_shared<CallTable>(options_.calls);
  columns_.setCalls(calls_);
  deliver_ = std::move(deliver);
  markNs_ = lowBootNs_ = lastDeliveryNs_ = bootNowNs();

  const SignalsHeld held;
  // What gives the others their meaning comes first: nobody may act before births are seen.
  for (const bpf_object_kind* kind : {&process_object, &cgroups_object, &syscalls_object}) {
    const int error = load(*kind);
    if (error == 0) continue;
    missing_.push_back({kind->name, kind->hooks, error});
    if (kind == &process_object) {
      *reason = "the programs for processes could not be loaded";
      stop();
      return error;
    }
  }
  int error = -ENOENT;
  for (int i = 0; i < URING_OBJECTS && error != 0; i++) error = load(*uring_objects[i]);
  if (error != 0) missing_.push_back({uring_objects[0]->name, uring_objects[0]->hooks, error});

  wakeFd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epollFd_ = epoll_create1(EPOLL_CLOEXEC);
  epoll_event interest = {};
  interest.events = EPOLLIN;
  interest.data.fd = wakeFd_;
  if (wakeFd_ < 0 || epollFd_ < 0 || epoll_ctl(epollFd_, EPOLL_CTL_ADD, wakeFd_, &interest) < 0) {
    *reason = "no descriptors left for the drain thread";
    const int error = -errno;
    stop();
    return error;
  }
  for (const Ring& ring : rings_) {
    // Edge triggered: only the kernel's own wakeups count, or every single event would end the wait.
    interest.events = EPOLLIN | EPOLLET;
    interest.data.fd = ring.fd();
    epoll_ctl(epollFd_, EPOLL_CTL_ADD, ring.fd(), &interest);
  }
  // Inherits the held signals: they are for threads that run JavaScript.
  thread_ = std::thread([this] { run(); });
  return 0;
}

void Capture::stop() {
  stopping_ = true;
  if (thread_.joinable()) {
    const uint64_t one = 1;
    if (write(wakeFd_, &one, sizeof(one)) < 0) { /* The thread's own timer ends it at the latest. */
    }
    thread_.join();
  }
  for (auto object = objects_.rbegin(); object != objects_.rend(); ++object) object->kind->destroy(&object->handle);
  objects_.clear();
  for (Ring& ring : rings_) ring.close();
  if (wakeFd_ >= 0) close(wakeFd_);
  if (epollFd_ >= 0) close(epollFd_);
  wakeFd_ = epollFd_ = -1;
  recording_.close();
}

void Capture::setCalls(const CallTable& calls, bool containersOnly, bool environment) {
  const std::lock_guard<std::mutex> lock(mutex_);
  options_.calls = calls;
  options_.containersOnly = containersOnly;
  options_.environment = environment;
  // The call table decides how an event is read, too; only its `enabled` bits may differ from one plan to the next, so
  // events that are still in the rings are read right with the new table.
  calls_ = std::make_shared<CallTable>(calls);
  columns_.setCalls(calls_);
  for (const Loaded& object : objects_) {
    object.handle.settings->containers_only = containersOnly;
    object.handle.settings->environment = environment;
    if (object.handle.specs != nullptr) memcpy(object.handle.specs, calls.specs, sizeof(calls.specs));
  }
}

int Capture::setVerdict(uint64_t cgroup, uint32_t verdict) {
  int result = 0;
  for (const Loaded& object : objects_) {
    if (object.handle.verdicts_fd < 0) continue;
    const int error = verdict == CGROUP_UNKNOWN ? deleteFromMap(object.handle.verdicts_fd, &cgroup)
                                                : updateMap(object.handle.verdicts_fd, &cgroup, &verdict);
    if (error != 0 && error != -ENOENT) result = error;
  }
  return result;
}

void Capture::release(uint32_t chunks) {
  uint32_t held = outstanding_.load();
  while (!outstanding_.compare_exchange_weak(held, held > chunks ? held - chunks : 0)) {
  }
}

int Capture::startRecording(const std::string& path, uint64_t maxBytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return recording_.open(path, maxBytes, *calls_);
}

int Capture::recordFacts(const uint8_t* facts, size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return recording_.addFacts(facts, bytes);
}

int Capture::stopRecording() {
  const std::lock_guard<std::mutex> lock(mutex_);
  recording_.flush(realtimeOffsetNs_);
  return recording_.close();
}

Losses Capture::kernelLosses() const {
  Losses losses;
  for (const Loaded& object : objects_) {
    for (int cpu = 0; cpu < cpus_; cpu++) {
      const cpu_counters& counters = object.handle.counters[cpu];
      losses.processRing += __atomic_load_n(&counters.ring_full[RING_PROCESS], __ATOMIC_RELAXED);
      losses.bulkRing += __atomic_load_n(&counters.ring_full[RING_BULK], __ATOMIC_RELAXED);
      losses.overBudget += __atomic_load_n(&counters.over_budget, __ATOMIC_RELAXED);
    }
  }
  return losses;
}

CaptureStats Capture::stats() {
  const std::lock_guard<std::mutex> lock(mutex_);
  CaptureStats stats = totals_;
  stats.losses = kernelLosses();
  stats.events = columns_.counters();
  stats.losses.gaps = stats.events.gaps;
  stats.losses.unusable = stats.events.unknownVersion + stats.events.unknownKind + stats.events.malformed;
  for (const Loaded& object : objects_) {
    for (int cpu = 0; cpu < cpus_; cpu++) {
      stats.sent += object.handle.counters[cpu].sent;
      stats.untracked += object.handle.counters[cpu].untracked;
    }
  }
  stats.outstanding = outstanding_;
  stats.ringBytes = rings_[0].size() + rings_[1].size();
  stats.recordedBytes = recording_.writtenBytes();
  stats.recordingCut = recording_.cut();
  return stats;
}

void Capture::setAsleep(bool isAsleep) {
  for (const Loaded& object : objects_) {
    __atomic_store_n(&object.handle.settings->is_reader_asleep, isAsleep ? 1u : 0u, __ATOMIC_SEQ_CST);
  }
}

// Asks the kernel to wake this thread at the next event. False: one has come meanwhile.
bool Capture::fallAsleep() {
  setAsleep(true);
  return rings_[0].produced() == rings_[0].consumed() && rings_[1].produced() == rings_[1].consumed();
}

void Capture::run() {
  epoll_event ready[4];
  uint32_t quietTicks = 0;
  uint64_t takenBefore = 0;
  while (!stopping_) {
    // On a quiet host the timer would be most of the cost. An event that slips in between waits for this longer one.
    const bool isAsleep = quietTicks >= kQuietTicks && fallAsleep();
    epoll_wait(epollFd_, ready, 4, isAsleep ? static_cast<int>(std::max(options_.tickMs, kAsleepMs)) : static_cast<int>(options_.tickMs));
    if (quietTicks >= kQuietTicks) setAsleep(false);
    bool more = true;
    while (more && !stopping_) {
      if (outstanding_ >= options_.outstandingMax) {
        totals_.stalledTicks++;
        break;
      }
      const std::lock_guard<std::mutex> lock(mutex_);
      more = drain();
      deliver();
    }
    const uint64_t taken = rings_[0].consumed() + rings_[1].consumed();
    quietTicks = taken == takenBefore ? quietTicks + 1 : 0;
    takenBefore = taken;
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (outstanding_ < options_.outstandingMax) {
    while (drain()) {
    }
    deliver();
  }
}

// Reads the rings as far as they were written when it began, oldest event first. True: the batch filled up before.
bool Capture::drain() {
  const uint64_t ends[RINGS] = {rings_[0].produced(), rings_[1].produced()};
  if (markNs_ == 0) {
    markNs_ = bootNowNs();
    marks_[0] = rings_[0].produced();
    marks_[1] = rings_[1].produced();
  }
  if (columns_.isEmpty()) {
    realtimeOffsetNs_ = realtimeOffsetNs();
    columns_.beginBatch(static_cast<uint64_t>(static_cast<int64_t>(bootNowNs()) + realtimeOffsetNs_), realtimeOffsetNs_);
  }
  uint32_t bytes[RINGS] = {};
  const uint8_t* heads[RINGS] = {};
  const auto peek = [&](int i) { heads[i] = rings_[i].consumed() < ends[i] ? rings_[i].peek(&bytes[i]) : nullptr; };
  const auto timeOf = [](const uint8_t* at) { return reinterpret_cast<const event*>(at)->time_ns; };
  peek(0);
  peek(1);
  bool full = false;
  while ((heads[0] != nullptr || heads[1] != nullptr) && !full) {
    const int i = heads[1] == nullptr || (heads[0] != nullptr && timeOf(heads[0]) <= timeOf(heads[1])) ? 0 : 1;
    columns_.add(heads[i], bytes[i]);
    if (recording_.isOpen()) recording_.add(heads[i], bytes[i]);
    rings_[i].advance(bytes[i]);
    peek(i);
    full = columns_.isFull();
  }
  for (Ring& ring : rings_) ring.release();
  if (recording_.isOpen()) recording_.flush(realtimeOffsetNs_);
  if (rings_[0].consumed() >= marks_[0] && rings_[1].consumed() >= marks_[1]) {
    lowBootNs_ = std::max(lowBootNs_, markNs_ - kSlackNs);
    markNs_ = 0;
  }
  return full;
}

void Capture::deliver() {
  const uint64_t now = bootNowNs();
  Losses losses = kernelLosses();
  const EventCounters& events = columns_.counters();
  losses.gaps = events.gaps;
  losses.unusable = events.unknownVersion + events.unknownKind + events.malformed;
  const Losses fresh = minus(losses, reported_);
  if (columns_.isEmpty() && !any(fresh) && now - lastDeliveryNs_ < options_.heartbeatMs * kNsPerMs) return;
  reported_ = losses;
  lastDeliveryNs_ = now;
  auto chunk = std::make_unique<Chunk>();
  chunk->rows = columns_.rows();
  chunk->body = columns_.take();
  chunk->lowNs = static_cast<int64_t>(lowBootNs_) + realtimeOffsetNs_;
  chunk->losses = fresh;
  columns_.setFloor(lowBootNs_);
  totals_.chunks++;
  outstanding_++;
  deliver_(std::move(chunk));
}

}  // namespace seamark
