// A recording as a JavaScript object: one batch per call.
#pragma once
#include <napi.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "js_values.h"

namespace seamark {

// Reads a recording one batch at a time; JavaScript pulls, so nothing queues up.
class RecordingReader : public Napi::ObjectWrap<RecordingReader> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "RecordingReader", {InstanceMethod<&RecordingReader::next>("next")});
  }

  // The seed is fixed: a recording gives the same batches every time.
  explicit RecordingReader(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RecordingReader>(info), columns_(1, false) {}

  int open(const std::string& path) { return replay_.open(path); }

 private:
  // → a chunk, {facts, offset}, {corruption, offset}, or null at the end.
  Napi::Value next(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    while (!columns_.isFull()) {
      uint32_t bytes = 0;
      const uint8_t* event = replay_.nextEvent(&bytes);
      if (event != nullptr) {
        columns_.add(event, bytes);
        if (bytes >= sizeof(struct event)) {
          struct event head;
          memcpy(&head, event, sizeof(head));
          lastNs_ = std::max(lastNs_, static_cast<int64_t>(head.time_ns) + replay_.realtimeOffsetNs());
        }
        continue;
      }
      // A batch has one offset between the clocks, and so has a chunk: they end together.
      if (!replay_.corruption().empty() || !columns_.isEmpty()) break;
      if (!replay_.nextChunk()) break;
      if (!replay_.facts().empty()) return facts(env);
      columns_.setCalls(replay_.calls());
      columns_.beginBatch(baseOf(), replay_.realtimeOffsetNs());
    }
    if (!columns_.isEmpty()) return chunk(env);
    if (replay_.corruption().empty()) return env.Null();
    Napi::Object object = Napi::Object::New(env);
    object.Set("corruption", replay_.corruption());
    object.Set("offset", static_cast<double>(replay_.offset()));
    return object;
  }

  Napi::Value facts(Napi::Env env) const {
    const std::string_view bytes = replay_.facts();
    const Napi::ArrayBuffer copy = copyOf(env, bytes.data(), bytes.size());
    if (copy.IsEmpty()) return env.Null();
    Napi::Object object = Napi::Object::New(env);
    object.Set("facts", copy);
    object.Set("offset", static_cast<double>(replay_.offset()));
    return object;
  }

  uint64_t baseOf() const { return lastNs_ > 0 ? static_cast<uint64_t>(lastNs_) : static_cast<uint64_t>(replay_.realtimeOffsetNs()); }

  Napi::Value chunk(Napi::Env env) {
    const EventCounters& events = columns_.counters();
    Chunk chunk;
    chunk.rows = columns_.rows();
    chunk.body = columns_.take();
    columns_.beginBatch(baseOf(), replay_.realtimeOffsetNs());
    chunk.lowNs = lastNs_ - kReplaySlackNs;
    chunk.losses.gaps = events.gaps - reported_.gaps;
    chunk.losses.unusable = events.unknownVersion + events.unknownKind + events.malformed - reported_.unusable;
    reported_.gaps = events.gaps;
    reported_.unusable += chunk.losses.unusable;
    Napi::Object object = chunkObject(env, chunk);
    if (object.IsEmpty()) return env.Null();
    // Only the recording knows it: the clocks of this machine have nothing to do with those of its events.
    if (replay_.realtimeOffsetNs() != 0) object.Set("bootOffsetNs", static_cast<double>(replay_.realtimeOffsetNs()));
    return object;
  }

  // Events of different CPUs can lie a little out of order.
  static constexpr int64_t kReplaySlackNs = 5'000'000;

  Replay replay_;
  EventColumns columns_;
  int64_t lastNs_ = 0;
  Losses reported_;
};

}  // namespace seamark
