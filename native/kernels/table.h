// What every instruction set offers: one table of functions, the same source compiled once per set.
//
// Shapes are row-major. "Panels" are weights in the order in which a kernel reads them: for each vector of
// output columns, for each step of a few inputs (`depth` of the instruction set), their weights for each lane.
#pragma once

#include <cstddef>
#include <cstdint>

namespace squeezebert {

// The codes of a row of activations stand for centre + scale * code.
struct RowScale {
  float scale, centre;
};

// One group of an int8 linear layer, y = x W^T + b, W[outputs, inputs].
struct Int8Weights {
  const std::int8_t* panels;
  int inputs, outputs;
  // The panels that are read after these, and their inputs: the first of them is fetched with the last of these.
  const std::int8_t* next;
  int next_inputs;
};

struct Fp32Weights {
  const float* panels;
  const float* bias;  // [outputs, padded to lanes]
  int inputs, outputs;
};

// Linear layers whose weights [outputs, inputs] are read as they are stored; scales and bias [outputs].
struct UnpackedInt8Weights {
  const std::int8_t* codes;
  const float *scales, *bias;
  int inputs, outputs;
};
struct UnpackedFp32Weights {
  const float *values, *bias;
  int inputs, outputs;
};

struct HeadShape {
  int heads, size;
};

// Keys and values of one text, [head, key, …]. `keys_padded` is the number of keys, rounded up to four vectors.
struct Int8Text {
  std::int8_t* keys;         // per head [key vector, step of the head, lane, depth]
  std::int32_t* key_starts;  // per head [keys_padded], as `starts` above
  float* key_scales;         // per head [keys_padded], times log2(e) / sqrt(head size)
  std::int8_t* values;       // per head [step of the keys, head size padded to lanes, depth]
  float* value_scales;       // per head [keys_padded]
  int keys_padded;
};

struct Fp32Text {
  float* keys;    // per head [key vector, head size, lane]
  float* values;  // per head [key, head size padded to lanes]
  int keys_padded;
};

enum class Activation { gelu, gelu_new, relu };

struct Kernels {
  const char* name;
  int lanes;       // of a vector of float32
  int input_unit;  // inputs are padded to a multiple of it
  int code_bytes;
  int largest_code;  // of activations
  int fp32_panel;  // output columns of a panel in float32
  // Rows that a thread takes at once: enough to use each weight many times while it is in the cache, few enough
  // for their activations to stay in the second-level cache.
  int block_rows;
  int row_unit;  // rows of a tile, or a few more: parts of one cost nearly as much

  std::size_t (*panel_bytes)(int outputs, int inputs);  // of int8
  // codes [outputs, inputs], scales and bias [outputs] -> panels [panel_bytes], aligned to 4 bytes.
  void (*pack_int8)(const std::int8_t* codes, const float* scales, const float* bias, int outputs, int inputs,
                    std::int8_t* panels);
  void (*pack_fp32)(const float* weights, std::size_t stride, int outputs, int inputs, float* panels);

  // x [rows, columns] -> codes [rows, columns, padded to four vectors] and one scale per row. What pads a row is
  // anything: its weights are zero.
  void (*quantize)(const float* x, std::size_t stride, int rows, int columns, void* codes, std::size_t code_stride,
                   RowScale* scales);
  // Writes whole vectors: `out` has room for `outputs` rounded up to lanes in every row.
  void (*linear_int8)(const Int8Weights& weights, const void* codes, std::size_t code_stride, const RowScale* scales,
                      int rows, float* out, std::size_t stride);
  void (*linear_fp32)(const Fp32Weights& weights, const float* x, std::size_t x_stride, int rows, float* out,
                      std::size_t stride);

  // Rows are independent of each other, and so are outputs; of `out` nothing else is written.
  void (*unpacked_int8)(const UnpackedInt8Weights& weights, const void* codes, std::size_t code_stride,
                        const RowScale* scales, int rows, float* out, std::size_t stride);
  void (*unpacked_fp32)(const UnpackedFp32Weights& weights, const float* x, std::size_t x_stride, int rows, float* out,
                        std::size_t stride);

  void (*activate)(Activation kind, float* x, std::size_t stride, int rows, int columns);
  // Both, with a GELU to 5e-4, which int8 cannot tell from the exact one; overwrites x.
  void (*activate_and_quantize)(Activation kind, float* x, std::size_t stride, int rows, int columns, void* codes,
                                std::size_t code_stride, RowScale* scales);
  // x := norm(x) * weight + bias, per row.
  void (*norm)(float* x, std::size_t stride, int rows, int columns, const float* weight, const float* bias,
               float epsilon);
  // x := norm(x + y) * weight + bias, per row.
  void (*add_norm)(float* x, std::size_t stride, const float* y, std::size_t y_stride, int rows, int columns,
                   const float* weight, const float* bias, float epsilon);

  // x [rows, heads * head size] of consecutive tokens of one text, the first at `position`, a multiple of four.
  // Queries become codes [rows, head, head size padded to four vectors] and scales [rows, head].
  void (*store_queries_int8)(const float* x, std::size_t stride, int rows, HeadShape shape, void* codes, float* scales);
  void (*store_keys_int8)(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                          const Int8Text& text);
  void (*store_values_int8)(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                            const Int8Text& text);
  void (*store_keys_fp32)(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                          const Fp32Text& text);
  void (*store_values_fp32)(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                            const Fp32Text& text);
  // Queries [rows, …] against all `keys` keys of their text -> out [rows, heads * head size].
  void (*attend_int8)(const void* queries, const float* query_scales, int rows, int keys, HeadShape shape,
                      const Int8Text& text, float* out, std::size_t stride);
  void (*attend_fp32)(const float* queries, int rows, int keys, HeadShape shape, const Fp32Text& text, float* out,
                      std::size_t stride);

  // Nothing but int8 dot products, for `rounds` rounds; returns their multiplications and additions.
  double (*run_dot_products)(int rounds);
};

}  // namespace squeezebert
