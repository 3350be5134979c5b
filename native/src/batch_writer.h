// A batch body under construction: typed columns over one string dictionary, written out in exactly the layout of
// core/batch/body.ts. Memory is kept from one batch to the next.
#pragma once
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "generated/batch_schema.h"
#include "string_table.h"

namespace seamark {

using schema::Column;
using schema::Kind;

constexpr double kAbsentNumber = std::numeric_limits<double>::quiet_NaN();

// One table's columns. A cell that is not set is absent; a column with no cell set is left out of the body.
class TableWriter {
 public:
  explicit TableWriter(const schema::TableSpec& spec);

  // Starts a row and returns its index.
  uint32_t addRow() {
    if (rows_ == capacity_) grow();
    return rows_++;
  }
  uint32_t rows() const { return rows_; }
  void clear();

  // Sets a cell of the last row. T is the element type of the column's kind.
  template <typename T>
  void set(Column column, T value) {
    const uint8_t slot = slots_[static_cast<size_t>(column)];
    assert(slot < columns_.size());
    Data& data = columns_[slot];
    data.used = true;
    reinterpret_cast<T*>(data.bytes.data())[rows_ - 1] = value;
  }

 private:
  friend class BatchWriter;
  struct Data {
    schema::ColumnSpec spec;
    uint8_t width;
    bool used;
    std::vector<uint8_t> bytes;
  };

  void grow();
  static void fillAbsent(Data& data, size_t from, size_t to);

  schema::TableId id_;
  uint32_t rows_ = 0;
  uint32_t capacity_ = 0;
  uint8_t slots_[schema::kColumnIds];
  std::vector<Data> columns_;
};

class BatchWriter {
 public:
  explicit BatchWriter(uint64_t seed);

  TableWriter process, cgroups, exec, lifecycle, file, network, call;
  StringTable strings;

  void clear();
  // Rows of event tables.
  uint32_t eventRows() const;
  // Writes the body; its length is a multiple of nothing in particular, its sections are aligned to 8.
  std::vector<uint8_t> encode(uint64_t baseNs) const;

 private:
  std::vector<const TableWriter*> filled() const;
};

}  // namespace seamark
