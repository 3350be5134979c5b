#include "event_columns.h"

#include <errno.h>
#include <sys/stat.h>

#include "../bpf/event-types.h"
#include "event_view.h"

namespace seamark {

namespace {

constexpr uint32_t kRowsMax = 16384;
constexpr size_t kStringBytesMax = 8u << 20;
constexpr size_t kProcessesMax = 8192;
constexpr size_t kVersionsMax = 65536;
// linux/magic.h
constexpr uint32_t kAnonInodeMagic = 0x09041934;
constexpr uint32_t kNamespaceMagic = 0x6e736673;
constexpr uint32_t kPipeMagic = 0x50495045;
constexpr uint32_t kCapDacOverride = 1;

/* How the kernel names a file that memfd_create made. */
constexpr std::string_view kMemfdPrefix = "/memfd:";
enum ExeFlag : uint8_t { kUpperLayer = 1, kMemfd = 2, kWritable = 4, kInterpreter = 8, kLowerLayer = 16 };

// A call that a signal interrupted returns one of these inside the kernel; its caller sees EINTR, or never knows, because
// the kernel makes the call again. From include/linux/errno.h.
enum RestartCode { kRestartSys = 512, kRestartNoIntr = 513, kRestartNoHand = 514, kRestartBlock = 516 };

int64_t resultForCaller(int64_t result) {
  switch (-result) {
    case kRestartSys:
    case kRestartNoIntr:
    case kRestartNoHand:
    case kRestartBlock: return -EINTR;
    default: return result;
  }
}

// A success through io_uring without a descriptor: its file went into a registered slot, or its result is not known. It
// is shown as descriptor 0 of a file, or rules that ask for an opened file could be dodged by the way it is opened.
bool lacksDescriptor(const event& head) { return head.abi == ABI_URING && head.ret >= 0 && head.fd < 0; }

bool isSocket(uint32_t mode) { return (mode & S_IFMT) == S_IFSOCK; }

uint8_t fileTypeChar(const event& head, std::string_view path) {
  switch (head.mode & S_IFMT) {
    case S_IFDIR: return 'd';
    case S_IFIFO: return 'p';
    case S_IFSOCK: return 'u';
    case 0: break;
    default: return 'f';
  }
  // Anonymous inodes have no file type; their only path component is their kind.
  if (path.find("eventpoll") != path.npos) return 'l';
  if (path.find("eventfd") != path.npos) return 'e';
  if (path.find("signalfd") != path.npos) return 's';
  if (path.find("timerfd") != path.npos) return 't';
  if (path.find("inotify") != path.npos) return 'i';
  if (path.find("bpf") != path.npos) return 'b';
  if (path.find("userfaultfd") != path.npos) return 'u';
  if (path.find("io_uring") != path.npos) return 'r';
  if (path.find("pidfd") != path.npos) return 'P';
  return 'o';
}

// Whether the process may write its own executable, from the mode bits alone (ACLs are not looked at).
bool mayWrite(const event& head, const image_facts& facts) {
  if (facts.cap_effective >> kCapDacOverride & 1) return true;
  if (facts.owner == head.uid) return facts.mode & S_IWUSR;
  if (facts.group == head.gid) return facts.mode & S_IWGRP;
  return facts.mode & S_IWOTH;
}

}  // namespace

size_t EventColumns::ProcessKeyHash::operator()(const ProcessKey& key) const {
  uint64_t hash = seed;
  for (const uint64_t word : {key.startNs, key.cgroup, uint64_t{key.pid} << 32 | key.execCount,
                              uint64_t{key.version} << 32 | key.uid, uint64_t{key.gid}}) {
    hash = (hash ^ word) * 0xff51afd7ed558ccdull;
    hash ^= hash >> 32;
  }
  return hash;
}

EventColumns::EventColumns(uint64_t seed, bool fromStart)
    : writer_(seed),
      fromStart_(fromStart),
      processes_(1024, ProcessKeyHash{seed}),
      sequences_(size_t{STREAMS} * CPUS_MAX) {}

void EventColumns::beginBatch(uint64_t baseNs, int64_t realtimeOffsetNs) {
  baseNs_ = baseNs;
  realtimeOffsetNs_ = realtimeOffsetNs;
}

bool EventColumns::isFull() const {
  return writer_.eventRows() >= kRowsMax || writer_.cgroups.rows() >= kRowsMax ||
         writer_.strings.byteCount() >= kStringBytesMax || writer_.process.rows() >= kProcessesMax;
}

std::vector<uint8_t> EventColumns::take() {
  std::vector<uint8_t> body = writer_.encode(baseNs_);
  writer_.clear();
  processes_.clear();
  ordinal_ = 0;
  return body;
}

void EventColumns::add(const uint8_t* bytes, size_t length) {
  Event e;
  if (length < sizeof(event)) {
    counters_.malformed++;
    return;
  }
  memcpy(&e.head, bytes, sizeof(event));
  if (e.head.version != EVENT_VERSION) {
    counters_.unknownVersion++;
    return;
  }
  if (e.head.kind == 0 || e.head.kind >= EVENT_KINDS || e.head.abi >= ABI_COUNT) {
    counters_.unknownKind++;
    return;
  }
  size_t at = sizeof(event);
  for (int slot = 0; slot < SLOTS; slot++) {
    const size_t slotBytes = e.head.lengths[slot];
    if (slotBytes > length - at) {
      counters_.malformed++;
      return;
    }
    e.slots[slot] = {reinterpret_cast<const char*>(bytes) + at, slotBytes};
    at += slotBytes;
  }
  noteSequence(e.head);
  switch (e.head.kind) {
    case EVENT_CALL: return addCall(e);
    case EVENT_EXEC: return addExec(e);
    case EVENT_FORK: return addFork(e);
    case EVENT_EXIT: return addExit(e);
    case EVENT_CGROUP: return addCgroup(e);
  }
}

void EventColumns::noteSequence(const event& head) {
  if (head.stream >= STREAMS || head.cpu >= CPUS_MAX) return;
  Sequence& sequence = sequences_[size_t{head.stream} * CPUS_MAX + head.cpu];
  const uint32_t gap = head.sequence - sequence.next;
  // Two rings are merged by time, so a number can also come a little late: it was counted as lost and is taken back.
  if (sequence.seen && gap != 0) {
    if (gap < 0x80000000u) counters_.gaps += gap;
    else if (counters_.gaps > 0) counters_.gaps--;
  } else if (!sequence.seen && fromStart_) {
    counters_.gaps += head.sequence;
  }
  if (!sequence.seen || gap < 0x80000000u) sequence.next = head.sequence + 1;
  sequence.seen = true;
}

uint32_t EventColumns::processRow(const event& head) {
  ProcessKey key;
  memset(&key, 0, sizeof(key));
  key.startNs = head.start_ns;
  key.cgroup = head.cgroup;
  key.pid = head.pid;
  key.execCount = head.exec_count;
  key.uid = head.uid;
  key.gid = head.gid;
  const auto version = versions_.find({head.start_ns, head.pid});
  if (version != versions_.end()) key.version = version->second;
  const auto known = processes_.find(key);
  if (known != processes_.end()) return known->second;

  TableWriter& table = writer_.process;
  const uint32_t row = table.addRow();
  table.set<uint32_t>(Column::pid, head.pid);
  table.set<double>(Column::startNs, static_cast<double>(head.start_ns));
  table.set<uint32_t>(Column::execCount, head.exec_count);
  table.set<uint32_t>(Column::processVersion, key.version);
  table.set<double>(Column::cgroupId, static_cast<double>(head.cgroup));
  table.set<uint32_t>(Column::uid, head.uid);
  table.set<uint32_t>(Column::gid, head.gid);
  table.set<uint32_t>(Column::vpid, head.vpid);
  table.set<uint32_t>(Column::ppid, head.ppid);
  table.set<double>(Column::parentStartNs, static_cast<double>(head.parent_start_ns));
  table.set<uint32_t>(Column::pidNs, head.pid_ns);
  table.set<uint32_t>(Column::mntNs, head.mnt_ns);
  table.set<uint32_t>(Column::comm, text({head.comm, strnlen(head.comm, sizeof(head.comm))}));
  processes_.emplace(key, row);
  return row;
}

double EventColumns::timeOf(const event& head) {
  uint64_t at = head.time_ns;
  if (at < floorNs_) {
    at = floorNs_;
    counters_.late++;
  }
  return static_cast<double>(static_cast<int64_t>(at) + realtimeOffsetNs_ - static_cast<int64_t>(baseNs_));
}

void EventColumns::beginRow(TableWriter& table, const event& head) {
  const uint32_t process = processRow(head);
  table.addRow();
  table.set<uint32_t>(Column::ordinal, ordinal_++);
  table.set<double>(Column::time, timeOf(head));
  table.set<uint16_t>(Column::type, head.type);
  table.set<uint32_t>(Column::process, process);
  table.set<uint32_t>(Column::tid, head.tid);
  table.set<uint32_t>(Column::vtid, head.vtid);
  table.set<uint16_t>(Column::cpu, head.cpu);
  table.set<uint8_t>(Column::abi, head.abi);
  // An exit returns nothing.
  if (head.kind != EVENT_EXIT) table.set<double>(Column::ret, static_cast<double>(resultForCaller(head.ret)));
  counters_.rows++;
}

// Turns components from the leaf up into a path from the root down.
std::string_view EventColumns::joinPath(std::string_view components, uint32_t magic, uint64_t inode) {
  // Objects without a name of their own are shown as in /proc/PID/fd.
  if (magic == kNamespaceMagic || magic == kPipeMagic) {
    joined_ = (magic == kPipeMagic ? "pipe:[" : "ns:[") + std::to_string(inode) + "]";
    return joined_;
  }
  joined_.resize(components.size() + 1);
  size_t at = joined_.size();
  size_t end = components.size();
  if (end > 0 && components[end - 1] == '\0') end--;
  // The bytes lie leaf first, so the last component to be written is the first one read.
  size_t start = 0;
  while (start <= end && at > 0) {
    size_t stop = components.find('\0', start);
    if (stop == components.npos || stop > end) stop = end;
    const size_t length = stop - start;
    if (length + 1 > at) break;
    start = stop + 1;
    // The root directory of a file system is called so itself.
    if (length == 1 && components[stop - 1] == '/') continue;
    at -= length;
    memcpy(joined_.data() + at, components.data() + stop - length, length);
    joined_[--at] = '/';
  }
  if (at == joined_.size()) joined_[--at] = '/';
  std::string_view path{joined_.data() + at, joined_.size() - at};
  if (magic == kAnonInodeMagic && path.size() > 1) {
    // The kernel calls these anon_inode:[eventfd]; the directory entry says only the part after the colon, or all of it.
    path.remove_prefix(1);
    if (path.substr(0, 11) != "anon_inode:") {
      joined_ = "anon_inode:" + std::string(path);
      path = joined_;
    }
  }
  return path;
}

std::string_view EventColumns::resolved(const Event& e) {
  return joinPath(e.slots[SLOT_PATH], e.head.magic, e.head.inode);
}

uint32_t EventColumns::path(const Event& e, int slot) {
  if (!e.has(slot)) return 0;
  return text(slot == SLOT_PATH ? resolved(e) : joinPath(e.slots[slot], 0, 0));
}

void EventColumns::addCall(const Event& e) {
  if (calls_ == nullptr || e.head.nr >= CALLS_PER_ABI) {
    counters_.unknownKind++;
    return;
  }
  const call_spec& spec = calls_->specs[size_t{e.head.abi} * CALLS_PER_ABI + e.head.nr];
  switch (static_cast<schema::TableId>(spec.table)) {
    case schema::TableId::exec: {
      beginRow(writer_.exec, e.head);
      writer_.exec.set<uint32_t>(Column::rawPath, text(e.text(SLOT_RAW0)));
      if (spec.dir0) writer_.exec.set<int32_t>(Column::dirFd, static_cast<int32_t>(e.at(spec.dir0)));
      if (spec.at_flags) writer_.exec.set<uint32_t>(Column::flags, static_cast<uint32_t>(e.at(spec.at_flags)));
      break;
    }
    case schema::TableId::file:
    case schema::TableId::network:
      // A call on a descriptor (dup) is placed by what the descriptor is.
      if (spec.fd && (e.head.flags & EVENT_HAS_FILE) ? isSocket(e.head.mode)
                                                     : spec.table == static_cast<uint8_t>(schema::TableId::network)) {
        addNetworkRow(e, spec);
      } else {
        addFileRow(e, spec);
      }
      break;
    case schema::TableId::call: addOtherRow(e, spec); break;
    default: counters_.unknownKind++; return;
  }
  bumpVersion(e);
}

void EventColumns::addExec(const Event& e) {
  TableWriter& table = writer_.exec;
  image_facts facts;
  const bool known = e.facts(&facts);
  beginRow(table, e.head);
  table.set<uint32_t>(Column::rawPath, text(e.text(SLOT_RAW0)));
  table.set<uint32_t>(Column::comm, text({e.head.comm, strnlen(e.head.comm, sizeof(e.head.comm))}));
  const std::string_view image = e.has(SLOT_PATH) ? resolved(e) : std::string_view();
  // Without a link alone it is a file that was removed, as every program is that a package upgrade replaced.
  const bool inMemory = known && facts.links == 0 && image.substr(0, kMemfdPrefix.size()) == kMemfdPrefix;
  if (!image.empty()) table.set<uint32_t>(Column::exePath, text(image));
  table.set<uint32_t>(Column::argv, text(e.text(SLOT_RAW1)));
  table.set<uint32_t>(Column::cwd, path(e, SLOT_DIR0));
  if (e.has(SLOT_DIR1)) table.set<uint32_t>(Column::env, text(e.text(SLOT_DIR1)));
  if (!known) return;
  table.set<uint32_t>(Column::tty, facts.tty);
  table.set<uint32_t>(Column::sid, facts.sid);
  table.set<uint32_t>(Column::pgid, facts.pgid);
  table.set<uint32_t>(Column::vsid, facts.vsid);
  table.set<uint32_t>(Column::vpgid, facts.vpgid);
  table.set<uint32_t>(Column::loginUid, facts.login_uid);
  table.set<double>(Column::capPermitted, static_cast<double>(facts.cap_permitted));
  table.set<double>(Column::capEffective, static_cast<double>(facts.cap_effective));
  table.set<double>(Column::capInheritable, static_cast<double>(facts.cap_inheritable));
  table.set<double>(Column::exeInode, static_cast<double>(facts.inode));
  table.set<int64_t>(Column::exeCtime, facts.ctime_ns);
  table.set<int64_t>(Column::exeMtime, facts.mtime_ns);
  table.set<uint8_t>(Column::exeFlags, static_cast<uint8_t>((facts.layer == LAYER_UPPER ? kUpperLayer : 0) |
                                                            (facts.layer == LAYER_LOWER ? kLowerLayer : 0) |
                                                            (inMemory ? kMemfd : 0) |
                                                            (mayWrite(e.head, facts) ? kWritable : 0) |
                                                            (facts.interpreted ? kInterpreter : 0)));
}

void EventColumns::addFork(const Event& e) {
  TableWriter& table = writer_.lifecycle;
  beginRow(table, e.head);
  table.set<uint32_t>(Column::flags, static_cast<uint32_t>(e.head.args[3]));
  table.set<uint32_t>(Column::childPid, static_cast<uint32_t>(e.head.args[0]));
  table.set<double>(Column::childStartNs, static_cast<double>(e.head.args[1]));
  table.set<uint32_t>(Column::childVpid, static_cast<uint32_t>(e.head.args[2]));
  // The child begins with the name that the parent has by now, which need not be that of its program.
  table.set<uint32_t>(Column::comm, text({e.head.comm, strnlen(e.head.comm, sizeof(e.head.comm))}));
}

void EventColumns::addExit(const Event& e) {
  TableWriter& table = writer_.lifecycle;
  beginRow(table, e.head);
  table.set<int32_t>(Column::exitCode, static_cast<int32_t>(e.head.args[0]));
  table.set<uint8_t>(Column::exitSignal, static_cast<uint8_t>(e.head.args[1]));
  versions_.erase({e.head.start_ns, e.head.pid});
}

void EventColumns::addCgroup(const Event& e) {
  TableWriter& table = writer_.cgroups;
  table.addRow();
  table.set<double>(Column::time, timeOf(e.head));
  table.set<double>(Column::cgroupId, static_cast<double>(e.head.args[0]));
  table.set<uint32_t>(Column::cgroupPath, text(e.text(SLOT_RAW0)));
  table.set<uint8_t>(Column::cgroupChange, static_cast<uint8_t>(e.head.args[1]));
  if (e.head.args[2] != 0) table.set<uint32_t>(Column::pid, static_cast<uint32_t>(e.head.args[2]));
}

void EventColumns::setFile(TableWriter& table, const Event& e) {
  if (!(e.head.flags & EVENT_HAS_FILE)) return;
  table.set<double>(Column::inode, static_cast<double>(e.head.inode));
  table.set<uint32_t>(Column::device, e.head.device);
  table.set<uint32_t>(Column::fileMode, e.head.mode);
  if (e.head.flags & (EVENT_UPPER | EVENT_LOWER)) {
    table.set<uint8_t>(Column::fdLayer, e.head.flags & EVENT_UPPER ? LAYER_UPPER : LAYER_LOWER);
  }
}

void EventColumns::setArguments(TableWriter& table, const Event& e, int count) {
  static constexpr Column kArguments[] = {Column::arg0, Column::arg1, Column::arg2,
                                          Column::arg3, Column::arg4, Column::arg5};
  for (int i = 0; i < count; i++) table.set<double>(kArguments[i], argumentNumber(e.head.args[i]));
}

void EventColumns::addFileRow(const Event& e, const call_spec& spec) {
  TableWriter& table = writer_.file;
  beginRow(table, e.head);
  const bool isUnnumbered = lacksDescriptor(e.head);
  if (spec.fd) table.set<int32_t>(Column::fd, isUnnumbered ? 0 : e.head.fd);
  if (spec.fd && isUnnumbered) table.set<uint8_t>(Column::fdType, 'f');
  if (e.has(SLOT_PATH)) {
    const std::string_view path = resolved(e);
    table.set<uint32_t>(Column::path, text(path));
    if (e.head.flags & EVENT_HAS_FILE) table.set<uint8_t>(Column::fdType, fileTypeChar(e.head, path));
  }
  const bool isNamed = e.head.type >= TYPE_FIRST_NAMED;
  // Of a request through io_uring the arguments are not read.
  const bool isRequest = isNamed && e.head.abi == ABI_URING;
  if (isNamed && !isRequest) setArguments(table, e, 6);
  if (spec.raw0 & (RAW_DATA | RAW_PARTS)) {
    if (e.has(SLOT_RAW0)) table.set<uint32_t>(Column::data, text(e.slots[SLOT_RAW0]));
  } else if (e.has(SLOT_RAW0) && !(e.head.type == TYPE_GETCWD && e.head.ret < 0)) {
    // The buffer of a getcwd that failed holds whatever was in it.
    const bool isText = isNamed && spec.dir0 == PLACE_UNRELATED;
    table.set<uint32_t>(isText ? Column::text0 : Column::rawPath, text(e.text(SLOT_RAW0)));
  }
  if (e.has(SLOT_RAW1)) {
    const bool isText = isNamed && spec.dir1 == PLACE_UNRELATED;
    table.set<uint32_t>(isText ? Column::text1 : Column::rawPath2, text(e.text(SLOT_RAW1)));
  }
  if (spec.at_size && !isRequest) table.set<double>(Column::size, static_cast<double>(static_cast<int64_t>(e.at(spec.at_size))));
  if (e.has(SLOT_DIR0)) {
    const uint32_t directory = path(e, SLOT_DIR0);
    table.set<uint32_t>(Column::dirPath, directory);
    // An empty path is the descriptor itself (AT_EMPTY_PATH).
    if (e.text(SLOT_RAW0).empty() && !e.has(SLOT_PATH)) table.set<uint32_t>(Column::path, directory);
  }
  if (e.has(SLOT_DIR1)) table.set<uint32_t>(Column::dirPath2, path(e, SLOT_DIR1));
  if (spec.dir0 && !(isNamed && spec.dir0 == PLACE_UNRELATED)) {
    table.set<int32_t>(Column::dirFd, static_cast<int32_t>(e.at(spec.dir0)));
  }
  if (spec.dir1 && spec.dir1 != PLACE_UNRELATED) table.set<int32_t>(Column::dirFd2, static_cast<int32_t>(e.at(spec.dir1)));
  if (spec.at_flags) table.set<uint32_t>(Column::flags, static_cast<uint32_t>(e.at(spec.at_flags)));
  if (spec.at_mode && !isRequest) table.set<uint32_t>(Column::mode, static_cast<uint32_t>(e.at(spec.at_mode)));
  if (spec.at_uid) table.set<uint32_t>(Column::argUid, static_cast<uint32_t>(e.at(spec.at_uid)));
  if (spec.at_gid) table.set<uint32_t>(Column::argGid, static_cast<uint32_t>(e.at(spec.at_gid)));
  if (e.head.type == TYPE_DUP || e.head.type == TYPE_DUP2 || e.head.type == TYPE_DUP3) {
    table.set<double>(Column::arg0, argumentNumber(e.head.args[0]));
    if (e.head.type != TYPE_DUP) table.set<double>(Column::arg1, argumentNumber(e.head.args[1]));
  }
  setFile(table, e);
}

void EventColumns::addOtherRow(const Event& e, const call_spec& spec) {
  TableWriter& table = writer_.call;
  beginRow(table, e.head);
  setArguments(table, e, 6);
  if (e.has(SLOT_RAW0)) table.set<uint32_t>(Column::text0, text(e.text(SLOT_RAW0)));
  if (e.has(SLOT_RAW1)) table.set<uint32_t>(Column::text1, text(e.text(SLOT_RAW1)));
  const bool isUnnumbered = lacksDescriptor(e.head);
  if (spec.fd) table.set<int32_t>(Column::fd, isUnnumbered ? 0 : e.head.fd);
  if (spec.fd && isUnnumbered) table.set<uint8_t>(Column::fdType, 'f');
  if (e.has(SLOT_PATH)) {
    const std::string_view path = resolved(e);
    table.set<uint32_t>(Column::path, text(path));
    if (e.head.flags & EVENT_HAS_FILE) table.set<uint8_t>(Column::fdType, fileTypeChar(e.head, path));
  }
  if (spec.at_flags) table.set<uint32_t>(Column::flags, static_cast<uint32_t>(e.at(spec.at_flags)));
  if (spec.at_uid) table.set<uint32_t>(Column::argUid, static_cast<uint32_t>(e.at(spec.at_uid)));
  if (spec.at_gid) table.set<uint32_t>(Column::argGid, static_cast<uint32_t>(e.at(spec.at_gid)));
  setFile(table, e);
}

// What changes the context of a process without a new image gets a new key, so that facts never change under one.
void EventColumns::bumpVersion(const Event& e) {
  if (e.head.ret < 0) return;
  switch (e.head.type) {
    case TYPE_CHDIR:
    case TYPE_FCHDIR:
    case TYPE_SETSID:
    case TYPE_SETPGID:
      if (versions_.size() >= kVersionsMax) versions_.clear();
      versions_[{e.head.start_ns, e.head.pid}]++;
  }
}

}  // namespace seamark
