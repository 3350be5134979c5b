// The string dictionary of a batch under construction: every distinct byte string once, index 0 for absent. The hash is
// seeded per table, so that hostile file names cannot be chosen to collide.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace seamark {

class StringTable {
 public:
  explicit StringTable(uint64_t seed) : seed_(seed) { clear(); }

  // Forgets all strings and keeps the memory.
  void clear() {
    bytes_.clear();
    offsets_.assign(2, 0);
    hashes_.assign(1, 0);
    if (slots_.size() > kSlotsKept) slots_.assign(kSlotsMin, 0);
    else if (slots_.empty()) slots_.assign(kSlotsMin, 0);
    else std::memset(slots_.data(), 0, slots_.size() * sizeof(uint32_t));
  }

  // The index of a string, added if it is new. The empty string is a string like any other.
  uint32_t intern(std::string_view text) {
    const uint64_t hash = hashOf(text);
    const uint64_t mask = slots_.size() - 1;
    for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
      const uint32_t index = slots_[at];
      if (index == 0) return add(text, hash, at);
      if (hashes_[index] == hash && textOf(index) == text) return index;
    }
  }

  uint32_t count() const { return static_cast<uint32_t>(hashes_.size()); }
  // Bytes so far; the caller bounds them.
  size_t byteCount() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  // count() + 1 offsets.
  const std::vector<uint32_t>& offsets() const { return offsets_; }

 private:
  static constexpr size_t kSlotsMin = 4096;
  static constexpr size_t kSlotsKept = 65536;

  std::string_view textOf(uint32_t index) const {
    return {reinterpret_cast<const char*>(bytes_.data()) + offsets_[index], offsets_[index + 1] - offsets_[index]};
  }

  uint32_t add(std::string_view text, uint64_t hash, uint64_t at) {
    const uint32_t index = count();
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    offsets_.push_back(static_cast<uint32_t>(bytes_.size()));
    hashes_.push_back(hash);
    slots_[at] = index;
    if (hashes_.size() * 2 > slots_.size()) grow();
    return index;
  }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    const uint64_t mask = slots_.size() - 1;
    for (uint32_t index = 1; index < count(); index++) {
      uint64_t at = hashes_[index] & mask;
      while (slots_[at] != 0) at = (at + 1) & mask;
      slots_[at] = index;
    }
  }

  static uint64_t mix(uint64_t a, uint64_t b) {
    const __uint128_t product = static_cast<__uint128_t>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  uint64_t hashOf(std::string_view text) const {
    const char* at = text.data();
    size_t left = text.size();
    uint64_t hash = seed_ ^ (left * 0x9e3779b97f4a7c15ull);
    while (left >= 8) {
      uint64_t word;
      std::memcpy(&word, at, 8);
      hash = mix(hash ^ word, seed_ | 1);
      at += 8;
      left -= 8;
    }
    uint64_t tail = 0;
    std::memcpy(&tail, at, left);
    return mix(hash ^ tail, 0xd6e8feb86659fd93ull) ^ seed_;
  }

  const uint64_t seed_;
  std::vector<uint8_t> bytes_;
  std::vector<uint32_t> offsets_;
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> slots_;
};

}  // namespace seamark
