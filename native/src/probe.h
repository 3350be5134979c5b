// What this host lets us do, found by trying: every object is really loaded (never attached) and thrown away.
#pragma once
#include <string>
#include <vector>

namespace seamark {

struct ObjectProbe {
  std::string name;
  std::string hooks;
  int error;        // 0, or a negative errno
  std::string log;  // the end of what the verifier said, where it said anything
};

struct HostProbe {
  std::string release;
  bool hasBtf;
  bool hasCapabilities;  // CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN
  std::vector<ObjectProbe> objects;
};

HostProbe probeHost();

}  // namespace seamark
