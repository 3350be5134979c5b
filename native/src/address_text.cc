#include "address_text.h"

#include <arpa/inet.h>
#include <string.h>

namespace seamark {

std::string_view AddressText::ipv4(const uint8_t bytes[4]) {
  char* at = chars;
  for (int i = 0; i < 4; i++) {
    const uint8_t byte = bytes[i];
    if (byte >= 100) *at++ = static_cast<char>('0' + byte / 100);
    if (byte >= 10) *at++ = static_cast<char>('0' + byte / 10 % 10);
    *at++ = static_cast<char>('0' + byte % 10);
    if (i < 3) *at++ = '.';
  }
  return {chars, static_cast<size_t>(at - chars)};
}

std::string_view AddressText::ipv6(const uint8_t bytes[16]) {
  if (isMappedIpv4(bytes)) return ipv4(bytes + 12);
  if (inet_ntop(AF_INET6, bytes, chars, sizeof(chars)) == nullptr) return {};
  return chars;
}

bool isMappedIpv4(const uint8_t bytes[16]) {
  static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return memcmp(bytes, prefix, sizeof(prefix)) == 0;
}

}  // namespace seamark
