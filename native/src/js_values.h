// Between JavaScript values and ours; shared by the classes that the addon exports.
#pragma once
#include <napi.h>

#include <cstring>
#include <string>

#include "capture.h"

namespace seamark {

inline double field(const Napi::Object& object, const char* name, double fallback) {
  const Napi::Value value = object.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : fallback;
}

inline bool flag(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  return value.IsBoolean() && value.As<Napi::Boolean>().Value();
}

inline Napi::Object failure(Napi::Env env, int error, const std::string& reason) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("errno", -error);
  result.Set("reason", reason);
  return result;
}

inline bool readCalls(const Napi::Value& value, CallTable* calls) {
  if (!value.IsTypedArray()) return false;
  const auto bytes = value.As<Napi::Uint8Array>();
  if (bytes.ByteLength() != sizeof(CallTable)) return false;
  memcpy(calls, bytes.Data(), sizeof(CallTable));
  return true;
}

inline Napi::Object lossesObject(Napi::Env env, const Losses& losses) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("processRing", static_cast<double>(losses.processRing));
  object.Set("bulkRing", static_cast<double>(losses.bulkRing));
  object.Set("overBudget", static_cast<double>(losses.overBudget));
  object.Set("gaps", static_cast<double>(losses.gaps));
  object.Set("unusable", static_cast<double>(losses.unusable));
  return object;
}

// Copied into memory of the engine's own, so that it can be transferred to another thread. Empty when the engine makes
// nothing any more, because its thread is being terminated: whoever goes on with an empty value aborts the process.
inline Napi::ArrayBuffer copyOf(Napi::Env env, const void* bytes, size_t size) {
  Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, size);
  if (!copy.IsEmpty()) memcpy(copy.Data(), bytes, size);
  return copy;
}

// Empty as above.
inline Napi::Object chunkObject(Napi::Env env, const Chunk& chunk) {
  const Napi::ArrayBuffer body = copyOf(env, chunk.body.data(), chunk.body.size());
  if (body.IsEmpty()) return Napi::Object();
  Napi::Object object = Napi::Object::New(env);
  object.Set("body", body);
  object.Set("rows", static_cast<double>(chunk.rows));
  object.Set("lowMs", static_cast<double>(chunk.lowNs / 1'000'000));
  object.Set("losses", lossesObject(env, chunk.losses));
  return object;
}

}  // namespace seamark
