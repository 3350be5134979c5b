#include "probe.h"

#include <linux/capability.h>
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
    probe.objects.push_back({kind->name, kind->hooks, tryLoad(*kind)});
  }
  int error = tryLoad(uring_object);
  if (error != 0 && tryLoad(uring_sqe_object) == 0) error = 0;
  probe.objects.push_back({uring_object.name, uring_object.hooks, error});
  return probe;
}

}  // namespace seamark
