// The network rows of EventColumns: whose address is whose. The kernel's socket is believed before the caller's buffer.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../bpf/event-types.h"
#include "address_text.h"
#include "event_columns.h"
#include "event_view.h"

namespace seamark {

namespace {

enum Role : uint8_t { kClient = 1, kServer = 2 };

struct Endpoint {
  uint8_t family = 0;
  std::string_view ip;
  uint16_t port = 0;
  std::string_view path;
};

bool isZero(const uint8_t* bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

// A struct sockaddr from user space; anything too short for its family is no endpoint.
Endpoint parseAddress(std::string_view bytes, AddressText& text) {
  Endpoint end;
  uint16_t family;
  if (bytes.size() < 2) return end;
  memcpy(&family, bytes.data(), 2);
  if (family == AF_INET && bytes.size() >= 8) {
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    end.family = AF_INET;
    end.port = static_cast<uint16_t>(data[2] << 8 | data[3]);
    end.ip = text.ipv4(data + 4);
  } else if (family == AF_INET6 && bytes.size() >= 24) {
    const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
    end.family = AF_INET6;
    end.port = static_cast<uint16_t>(data[2] << 8 | data[3]);
    end.ip = text.ipv6(data + 8);
  } else if (family == AF_UNIX) {
    end.family = AF_UNIX;
    end.path = bytes.substr(2);
  }
  return end;
}

bool isMappedText(uint8_t family, std::string_view ip) { return family == AF_INET6 && ip.find(':') == ip.npos; }

uint8_t socketTypeChar(uint8_t family, std::string_view ip) {
  switch (family) {
    case AF_INET: return '4';
    case AF_INET6: return isMappedText(family, ip) ? '4' : '6';
    case AF_UNIX: return 'u';
    case AF_NETLINK: return 'n';
    default: return 'o';
  }
}

}  // namespace

// An abstract name starts with NUL and is shown with @, as ss(8) does; a file name ends at its first NUL.
uint32_t EventColumns::socketPath(std::string_view path) {
  if (path.empty()) return 0;
  if (path[0] != '\0') return text(path.substr(0, path.find('\0')));
  joined_.assign(path);
  joined_[0] = '@';
  return joined_.size() > 1 ? text(joined_) : 0;
}

void EventColumns::addNetworkRow(const Event& e, const call_spec& spec) {
  TableWriter& table = writer_.network;
  beginRow(table, e.head);
  AddressText localText, remoteText, givenText;
  socket_facts facts;
  const bool known = e.facts(&facts);
  const Endpoint given = parseAddress(e.slots[SLOT_ADDRESS], givenText);
  Endpoint local, remote;
  if (known && (facts.family == AF_INET || facts.family == AF_INET6)) {
    const size_t bytes = facts.family == AF_INET ? 4 : 16;
    local.port = facts.local_port;
    remote.port = facts.remote_port;
    // An unbound socket has no address of its own.
    if (local.port != 0 || !isZero(facts.local, bytes)) {
      local.ip = bytes == 4 ? localText.ipv4(facts.local) : localText.ipv6(facts.local);
    }
    if (!isZero(facts.remote, bytes)) {
      remote.ip = bytes == 4 ? remoteText.ipv4(facts.remote) : remoteText.ipv6(facts.remote);
    }
  } else if (known && facts.family == AF_UNIX) {
    remote.path = {facts.path, std::min<size_t>(facts.path_bytes, sizeof(facts.path))};
  }
  const bool failed = e.head.ret < 0;
  switch (e.head.type) {
    case TYPE_BIND:
    case TYPE_LISTEN:
      if (failed && !given.ip.empty()) local = given;
      if (remote.path.empty()) remote.path = given.path;
      remote.ip = {};
      remote.port = 0;
      break;
    case TYPE_CONNECT:
    case TYPE_SENDTO:
    case TYPE_SENDMSG:
    case TYPE_RECVFROM:
    case TYPE_RECVMSG:
    case TYPE_SENDMMSG:
    case TYPE_RECVMMSG:
      // An unconnected or refused socket has no peer in the kernel.
      if ((remote.ip.empty() || remote.port == 0) && !given.ip.empty()) remote = given;
      if (remote.path.empty()) remote.path = given.path;
      break;
  }
  uint8_t family = known ? static_cast<uint8_t>(facts.family) : given.family;
  if (e.head.type == TYPE_SOCKET || e.head.type == TYPE_SOCKETPAIR) family = static_cast<uint8_t>(e.head.args[0]);
  if (spec.fd) table.set<int32_t>(Column::fd, e.head.fd);
  if (known || family != 0) {
    table.set<uint8_t>(Column::family, family);
    table.set<uint8_t>(Column::fdType, socketTypeChar(family, remote.ip.empty() ? local.ip : remote.ip));
  }
  if (known) {
    table.set<uint8_t>(Column::protocol, facts.protocol);
    table.set<uint8_t>(Column::socketType, facts.type);
  }
  if (!local.ip.empty()) {
    table.set<uint32_t>(Column::localIp, text(local.ip));
    table.set<uint16_t>(Column::localPort, local.port);
  }
  if (!remote.ip.empty()) {
    table.set<uint32_t>(Column::remoteIp, text(remote.ip));
    table.set<uint16_t>(Column::remotePort, remote.port);
  }
  if (!remote.path.empty()) table.set<uint32_t>(Column::socketPath, socketPath(remote.path));
  if (e.head.type == TYPE_CONNECT) {
    table.set<uint8_t>(Column::role, kClient);
  } else if (e.head.type == TYPE_ACCEPT || e.head.type == TYPE_ACCEPT4 || (known && facts.listening)) {
    table.set<uint8_t>(Column::role, kServer);
  }
  if (spec.at_flags) table.set<uint32_t>(Column::flags, static_cast<uint32_t>(e.at(spec.at_flags)));
  const bool isRequest = e.head.type >= TYPE_FIRST_NAMED && e.head.abi == ABI_URING;
  if (spec.at_size && !isRequest) table.set<double>(Column::size, static_cast<double>(static_cast<int64_t>(e.at(spec.at_size))));
  if (e.has(SLOT_RAW0)) {
    if (spec.raw0 & (RAW_DATA | RAW_PARTS)) table.set<uint32_t>(Column::data, text(e.slots[SLOT_RAW0]));
    else table.set<uint32_t>(Column::text0, text(e.text(SLOT_RAW0)));
  }
  if (e.has(SLOT_RAW1)) table.set<uint32_t>(Column::text1, text(e.text(SLOT_RAW1)));
  if (!isRequest) setArguments(table, e, e.head.type >= TYPE_FIRST_NAMED ? 6 : 3);
}

}  // namespace seamark
