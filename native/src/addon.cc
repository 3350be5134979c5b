// The addon's face: what JavaScript can call. No exception crosses; failures are values {errno, reason}.
#include <napi.h>

#include <memory>

#include "capture_session.h"
#include "js_values.h"
#include "probe.h"
#include "read_in_root.h"
#include "recording_reader.h"

namespace seamark {

namespace {

struct AddonData {
  Napi::FunctionReference session;
  Napi::FunctionReference reader;
};

// (options, onChunk) → {session, missing} or {errno, reason}.
Napi::Value openCapture(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  bool valid = false;
  if (!info[0].IsObject() || !info[1].IsFunction()) return failure(env, -EINVAL, "openCapture(options, onChunk)");
  const CaptureOptions options = readOptions(info[0].As<Napi::Object>(), &valid);
  if (!valid) return failure(env, -EINVAL, "options.calls is not a call table");
  Napi::Object object = env.GetInstanceData<AddonData>()->session.New({});
  if (object.IsEmpty()) return env.Undefined();
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

// (path) → a reader, or {errno, reason}.
Napi::Value openRecording(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object object = env.GetInstanceData<AddonData>()->reader.New({});
  if (object.IsEmpty()) return env.Undefined();
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
