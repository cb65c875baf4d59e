// What the addon uses of Node-API, whose binary interface is fixed (nodejs.org/api/n-api.html, version 8):
// so that no headers of Node are needed to build it.
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {

typedef struct napi_env__* napi_env;
typedef struct napi_value__* napi_value;
typedef struct napi_callback_info__* napi_callback_info;
typedef napi_value (*napi_callback)(napi_env, napi_callback_info);
typedef int napi_status; // 0 is success

enum napi_valuetype { napi_undefined, napi_null, napi_boolean };
enum napi_typedarray_type { napi_uint8_array = 1, napi_float32_array = 7 };

napi_status napi_create_function(napi_env, const char* name, size_t length, napi_callback, void* data, napi_value* result);
napi_status napi_set_named_property(napi_env, napi_value object, const char* name, napi_value value);
napi_status napi_get_cb_info(napi_env, napi_callback_info, size_t* count, napi_value* arguments, napi_value* self, void** data);
napi_status napi_typeof(napi_env, napi_value, napi_valuetype* result);
napi_status napi_get_value_bool(napi_env, napi_value, bool* result);
napi_status napi_get_value_double(napi_env, napi_value, double* result);
napi_status napi_get_value_string_utf8(napi_env, napi_value, char* text, size_t size, size_t* length);
napi_status napi_get_array_length(napi_env, napi_value, uint32_t* result);
napi_status napi_get_element(napi_env, napi_value object, uint32_t index, napi_value* result);
napi_status napi_get_typedarray_info(napi_env, napi_value, napi_typedarray_type*, size_t* length, void** data, napi_value* buffer, size_t* offset);
napi_status napi_create_arraybuffer(napi_env, size_t length, void** data, napi_value* result);
napi_status napi_create_typedarray(napi_env, napi_typedarray_type, size_t length, napi_value buffer, size_t offset, napi_value* result);
napi_status napi_create_double(napi_env, double value, napi_value* result);
napi_status napi_throw_error(napi_env, const char* code, const char* message);

__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env, napi_value exports);
__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1();
}
