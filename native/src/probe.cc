#include "probe.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "objects.h"
#include "signals_held.h"

namespace seamark {

namespace {

// Newer than some build hosts' headers.
constexpr int kCapSysAdmin = 21;
constexpr int kCapPerfmon = 38;
constexpr int kCapBpf = 39;
constexpr uint32_t kLogBytes = 8u << 20;
constexpr size_t kWordsBytes = 1500;

bool mayLoad() {
  __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &head, data) != 0) return false;
  const auto has = [&](int capability) { return (data[capability / 32].effective >> (capability % 32) & 1) != 0; };
  return has(kCapSysAdmin) || (has(kCapBpf) && has(kCapPerfmon));
}

int tryLoad(const bpf_object_kind& kind) {
  bpf_object_handle handle;
  const int error = kind.load(&handle, nullptr, 0);
  if (error == 0) kind.destroy(&handle);
  return error;
}

// Loads once more with the verifier's log on; costs seconds where the log is long, so only after a failure.
std::string verifierWords(const bpf_object_kind& kind) {
  std::vector<char> log(kLogBytes);
  bpf_object_handle handle;
  if (kind.load(&handle, log.data(), kLogBytes) == 0) kind.destroy(&handle);
  const std::string words(log.data(), strnlen(log.data(), log.size()));
  return words.size() > kWordsBytes ? words.substr(words.size() - kWordsBytes) : words;
}

ObjectProbe probeObject(const bpf_object_kind& kind) {
  const int error = tryLoad(kind);
  return {kind.name, kind.hooks, error, error == 0 ? "" : verifierWords(kind)};
}

}  // namespace

HostProbe probeHost() {
  HostProbe probe;
  utsname name;
  probe.release = uname(&name) == 0 ? name.release : "";
  probe.hasBtf = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  probe.hasCapabilities = mayLoad();
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &unlimited);
  const SignalsHeld held;
  for (const bpf_object_kind* kind : {&process_object, &syscalls_object, &cgroups_object}) {
    probe.objects.push_back(probeObject(*kind));
  }
  // The hooks of io_uring changed twice: the variant that loads counts, else the one of which the verifier had words.
  ObjectProbe uring = probeObject(*uring_objects[0]);
  for (int i = 1; i < URING_OBJECTS && uring.error != 0; i++) {
    const ObjectProbe older = probeObject(*uring_objects[i]);
    if (older.error == 0 || !older.log.empty()) uring = {uring.name, older.hooks, older.error, older.log};
  }
  probe.objects.push_back(uring);
  return probe;
}

}  // namespace seamark
