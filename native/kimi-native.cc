// Tells the prebuilt llama.cpp what its Node bindings have no option for, and lends its quantizer.
//
// Loaded with RTLD_GLOBAL before the bindings, this library is where their calls of llama_model_default_params and
// llama_context_default_params end up: it asks the real ones and changes what JavaScript set (k2-facts 5.4, 4.11).
// So do those that make and free a context, which gets threads of its own.
#include <dlfcn.h>
#include <link.h>
#include <strings.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "llama-abi.h"
#include "node-api.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

struct Overrides {
  std::vector<std::string> patterns;
  std::vector<BufferOverride> list;
};

struct ThreadPool {
  void* pool;
  FreeThreadPool release;
};

struct Settings {
  std::mutex mutex;
  // Never emptied: a load that has begun may still read an earlier one.
  std::list<Overrides> overrides;
  std::optional<bool> useExtraBuffers, noHost;
  std::optional<float> betaFast, betaSlow;
  int modelsTaken = 0, contextsTaken = 0;
  std::map<void*, ThreadPool> pools; // by context
};

// Never destroyed: a thread may still load when the process ends.
Settings& settings = *new Settings;

std::string folderOf(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

struct Search {
  const char* prefix; // of the library's file name
  std::string folder, found;
};

int visit(dl_phdr_info* info, size_t, void* data) {
  auto* search = static_cast<Search*>(data);
  const std::string path = info->dlpi_name ? info->dlpi_name : "";
  const std::string folder = folderOf(path);
  if (path.compare(folder.size(), strlen(search->prefix), search->prefix) != 0) return 0;
  if (search->found.empty() || folder == search->folder) search->found = path;
  return folder == search->folder;
}

// The function of that name in a library beside the caller's, or in any that is loaded; null if there is none.
template <typename Function>
Function find(const char* prefix, const char* name, void* caller) {
  Dl_info info{};
  Search search{prefix, dladdr(caller, &info) && info.dli_fname ? folderOf(info.dli_fname) : "", ""};
  dl_iterate_phdr(visit, &search);
  void* library = search.found.empty() ? nullptr : dlopen(search.found.c_str(), RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<Function>(library ? dlsym(library, name) : nullptr);
}

template <typename Function>
Function original(const char* name, void* caller) {
  auto function = find<Function>("libllama.", name, caller);
  if (!function) {
    fprintf(stderr, "kimi-native: no %s in llama.cpp's library\n", name);
    abort();
  }
  return function;
}

// How long threads look for the next graph before they sleep, as in llama.cpp's own programs.
constexpr uint32_t usualPoll = 50;

// Without it ggml starts and ends a context's threads with every graph, which is with every token: 5 % of decoding.
void giveThreads(void* context, const ContextParameters& parameters, void* caller) {
  const int threads = std::max(parameters.threads[0], parameters.threads[1]);
  if (threads < 2) return;
  auto make = find<NewThreadPool>("libggml-cpu", "ggml_threadpool_new", caller);
  auto release = find<FreeThreadPool>("libggml-cpu", "ggml_threadpool_free", caller);
  auto attach = find<AttachThreadPool>("libllama.", "llama_attach_threadpool", caller);
  if (!make || !release || !attach) return;
  ThreadPoolParameters wanted{};
  wanted.threads = threads;
  wanted.poll = usualPoll;
  void* pool = make(&wanted);
  if (!pool) return;
  attach(context, pool, nullptr);
  std::lock_guard lock(settings.mutex);
  settings.pools[context] = {pool, release};
}

}  // namespace

EXPORTED ModelParameters llama_model_default_params() {
  void* caller = __builtin_return_address(0);
  auto real = original<ModelDefaults>("llama_model_default_params", caller);
  ModelParameters parameters = real();
  std::lock_guard lock(settings.mutex);
  settings.modelsTaken++;
  if (settings.useExtraBuffers) parameters.useExtraBuffers = *settings.useExtraBuffers;
  if (settings.noHost) parameters.noHost = *settings.noHost;
  if (!settings.overrides.empty() && !settings.overrides.back().patterns.empty()) {
    Overrides& last = settings.overrides.back();
    if (last.list.empty()) {
      auto cpuBuffer = original<CpuBufferType>("ggml_backend_cpu_buffer_type", caller);
      for (const auto& pattern : last.patterns) last.list.push_back({pattern.c_str(), cpuBuffer()});
      last.list.push_back({nullptr, nullptr});
    }
    parameters.bufferOverrides = last.list.data();
  }
  return parameters;
}

EXPORTED ContextParameters llama_context_default_params() {
  auto real = original<ContextDefaults>("llama_context_default_params", __builtin_return_address(0));
  ContextParameters parameters = real();
  std::lock_guard lock(settings.mutex);
  settings.contextsTaken++;
  if (settings.betaFast) parameters.yarnBetaFast = *settings.betaFast;
  if (settings.betaSlow) parameters.yarnBetaSlow = *settings.betaSlow;
  return parameters;
}

EXPORTED void* llama_init_from_model(void* model, ContextParameters parameters) {
  void* caller = __builtin_return_address(0);
  void* context = original<NewContext>("llama_init_from_model", caller)(model, parameters);
  if (context) giveThreads(context, parameters, caller);
  return context;
}

EXPORTED void llama_free(void* context) {
  std::optional<ThreadPool> threads;
  {
    std::lock_guard lock(settings.mutex);
    if (auto found = settings.pools.find(context); found != settings.pools.end()) {
      threads = found->second;
      settings.pools.erase(found);
    }
  }
  original<FreeContext>("llama_free", __builtin_return_address(0))(context);
  if (threads) threads->release(threads->pool);
}

namespace {

template <size_t count>
struct Arguments {
  napi_value at[count] = {};
  Arguments(napi_env env, napi_callback_info info) {
    size_t given = count;
    napi_get_cb_info(env, info, &given, at, nullptr, nullptr);
  }
};

bool isDefined(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type != napi_undefined;
}

std::optional<bool> booleanOf(napi_env env, napi_value value) {
  bool result = false;
  if (!isDefined(env, value) || napi_get_value_bool(env, value, &result) != 0) return std::nullopt;
  return result;
}

std::optional<double> numberOf(napi_env env, napi_value value) {
  double result = 0;
  if (!isDefined(env, value) || napi_get_value_double(env, value, &result) != 0) return std::nullopt;
  return result;
}

std::string textOf(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != 0) return "";
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

napi_value failed(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

// setModelParameters(patterns: string[], useExtraBuffers?: boolean, noHost?: boolean)
napi_value setModelParameters(napi_env env, napi_callback_info info) {
  Arguments<3> given(env, info);
  Overrides overrides;
  uint32_t count = 0;
  napi_get_array_length(env, given.at[0], &count);
  for (uint32_t i = 0; i < count; i++) {
    napi_value element = nullptr;
    napi_get_element(env, given.at[0], i, &element);
    overrides.patterns.push_back(textOf(env, element));
    if (overrides.patterns.back().empty()) return failed(env, "a pattern is no text, or empty: it would match every tensor");
    try {
      std::regex checked(overrides.patterns.back());  // llama.cpp would end the process
    } catch (const std::regex_error& error) {
      return failed(env, overrides.patterns.back() + " is no regular expression: " + error.what());
    }
  }
  std::lock_guard lock(settings.mutex);
  settings.overrides.push_back(std::move(overrides));
  settings.useExtraBuffers = booleanOf(env, given.at[1]);
  settings.noHost = booleanOf(env, given.at[2]);
  return nullptr;
}

// setContextParameters(yarnBetaFast?: number, yarnBetaSlow?: number)
napi_value setContextParameters(napi_env env, napi_callback_info info) {
  Arguments<2> given(env, info);
  std::lock_guard lock(settings.mutex);
  settings.betaFast = numberOf(env, given.at[0]);
  settings.betaSlow = numberOf(env, given.at[1]);
  return nullptr;
}

// How often the bindings have asked, models and contexts together: 0 after a load means that the settings had no effect.
napi_value timesTaken(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  std::lock_guard lock(settings.mutex);
  napi_create_double(env, settings.modelsTaken + settings.contextsTaken, &result);
  return result;
}

// Contexts that have threads of their own now.
napi_value threadPools(napi_env env, napi_callback_info) {
  napi_value result = nullptr;
  std::lock_guard lock(settings.mutex);
  napi_create_double(env, settings.pools.size(), &result);
  return result;
}

struct Ggml {
  TypeName typeName;
  RowSize rowSize;
  BlockSize blockSize;
  QuantizeChunk quantize;
};

// Of each thread: a worker of the converter opens the library for itself.
thread_local std::optional<Ggml> ggml;

// openLibrary(path): libggml-base, whose quantizer is lent.
napi_value openLibrary(napi_env env, napi_callback_info info) {
  const std::string path = textOf(env, Arguments<1>(env, info).at[0]);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return failed(env, dlerror());
  Ggml found{
      reinterpret_cast<TypeName>(dlsym(library, "ggml_type_name")),
      reinterpret_cast<RowSize>(dlsym(library, "ggml_row_size")),
      reinterpret_cast<BlockSize>(dlsym(library, "ggml_blck_size")),
      reinterpret_cast<QuantizeChunk>(dlsym(library, "ggml_quantize_chunk")),
  };
  if (!found.typeName || !found.rowSize || !found.blockSize || !found.quantize) return failed(env, path + " is not libggml-base");
  ggml = found;
  return nullptr;
}

// -1 for what ggml can't quantise to without an importance matrix, where it would end the process.
int typeOf(const std::string& name) {
  static const std::vector<std::string> safe = {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"};
  for (int type = 0; type < typeCount; type++) {
    const char* known = ggml->typeName(type);
    if (!known || strcasecmp(known, name.c_str()) != 0) continue;
    for (const auto& one : safe)
      if (strcasecmp(known, one.c_str()) == 0) return type;
  }
  return -1;
}

// quantize(type: string, values: Float32Array, rowLength: number): Uint8Array
napi_value quantize(napi_env env, napi_callback_info info) {
  Arguments<3> given(env, info);
  if (!ggml) return failed(env, "openLibrary was not called");
  const std::string name = textOf(env, given.at[0]);
  const int type = typeOf(name);
  if (type < 0) return failed(env, name + " is no type that ggml quantises to");
  napi_typedarray_type kind{};
  size_t length = 0;
  void* values = nullptr;
  const int status = napi_get_typedarray_info(env, given.at[1], &kind, &length, &values, nullptr, nullptr);
  if (status != 0 || kind != napi_float32_array) return failed(env, "the values are no Float32Array");
  const auto rowLength = static_cast<int64_t>(numberOf(env, given.at[2]).value_or(0));
  if (rowLength < 1 || length % rowLength != 0 || rowLength % ggml->blockSize(type) != 0)
    return failed(env, std::to_string(length) + " values are no rows of whole blocks of " + name);
  const int64_t rows = length / rowLength;
  const size_t size = rows * ggml->rowSize(type, rowLength);
  void* bytes = nullptr;
  napi_value buffer = nullptr, result = nullptr;
  if (napi_create_arraybuffer(env, size, &bytes, &buffer) != 0) return failed(env, "no memory");
  ggml->quantize(type, static_cast<const float*>(values), bytes, 0, rows, rowLength, nullptr);
  napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &result);
  return result;
}

}  // namespace

int32_t node_api_module_get_api_version_v1() { return 8; }

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  const struct { const char* name; napi_callback call; } functions[] = {
      {"setModelParameters", setModelParameters},
      {"setContextParameters", setContextParameters},
      {"timesTaken", timesTaken},
      {"threadPools", threadPools},
      {"openLibrary", openLibrary},
      {"quantize", quantize},
  };
  for (const auto& [name, call] : functions) {
    napi_value function = nullptr;
    napi_create_function(env, name, strlen(name), call, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  return exports;
}
