// Linear layers on weights as they are stored, for those that would need too much memory as panels, too, and that are
// read once for all rows: the words of the masked-LM head.
//
// Bound by reading the weights while there are few rows, then by the sums over lanes that end each product.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

#if !defined(SQUEEZEBERT_OFFSETS_LOADED_CODES)
// What is added to codes before they are multiplied.
constexpr int dot_offset = code_offset;
inline Ints load_codes(const Code* p) { return load(reinterpret_cast<const std::int32_t*>(p)); }
#endif

// Products of one row of weights with up to so many rows at once.
constexpr int unpacked_rows = 4;

template <int rows>
inline void unpacked_int8_tile(const UnpackedInt8Weights& weights, const Code* codes, std::size_t code_stride,
                               const RowScale* scales, float* out, std::size_t stride) {
  constexpr Code one_step[4] = {1, 1, 1, 1};
  constexpr int unit = lanes * depth;
  const Ints ones = broadcast_codes(one_step);
  const int inputs = weights.inputs;
  for (int output = 0; output < weights.outputs; ++output) {
    const std::int8_t* row = weights.codes + static_cast<std::size_t>(output) * inputs;
    const Code* column = codes;
    Ints products[rows], total = to_ints(zeros());
    for (Ints& product : products) product = total;
    const auto add = [&](const std::int8_t* from) {
      const Ints vector = load_weights(from);
      total = dot(total, ones, vector);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) products[r] = dot(products[r], load_codes(column + r * code_stride), vector);
      column += unit;
    };
    int input = 0;
    for (; input + unit <= inputs; input += unit) add(row + input);
    if (input < inputs) {
      std::int8_t rest[unit] = {};
      __builtin_memcpy(rest, row + input, inputs - input);
      add(rest);
    }
    const Floats all = to_floats(total);
    const float scale = weights.scales[output], bias = weights.bias[output], around = sum(all) * scale;
    for (int r = 0; r < rows; ++r) {
      const float product = sum(fma(broadcast(-dot_offset), all, to_floats(products[r])));
      out[r * stride + output] = product * scales[r].scale * scale + (around * scales[r].centre + bias);
    }
  }
}

template <int rows>
inline void unpacked_fp32_tile(const UnpackedFp32Weights& weights, const float* x, std::size_t x_stride, float* out,
                               std::size_t stride) {
  for (int output = 0; output < weights.outputs; ++output) {
    const float* row = weights.values + static_cast<std::size_t>(output) * weights.inputs;
    Floats products[rows];
    for (Floats& product : products) product = zeros();
    for_vectors(weights.inputs, [&](int c, auto width) {
      const Floats vector = load(row + c, width);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) products[r] = fma(load(x + r * x_stride + c, width), vector, products[r]);
    });
    for (int r = 0; r < rows; ++r) out[r * stride + output] = sum(products[r]) + weights.bias[output];
  }
}

struct UnpackedInt8Tiles {
  using Tile = decltype(&unpacked_int8_tile<1>);
  template <int rows, int>
  static constexpr Tile at = &unpacked_int8_tile<rows>;
};
struct UnpackedFp32Tiles {
  using Tile = decltype(&unpacked_fp32_tile<1>);
  template <int rows, int>
  static constexpr Tile at = &unpacked_fp32_tile<rows>;
};

inline void unpacked_int8(const UnpackedInt8Weights& weights, const void* codes, std::size_t code_stride,
                          const RowScale* scales, int rows, float* out, std::size_t stride) {
  static constexpr TileTable<UnpackedInt8Tiles, unpacked_rows, 1> table;
  in_parts(rows, unpacked_rows, [&](int row, int count) {
    table.at[count - 1][0](weights, static_cast<const Code*>(codes) + row * code_stride, code_stride, scales + row,
                           out + row * stride, stride);
  });
}

inline void unpacked_fp32(const UnpackedFp32Weights& weights, const float* x, std::size_t x_stride, int rows,
                          float* out, std::size_t stride) {
  static constexpr TileTable<UnpackedFp32Tiles, unpacked_rows, 1> table;
  in_parts(rows, unpacked_rows, [&](int row, int count) {
    table.at[count - 1][0](weights, x + row * x_stride, x_stride, out + row * stride, stride);
  });
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
