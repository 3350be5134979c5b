// A capture as a JavaScript object. It ends with close(), with its collection, or with the thread it was opened on.
#pragma once
#include <napi.h>

#include <cerrno>
#include <memory>
#include <string>

#include "js_values.h"

namespace seamark {

// `valid` is false when there is no usable call table; everything else has a default.
inline CaptureOptions readOptions(const Napi::Object& object, bool* valid) {
  CaptureOptions options;
  options.processRingBytes = static_cast<uint32_t>(field(object, "processRingBytes", options.processRingBytes));
  options.bulkRingBytes = static_cast<uint32_t>(field(object, "bulkRingBytes", options.bulkRingBytes));
  options.outstandingMax = static_cast<uint32_t>(field(object, "outstandingMax", options.outstandingMax));
  options.tickMs = static_cast<uint32_t>(field(object, "tickMs", options.tickMs));
  options.heartbeatMs = static_cast<uint32_t>(field(object, "heartbeatMs", options.heartbeatMs));
  options.cgroupV1 = flag(object, "cgroupV1");
  options.containersOnly = flag(object, "containersOnly");
  options.environment = flag(object, "environment");
  *valid = readCalls(object.Get("calls"), &options.calls);
  const Napi::Value excluded = object.Get("excluded");
  if (excluded.IsArray()) {
    const auto list = excluded.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length() && i < EXCLUDED_MAX; i++) {
      const Napi::Object entry = list.Get(i).ToObject();
      options.excluded.push_back(
          {static_cast<u32>(field(entry, "pidNs", 0)), static_cast<u32>(field(entry, "vpid", 0))});
    }
  }
  const Napi::Value budgets = object.Get("budgets");
  if (budgets.IsArray()) {
    const auto list = budgets.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length() && i < BUDGET_CLASSES; i++) {
      const Napi::Object entry = list.Get(i).ToObject();
      const double perSecond = field(entry, "perSecond", 0);
      const double burst = field(entry, "burst", 0);
      if (perSecond < 1) continue;
      options.budgets[i].cost_ns = static_cast<u64>(1e9 / perSecond);
      options.budgets[i].burst_ns = static_cast<u64>(burst * 1e9 / perSecond);
    }
  }
  return options;
}

// One running capture. Created by openCapture, ended by close() or by the end of its thread.
class CaptureSession : public Napi::ObjectWrap<CaptureSession> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "CaptureSession",
                       {InstanceMethod<&CaptureSession::close>("close"), InstanceMethod<&CaptureSession::release>("release"),
                        InstanceMethod<&CaptureSession::setCalls>("setCalls"),
                        InstanceMethod<&CaptureSession::setVerdict>("setVerdict"),
                        InstanceMethod<&CaptureSession::stats>("stats"),
                        InstanceMethod<&CaptureSession::startRecording>("startRecording"),
                        InstanceMethod<&CaptureSession::recordFacts>("recordFacts"),
                        InstanceMethod<&CaptureSession::stopRecording>("stopRecording")});
  }

  explicit CaptureSession(const Napi::CallbackInfo& info) : Napi::ObjectWrap<CaptureSession>(info), env_(info.Env()) {}

  ~CaptureSession() override { end(); }

  int start(const CaptureOptions& options, const Napi::Function& onChunk, std::string* reason) {
    deliver_ = Napi::ThreadSafeFunction::New(env_, onChunk, "seamark capture", 0, 1);
    capture_ = std::make_unique<Capture>(options);
    // A worker that is terminated runs this before its environment goes away; the drain thread must not outlive it.
    napi_add_env_cleanup_hook(env_, endHook, this);
    hooked_ = true;
    const int error = capture_->start(
        [this](std::unique_ptr<Chunk> chunk) {
          Chunk* raw = chunk.release();
          if (deliver_.NonBlockingCall(raw, callBack) != napi_ok) delete raw;
        },
        reason);
    if (error != 0) end();
    return error;
  }

  const Capture* capture() const { return capture_.get(); }

 private:
  static void callBack(Napi::Env env, Napi::Function onChunk, Chunk* raw) {
    const std::unique_ptr<Chunk> chunk(raw);
    if (env == nullptr || onChunk.IsEmpty()) return;
    const Napi::Object object = chunkObject(env, *chunk);
    if (!object.IsEmpty()) onChunk.Call({object});
  }

  static void endHook(void* self) {
    auto* session = static_cast<CaptureSession*>(self);
    session->hooked_ = false;
    session->end();
  }

  void end() {
    if (hooked_) napi_remove_env_cleanup_hook(env_, endHook, this);
    hooked_ = false;
    if (capture_ == nullptr) return;
    capture_->stop();
    capture_.reset();
    deliver_.Release();
  }

  Napi::Value close(const Napi::CallbackInfo& info) {
    end();
    return info.Env().Undefined();
  }

  Napi::Value release(const Napi::CallbackInfo& info) {
    if (capture_ != nullptr) capture_->release(1);
    return info.Env().Undefined();
  }

  // (calls: Uint8Array, containersOnly: boolean, environment: boolean) → whether the table was accepted.
  Napi::Value setCalls(const Napi::CallbackInfo& info) {
    CallTable calls;
    if (capture_ == nullptr || !readCalls(info[0], &calls)) return Napi::Boolean::New(info.Env(), false);
    capture_->setCalls(calls, info[1].ToBoolean(), info[2].ToBoolean());
    return Napi::Boolean::New(info.Env(), true);
  }

  // (cgroup id: number, verdict: number) → errno.
  Napi::Value setVerdict(const Napi::CallbackInfo& info) {
    if (capture_ == nullptr) return Napi::Number::New(info.Env(), EBADF);
    const auto cgroup = static_cast<uint64_t>(info[0].ToNumber().DoubleValue());
    return Napi::Number::New(info.Env(), -capture_->setVerdict(cgroup, info[1].ToNumber().Uint32Value()));
  }

  // (path: string, max bytes: number) → errno.
  Napi::Value startRecording(const Napi::CallbackInfo& info) {
    if (capture_ == nullptr) return Napi::Number::New(info.Env(), EBADF);
    const auto bytes = static_cast<uint64_t>(info[1].ToNumber().DoubleValue());
    return Napi::Number::New(info.Env(), -capture_->startRecording(info[0].ToString().Utf8Value(), bytes));
  }

  // (facts: Uint8Array) → errno.
  Napi::Value recordFacts(const Napi::CallbackInfo& info) {
    if (capture_ == nullptr || !info[0].IsTypedArray()) return Napi::Number::New(info.Env(), EBADF);
    const auto facts = info[0].As<Napi::Uint8Array>();
    return Napi::Number::New(info.Env(), -capture_->recordFacts(facts.Data(), facts.ByteLength()));
  }

  Napi::Value stopRecording(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), capture_ == nullptr ? EBADF : -capture_->stopRecording());
  }

  Napi::Value stats(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (capture_ == nullptr) return env.Null();
    const CaptureStats stats = capture_->stats();
    Napi::Object object = Napi::Object::New(env);
    object.Set("sent", static_cast<double>(stats.sent));
    object.Set("rows", static_cast<double>(stats.events.rows));
    object.Set("late", static_cast<double>(stats.events.late));
    object.Set("unknownVersion", static_cast<double>(stats.events.unknownVersion));
    object.Set("unknownKind", static_cast<double>(stats.events.unknownKind));
    object.Set("malformed", static_cast<double>(stats.events.malformed));
    object.Set("chunks", static_cast<double>(stats.chunks));
    object.Set("outstanding", static_cast<double>(stats.outstanding));
    object.Set("stalledTicks", static_cast<double>(stats.stalledTicks));
    object.Set("ringBytes", static_cast<double>(stats.ringBytes));
    object.Set("untracked", static_cast<double>(stats.untracked));
    object.Set("recordedBytes", static_cast<double>(stats.recordedBytes));
    object.Set("recordingCut", static_cast<double>(stats.recordingCut));
    object.Set("losses", lossesObject(env, stats.losses));
    return object;
  }

  napi_env env_;
  bool hooked_ = false;
  std::unique_ptr<Capture> capture_;
  Napi::ThreadSafeFunction deliver_;
};

}  // namespace seamark
