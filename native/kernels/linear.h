// Linear layers of one group, and the quantisation of what goes into them.
//
// int8: bound by the dot products of the tile from about 32 rows on, by reading the weights below. Panels are
// looped outside rows, so that a panel stays in the first-level cache while the rows pass by.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// Weights in the order of the tile: for each panel of tile_columns outputs (the last may be narrower), for
// each step, the vectors side by side.
inline void pack_int8(const std::int8_t* codes, int outputs, int inputs, std::int8_t* panels, std::int32_t* starts) {
  const int steps = steps_of(inputs), outputs_padded = padded(outputs, lanes);
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = outputs_padded - first < tile_columns ? outputs_padded - first : tile_columns;
    for (int column = 0; column < columns; ++column) {
      const int output = first + column;
      const std::int8_t* row = codes + static_cast<std::size_t>(output) * inputs;
      std::int8_t* target = panels + column * depth;
      std::int32_t total = 0;
      for (int step = 0; step < steps; ++step, target += columns * depth) {
        for (int i = 0; i < depth; ++i) {
          const int input = step * depth + i;
          target[i] = output < outputs && input < inputs ? row[input] : 0;
          total += target[i];
        }
      }
      starts[output] = -code_offset * total;
    }
    panels += static_cast<std::size_t>(steps) * columns * depth;
  }
}

inline void pack_fp32(const float* weights, std::size_t stride, int outputs, int inputs, float* panels) {
  const int outputs_padded = padded(outputs, lanes);
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = outputs_padded - first < tile_columns ? outputs_padded - first : tile_columns;
    for (int column = 0; column < columns; ++column) {
      const int output = first + column;
      for (int input = 0; input < inputs; ++input) {
        panels[static_cast<std::size_t>(input) * columns + column] =
            output < outputs ? weights[output * stride + input] : 0.0f;
      }
    }
    panels += static_cast<std::size_t>(inputs) * columns;
  }
}

inline float largest_magnitude(const float* x, int columns) {
  Floats most = zeros();
  for (int c = 0; c < columns; c += lanes) most = max(most, abs(load_up_to(x + c, columns - c)));
  return largest(most);
}

// The scale that maps a largest magnitude to 127, and its inverse; both 0 where the inverse is not finite.
struct Scale {
  float scale, inverse;
};
inline Scale scale_for(float magnitude) {
  // The smallest normal number times 127: below, a row is zero for every purpose. NaN and infinity pass
  // through the scale, so that they are seen in the output.
  if (magnitude < 1.5e-36f) return {0.0f, 0.0f};
  return {magnitude / 127.0f, 127.0f / magnitude};
}

// Rounds x * factor, four vectors at a time, and hands them to `store_four(offset, a, b, c, d)`.
template <typename F>
inline void round_by_four(const float* x, int columns, float factor, F store_four) {
  const Floats by = broadcast(factor);
  for (int c = 0; c < columns; c += 4 * lanes) {
    Ints whole[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) whole[i] = to_ints(mul(load_up_to(x + c + i * lanes, columns - c - i * lanes), by));
    store_four(c, whole[0], whole[1], whole[2], whole[3]);
  }
}

// x [columns] -> codes, padded to four vectors; returns the scale.
inline float quantize_row(const float* x, int columns, Code* codes) {
  const Scale scale = scale_for(largest_magnitude(x, columns));
  round_by_four(x, columns, scale.inverse,
                [=](int c, Ints a, Ints b, Ints d, Ints e) { store_codes(codes + c, a, b, d, e); });
  return scale.scale;
}

inline void quantize(const float* x, std::size_t stride, int rows, int columns, void* codes, std::size_t code_stride,
                     float* scales) {
  for (int r = 0; r < rows; ++r) {
    scales[r] = quantize_row(x + r * stride, columns, static_cast<Code*>(codes) + r * code_stride);
  }
}

inline void linear_int8(const Int8Weights& weights, const void* codes, std::size_t code_stride, const float* scales,
                        int rows, float* out, std::size_t stride) {
  const int steps = steps_of(weights.inputs), outputs_padded = padded(weights.outputs, lanes);
  const std::int8_t* panel = weights.panels;
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = outputs_padded - first < tile_columns ? outputs_padded - first : tile_columns;
    const int vectors = columns / lanes;
    in_parts(rows, tile_rows, [&](int row, int count) {
      alignas(64) std::int32_t sums[tile_rows * tile_columns];
      tiles.at[count - 1][vectors - 1].int8(static_cast<const Code*>(codes) + row * code_stride, code_stride, panel,
                                            columns * depth, lanes * depth, steps, weights.starts + first, sums);
      for (int v = 0; v < vectors; ++v) {
        const Floats scale = load(weights.scales + first + v * lanes), bias = load(weights.bias + first + v * lanes);
        for (int r = 0; r < count; ++r) {
          const Floats scaled = mul(to_floats(load(sums + r * tile_columns + v * lanes)), broadcast(scales[row + r]));
          store(out + (row + r) * stride + first + v * lanes, fma(scaled, scale, bias));
        }
      }
    });
    panel += static_cast<std::size_t>(steps) * columns * depth;
  }
}

inline void linear_fp32(const Fp32Weights& weights, const float* x, std::size_t x_stride, int rows, float* out,
                        std::size_t stride) {
  const int outputs_padded = padded(weights.outputs, lanes);
  const float* panel = weights.panels;
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = outputs_padded - first < tile_columns ? outputs_padded - first : tile_columns;
    in_parts(rows, tile_rows, [&](int row, int count) {
      tiles.at[count - 1][columns / lanes - 1].fp32(x + row * x_stride, x_stride, panel, columns, lanes,
                                                    weights.inputs, weights.bias + first, out + row * stride + first,
                                                    stride);
    });
    panel += static_cast<std::size_t>(weights.inputs) * columns;
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
