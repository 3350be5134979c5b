// The addon's face: everything that crosses into JavaScript. No exception crosses; failures are values {errno, reason}.
#include <napi.h>

#include <memory>

#include "capture.h"
#include "probe.h"
#include "read_in_root.h"

namespace seamark {

namespace {

double field(const Napi::Object& object, const char* name, double fallback) {
  const Napi::Value value = object.Get(name);
  return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : fallback;
}

bool flag(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  return value.IsBoolean() && value.As<Napi::Boolean>().Value();
}

Napi::Object failure(Napi::Env env, int error, const std::string& reason) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("errno", -error);
  result.Set("reason", reason);
  return result;
}

bool readCalls(const Napi::Value& value, CallTable* calls) {
  if (!value.IsTypedArray()) return false;
  const auto bytes = value.As<Napi::Uint8Array>();
  if (bytes.ByteLength() != sizeof(CallTable)) return false;
  memcpy(calls, bytes.Data(), sizeof(CallTable));
  return true;
}

Napi::Object lossesObject(Napi::Env env, const Losses& losses) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("processRing", static_cast<double>(losses.processRing));
  object.Set("bulkRing", static_cast<double>(losses.bulkRing));
  object.Set("overBudget", static_cast<double>(losses.overBudget));
  object.Set("gaps", static_cast<double>(losses.gaps));
  object.Set("unusable", static_cast<double>(losses.unusable));
  return object;
}

Napi::Object chunkObject(Napi::Env env, const Chunk& chunk) {
  // Copied into memory of the engine's own, so that it can be transferred to another thread.
  Napi::ArrayBuffer body = Napi::ArrayBuffer::New(env, chunk.body.size());
  memcpy(body.Data(), chunk.body.data(), chunk.body.size());
  Napi::Object object = Napi::Object::New(env);
  object.Set("body", body);
  object.Set("rows", static_cast<double>(chunk.rows));
  object.Set("lowMs", static_cast<double>(chunk.lowNs / 1'000'000));
  object.Set("losses", lossesObject(env, chunk.losses));
  return object;
}

}  // namespace

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
    onChunk.Call({chunkObject(env, *chunk)});
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

namespace {

struct AddonData {
  Napi::FunctionReference session;
  Napi::FunctionReference reader;
};

CaptureOptions readOptions(const Napi::Object& object, bool* valid) {
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

// (options, onChunk) → {session, missing} or {errno, reason}.
Napi::Value openCapture(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool valid = false;
  if (!info[0].IsObject() || !info[1].IsFunction()) return failure(env, -EINVAL, "openCapture(options, onChunk)");
  const CaptureOptions options = readOptions(info[0].As<Napi::Object>(), &valid);
  if (!valid) return failure(env, -EINVAL, "options.calls is not a call table");
  Napi::Object object = env.GetInstanceData<AddonData>()->session.New({});
  CaptureSession* session = CaptureSession::Unwrap(object);
  std::string reason;
  const int error = session->start(options, info[1].As<Napi::Function>(), &reason);
  if (error != 0) return failure(env, error, reason);
  Napi::Array missing = Napi::Array::New(env);
  for (const MissingObject& object : session->capture()->missing()) {
    Napi::Object entry = failure(env, object.error, object.hooks);
    entry.Set("name", object.name);
    missing.Set(missing.Length(), entry);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("session", object);
  result.Set("missing", missing);
  return result;
}

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
  // → a chunk, {corruption, offset}, or null at the end.
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
    return chunkObject(env, chunk);
  }

  // Events of different CPUs can lie a little out of order.
  static constexpr int64_t kReplaySlackNs = 5'000'000;

  Replay replay_;
  EventColumns columns_;
  int64_t lastNs_ = 0;
  Losses reported_;
};

// (path) → a reader, or {errno, reason}.
Napi::Value openRecording(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = env.GetInstanceData<AddonData>()->reader.New({});
  const int error = RecordingReader::Unwrap(object)->open(info[0].ToString().Utf8Value());
  if (error != 0) return failure(env, error, "the recording could not be opened");
  return object;
}

class ProbeWorker : public Napi::AsyncWorker {
 public:
  explicit ProbeWorker(Napi::Env env) : Napi::AsyncWorker(env), promise_(env) {}
  Napi::Promise promise() const { return promise_.Promise(); }

 protected:
  void Execute() override { probe_ = probeHost(); }
  void OnOK() override {
    const Napi::Env env = Env();
    Napi::Object result = Napi::Object::New(env);
    Napi::Array objects = Napi::Array::New(env);
    for (const ObjectProbe& object : probe_.objects) {
      Napi::Object entry = failure(env, object.error, object.hooks);
      entry.Set("name", object.name);
      entry.Set("log", object.log);
      objects.Set(objects.Length(), entry);
    }
    result.Set("release", probe_.release);
    result.Set("hasBtf", probe_.hasBtf);
    result.Set("hasCapabilities", probe_.hasCapabilities);
    result.Set("objects", objects);
    promise_.Resolve(result);
  }

 private:
  Napi::Promise::Deferred promise_;
  HostProbe probe_;
};

// () → Promise of {release, hasBtf, hasCapabilities, objects: [{name, reason: hooks, errno}]}.
Napi::Value probe(const Napi::CallbackInfo& info) {
  auto* worker = new ProbeWorker(info.Env());
  worker->Queue();
  return worker->promise();
}

class ReadWorker : public Napi::AsyncWorker {
 public:
  ReadWorker(Napi::Env env, std::string root, std::string path, uint64_t maxBytes, uint32_t timeoutMs)
      : Napi::AsyncWorker(env), promise_(env), root_(std::move(root)), path_(std::move(path)), maxBytes_(maxBytes),
        timeoutMs_(timeoutMs) {}
  Napi::Promise promise() const { return promise_.Promise(); }

 protected:
  void Execute() override { file_ = readInRoot(root_, path_, maxBytes_, timeoutMs_); }
  void OnOK() override {
    const Napi::Env env = Env();
    Napi::Object result = Napi::Object::New(env);
    result.Set("errno", -file_.error);
    if (file_.error == 0) {
      result.Set("bytes", Napi::Buffer<uint8_t>::Copy(env, file_.bytes.data(), file_.bytes.size()));
      result.Set("isCut", file_.isCut);
    }
    promise_.Resolve(result);
  }

 private:
  Napi::Promise::Deferred promise_;
  std::string root_;
  std::string path_;
  uint64_t maxBytes_;
  uint32_t timeoutMs_;
  RootFile file_;
};

// (root, path, max bytes, timeout ms) → Promise of {errno, bytes, isCut}.
Napi::Value readFileInRoot(const Napi::CallbackInfo& info) {
  constexpr double kBytesMax = 64 * 1024 * 1024;
  const double wanted = info[2].ToNumber().DoubleValue();
  const auto maxBytes = static_cast<uint64_t>(wanted >= 0 && wanted <= kBytesMax ? wanted : kBytesMax);
  auto* worker = new ReadWorker(info.Env(), info[0].ToString().Utf8Value(), info[1].ToString().Utf8Value(), maxBytes,
                                info[3].ToNumber().Uint32Value());
  worker->Queue();
  return worker->promise();
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* data = new AddonData();
  data->session = Napi::Persistent(CaptureSession::define(env));
  data->reader = Napi::Persistent(RecordingReader::define(env));
  env.SetInstanceData(data);
  exports.Set("eventVersion", EVENT_VERSION);
  exports.Set("callTableBytes", static_cast<double>(sizeof(CallTable)));
  exports.Set("openCapture", Napi::Function::New(env, openCapture, "openCapture"));
  exports.Set("openRecording", Napi::Function::New(env, openRecording, "openRecording"));
  exports.Set("probe", Napi::Function::New(env, probe, "probe"));
  exports.Set("readInRoot", Napi::Function::New(env, readFileInRoot, "readInRoot"));
  return exports;
}

}  // namespace seamark

static Napi::Object initialize(Napi::Env env, Napi::Object exports) { return seamark::init(env, exports); }
NODE_API_MODULE(seamark, initialize)
