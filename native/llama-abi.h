// The structs of llama.cpp v0.5.0 (include/llama.h, ggml/include/ggml.h) that it takes or returns, and the functions that
// the addon calls. test/unit/engine/local/native-abi.test.ts compiles these against the real headers.
#pragma once
#include <cstddef>
#include <cstdint>

struct BufferOverride {
  const char* pattern; // a regular expression for names of tensors; the list ends with a null pointer
  void* bufferType;    // ggml_backend_buffer_type_t
};

struct ModelParameters { // llama_model_params
  void* devices;
  const BufferOverride* bufferOverrides;
  int32_t gpuLayers;
  int32_t splitMode;
  int32_t loadMode;
  int32_t lazyMode;
  int32_t mainGpu;
  const float* tensorSplit;
  void* progress;
  void* progressData;
  const void* keyOverrides;
  bool vocabularyOnly;
  bool checkTensors;
  bool useExtraBuffers;
  bool noHost;
  bool noAllocation;
  bool loadMtp;
};

struct ContextParameters { // llama_context_params
  uint32_t counts[7];      // n_ctx to n_outputs_max_per_seq
  int32_t threads[2];
  int32_t kinds[5];        // ctx_type to flash_attn_type
  float ropeBase;
  float ropeScale;
  float yarnExtension;
  float yarnAttention;
  float yarnBetaFast;
  float yarnBetaSlow;
  uint32_t yarnContext;
  float defragmentation;
  void* evaluation[2];
  int32_t cacheTypes[2];
  void* abortion[2];
  bool switches[6];        // embeddings to kv_unified
  void* samplers;
  size_t samplerCount;
  void* otherContext;
};

struct ThreadPoolParameters { // ggml_threadpool_params
  bool cpuMask[512];
  int threads;
  int32_t priority;
  uint32_t poll; // how long threads spin for more work before they sleep: 0 to 100
  bool strictPlacement;
  bool paused;
};

constexpr int typeCount = 43; // GGML_TYPE_COUNT

using ModelDefaults = ModelParameters (*)();
using ContextDefaults = ContextParameters (*)();
using NewContext = void* (*)(void* model, ContextParameters parameters);
using FreeContext = void (*)(void* context);
using AttachThreadPool = void (*)(void* context, void* pool, void* poolForBatches);
using NewThreadPool = void* (*)(ThreadPoolParameters* parameters);
using FreeThreadPool = void (*)(void* pool);
using CpuBufferType = void* (*)();
using TypeName = const char* (*)(int type);
using RowSize = size_t (*)(int type, int64_t values);
using BlockSize = int64_t (*)(int type);
using QuantizeChunk = size_t (*)(int type, const float* source, void* target, int64_t start, int64_t rows, int64_t rowLength, const float* importance);
