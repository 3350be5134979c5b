// An event with its slots found. The head is copied out: recordings promise no alignment.
#pragma once
#include <algorithm>
#include <cstring>
#include <string_view>

#include "event_columns.h"

namespace seamark {

struct EventColumns::Event {
  event head;
  std::string_view slots[SLOTS];

  bool has(int slot) const { return !slots[slot].empty(); }

  // A string slot without the NUL that ends it.
  std::string_view text(int slot) const {
    std::string_view value = slots[slot];
    if (!value.empty() && value.back() == '\0') value.remove_suffix(1);
    return value;
  }

  // The struct in SLOT_FACTS, zero where it is shorter; false when there is none.
  template <typename T>
  bool facts(T* out) const {
    const std::string_view bytes = slots[SLOT_FACTS];
    memset(out, 0, sizeof(*out));
    memcpy(out, bytes.data(), std::min(bytes.size(), sizeof(*out)));
    return !bytes.empty();
  }

  uint64_t at(uint8_t place) const {
    if (place >= 1 && place <= 6) return head.args[place - 1];
    return place == PLACE_RETURN ? static_cast<uint64_t>(head.ret) : 0;
  }
};

// An argument as a number: negative descriptors and -1 ids keep their sign.
inline double argumentNumber(uint64_t value) { return static_cast<double>(static_cast<int64_t>(value)); }

}  // namespace seamark
