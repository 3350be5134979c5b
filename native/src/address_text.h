// Network addresses as text, the way rules and people write them.
#pragma once
#include <cstdint>
#include <string_view>

namespace seamark {

// A buffer for the longest address (RFC 5952 text of an IPv6 address with an embedded IPv4 one).
struct AddressText {
  char chars[48];
  std::string_view ipv4(const uint8_t bytes[4]);
  // An IPv4-mapped address (::ffff:a.b.c.d) is given as IPv4, as Falco does.
  std::string_view ipv6(const uint8_t bytes[16]);
};

bool isMappedIpv4(const uint8_t bytes[16]);

}  // namespace seamark
