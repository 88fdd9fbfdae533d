// What every instruction set offers: one table of functions, the same source compiled once per set.
//
// Shapes are row-major. "Panels" are weights in the order in which a kernel reads them: for each vector of
// output columns, for each step of `depth` inputs, `depth` weights of each lane.
#pragma once

#include <cstddef>
#include <cstdint>

namespace squeezebert {

// One group of an int8 linear layer, y = x W^T + b, W[outputs, inputs].
struct Int8Weights {
  const std::int8_t* panels;
  const float* scales;         // [outputs, padded to lanes]
  const float* bias;           // [outputs, padded to lanes]
  const std::int32_t* starts;  // [outputs, padded to lanes]: takes the offset of the codes away again
  int inputs, outputs;
};

struct Fp32Weights {
  const float* panels;
  const float* bias;  // [outputs, padded to lanes]
  int inputs, outputs;
};

// Keys and values of one head of one text, written by `store_keys_*` and `store_values_*`.
// `keys_padded` is the number of keys, rounded up to four vectors.
struct Int8Head {
  std::int8_t* keys;         // [key vector, step of the head, lane, depth]
  std::int32_t* key_starts;  // [keys_padded]
  float* key_scales;         // [keys_padded], times log2(e) / sqrt(head size)
  std::int8_t* values;       // [step of the keys, head size padded to lanes, depth]
  float* value_scales;       // [keys_padded]
};

struct Fp32Head {
  float* keys;    // [key vector, head size, lane]
  float* values;  // [key, head size padded to lanes]
};

enum class Activation { gelu, gelu_new, relu };

struct Kernels {
  const char* name;
  int lanes, depth, code_bytes;

  // codes [outputs, inputs] -> panels [outputs padded to lanes × inputs padded to depth] and starts.
  void (*pack_int8)(const std::int8_t* codes, int outputs, int inputs, std::int8_t* panels, std::int32_t* starts);
  void (*pack_fp32)(const float* weights, std::size_t stride, int outputs, int inputs, float* panels);

  // x [rows, columns] -> codes [rows, columns, padded to four vectors] and one scale per row.
  void (*quantize)(const float* x, std::size_t stride, int rows, int columns, void* codes, std::size_t code_stride,
                   float* scales);
  // Writes whole vectors: `out` has room for `outputs` rounded up to lanes in every row.
  void (*linear_int8)(const Int8Weights& weights, const void* codes, std::size_t code_stride, const float* scales,
                      int rows, float* out, std::size_t stride);
  void (*linear_fp32)(const Fp32Weights& weights, const float* x, std::size_t x_stride, int rows, float* out,
                      std::size_t stride);

  void (*activate)(Activation kind, float* x, std::size_t stride, int rows, int columns);
  // GELU to 5e-4, which int8 cannot tell from the exact one.
  void (*activate_coarse)(Activation kind, float* x, std::size_t stride, int rows, int columns);
  // x := norm(x + y) * weight + bias, per row; y may be null.
  void (*add_norm)(float* x, std::size_t stride, const float* y, std::size_t y_stride, int rows, int columns,
                   const float* weight, const float* bias, float epsilon);

  // One row of one head, x [head size], the key or value at `position` of its text.
  void (*store_key_int8)(const float* x, int head_size, int position, const Int8Head& head);
  void (*store_value_int8)(const float* x, int head_size, int position, const Int8Head& head);
  void (*store_key_fp32)(const float* x, int head_size, int position, const Fp32Head& head);
  void (*store_value_fp32)(const float* x, int head_size, int position, const Fp32Head& head);
  // Queries [rows, head size] of one head against all keys of the text -> out [rows, head size].
  // `query_scales` has the stride `scale_stride`.
  void (*attend_int8)(const void* queries, std::size_t query_stride, const float* query_scales,
                      std::size_t scale_stride, int rows, const Int8Head& head, int keys, int head_size, float* out,
                      std::size_t stride);
  void (*attend_fp32)(const float* queries, std::size_t query_stride, int rows, const Fp32Head& head, int keys,
                      int head_size, float* out, std::size_t stride);
};

}  // namespace squeezebert
