#include "batch_writer.h"

namespace seamark {

namespace {

constexpr uint32_t kMagic = 0x42424d53;
constexpr size_t kHeadBytes = 32;
constexpr size_t kTableBytes = 16;
constexpr size_t kColumnBytes = 8;
constexpr uint32_t kFirstCapacity = 256;

size_t align(size_t at) { return (at + 7) & ~size_t{7}; }

uint8_t widthOf(Kind kind) {
  switch (kind) {
    case Kind::u8: return 1;
    case Kind::u16: return 2;
    case Kind::f64:
    case Kind::i64: return 8;
    default: return 4;
  }
}

template <typename T>
void put(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

template <typename T>
void fill(uint8_t* bytes, size_t from, size_t to, T value) {
  T* cells = reinterpret_cast<T*>(bytes);
  for (size_t i = from; i < to; i++) cells[i] = value;
}

}  // namespace

TableWriter::TableWriter(const schema::TableSpec& spec) : id_(spec.id) {
  std::memset(slots_, 0xff, sizeof(slots_));
  for (size_t i = 0; i < spec.columnCount; i++) {
    const schema::ColumnSpec column = spec.columns[i];
    slots_[static_cast<size_t>(column.column)] = static_cast<uint8_t>(i);
    columns_.push_back({column, widthOf(column.kind), false, {}});
  }
}

void TableWriter::grow() {
  const uint32_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  for (Data& data : columns_) {
    data.bytes.resize(static_cast<size_t>(capacity) * data.width);
    fillAbsent(data, capacity_, capacity);
  }
  capacity_ = capacity;
}

void TableWriter::fillAbsent(Data& data, size_t from, size_t to) {
  uint8_t* bytes = data.bytes.data();
  switch (data.spec.kind) {
    case Kind::u8: fill<uint8_t>(bytes, from, to, 0xff); break;
    case Kind::u16: fill<uint16_t>(bytes, from, to, 0xffff); break;
    case Kind::u32:
    case Kind::ref: fill<uint32_t>(bytes, from, to, 0xffffffff); break;
    case Kind::i32: fill<int32_t>(bytes, from, to, std::numeric_limits<int32_t>::min()); break;
    case Kind::str: fill<uint32_t>(bytes, from, to, 0); break;
    case Kind::f64: fill<double>(bytes, from, to, kAbsentNumber); break;
    case Kind::i64: fill<int64_t>(bytes, from, to, std::numeric_limits<int64_t>::min()); break;
  }
}

void TableWriter::clear() {
  for (Data& data : columns_) {
    if (data.used) fillAbsent(data, 0, rows_);
    data.used = false;
  }
  rows_ = 0;
}

BatchWriter::BatchWriter(uint64_t seed)
    : process(schema::processTable),
      cgroups(schema::cgroupsTable),
      exec(schema::execTable),
      lifecycle(schema::lifecycleTable),
      file(schema::fileTable),
      network(schema::networkTable),
      call(schema::callTable),
      strings(seed) {}

void BatchWriter::clear() {
  for (TableWriter* table : {&process, &cgroups, &exec, &lifecycle, &file, &network, &call}) table->clear();
  strings.clear();
}

uint32_t BatchWriter::eventRows() const {
  return exec.rows() + lifecycle.rows() + file.rows() + network.rows() + call.rows();
}

std::vector<const TableWriter*> BatchWriter::filled() const {
  std::vector<const TableWriter*> tables;
  for (const TableWriter* table : {&process, &cgroups, &exec, &lifecycle, &file, &network, &call}) {
    if (table->rows() > 0) tables.push_back(table);
  }
  return tables;
}

std::vector<uint8_t> BatchWriter::encode(uint64_t baseNs) const {
  const std::vector<const TableWriter*> tables = filled();
  size_t at = kHeadBytes + tables.size() * kTableBytes;
  std::vector<size_t> directories;
  for (const TableWriter* table : tables) {
    directories.push_back(at);
    size_t used = 0;
    for (const auto& column : table->columns_) used += column.used ? 1 : 0;
    at = align(at + used * kColumnBytes);
  }
  size_t end = at;
  for (const TableWriter* table : tables) {
    for (const auto& column : table->columns_) {
      if (column.used) end = align(end + static_cast<size_t>(table->rows_) * column.width);
    }
  }
  const size_t offsetsAt = end;
  const size_t stringsAt = align(offsetsAt + strings.offsets().size() * 4);
  std::vector<uint8_t> out(stringsAt + strings.byteCount());
  uint8_t* bytes = out.data();
  put<uint32_t>(bytes, kMagic);
  put<uint32_t>(bytes + 4, static_cast<uint32_t>(tables.size()));
  put<uint32_t>(bytes + 8, strings.count());
  put<uint32_t>(bytes + 12, static_cast<uint32_t>(offsetsAt));
  put<uint32_t>(bytes + 16, static_cast<uint32_t>(stringsAt));
  put<uint32_t>(bytes + 20, static_cast<uint32_t>(out.size()));
  put<uint64_t>(bytes + 24, baseNs);
  for (size_t i = 0; i < tables.size(); i++) {
    const TableWriter* table = tables[i];
    uint8_t* entry = bytes + kHeadBytes + i * kTableBytes;
    size_t directory = directories[i];
    uint16_t columns = 0;
    for (const auto& column : table->columns_) {
      if (!column.used) continue;
      const size_t length = static_cast<size_t>(table->rows_) * column.width;
      put<uint16_t>(bytes + directory, static_cast<uint16_t>(column.spec.column));
      bytes[directory + 2] = static_cast<uint8_t>(column.spec.kind);
      put<uint32_t>(bytes + directory + 4, static_cast<uint32_t>(at));
      std::memcpy(bytes + at, column.bytes.data(), length);
      directory += kColumnBytes;
      at = align(at + length);
      columns++;
    }
    put<uint16_t>(entry, static_cast<uint16_t>(table->id_));
    put<uint16_t>(entry + 2, columns);
    put<uint32_t>(entry + 4, table->rows_);
    put<uint32_t>(entry + 8, static_cast<uint32_t>(directories[i]));
  }
  std::memcpy(bytes + offsetsAt, strings.offsets().data(), strings.offsets().size() * 4);
  if (strings.byteCount() > 0) std::memcpy(bytes + stringsAt, strings.bytes().data(), strings.byteCount());
  return out;
}

}  // namespace seamark
