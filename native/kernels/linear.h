// Linear layers of one group, and the quantisation of what goes into them.
//
// int8: bound by the dot products of the tile from about 32 rows on, by reading the weights below. Panels are
// looped outside rows, so that a panel stays in the first-level cache while the rows pass by.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// What a panel holds of each of its columns: its scale; the sum of its weights times that, for the centres of the
// activations; its bias; and what takes the offset of the codes away again.
constexpr std::size_t constants_bytes = 4 * sizeof(float);
template <typename Float, typename Int>
struct Constants {
  Float *scales, *totals, *bias;
  Int* starts;

  template <typename Byte>
  Constants(Byte* panel, int columns)
      : scales(reinterpret_cast<Float*>(panel)),
        totals(scales + columns),
        bias(totals + columns),
        starts(reinterpret_cast<Int*>(bias + columns)) {}
};
using ConstantsToRead = Constants<const float, const std::int32_t>;

inline std::size_t panel_bytes(int outputs, int inputs) {
  const int outputs_padded = padded(outputs, lanes), panels = (outputs_padded + int8_columns - 1) / int8_columns;
  const int steps = steps_of(inputs);
  return panels * order_bytes(steps) + outputs_padded * (constants_bytes + static_cast<std::size_t>(steps) * depth);
}

// Weights in the order of the tile: for each panel of int8_columns outputs (the last may be narrower), what its
// columns need at their end, its order where it has one, then for each step the vectors side by side. So all of it
// is fetched in time.
inline void pack_int8(const std::int8_t* codes, const float* scales, const float* bias, int outputs, int inputs,
                      std::int8_t* panels) {
  const int steps = steps_of(inputs), outputs_padded = padded(outputs, lanes);
  for (int first = 0; first < outputs_padded; first += int8_columns) {
    const int columns = smaller(outputs_padded - first, int8_columns);
    const Constants<float, std::int32_t> constants(panels, columns);
    panels += columns * constants_bytes;
    auto* order = reinterpret_cast<std::int32_t*>(panels);
    panels += order_bytes(steps);
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
      const bool exists = output < outputs;
      constants.scales[column] = exists ? scales[output] : 0.0f;
      constants.totals[column] = exists ? static_cast<float>(total) * scales[output] : 0.0f;
      constants.bias[column] = exists ? bias[output] : 0.0f;
      constants.starts[column] = -code_offset * total;
    }
    group_steps(panels, steps, columns, order);
    panels += static_cast<std::size_t>(steps) * columns * depth;
  }
}

inline void pack_fp32(const float* weights, std::size_t stride, int outputs, int inputs, float* panels) {
  const int outputs_padded = padded(outputs, lanes);
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = smaller(outputs_padded - first, tile_columns);
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
  return largest(gather<Floats, larger_magnitude>(columns, [&](int c, auto width) { return load(x + c, width); }));
}

// Of `quantize_rows`' codes, and of keys and values, which stand in the place of weights.
constexpr int largest_weight = 127;

// The scale that maps a largest magnitude to a largest code, and its inverse; both 0 where the inverse is not finite.
struct Scale {
  float scale, inverse;
};
template <int most>
inline Scale scale_for(float magnitude) {
  // Below, a row is zero for every purpose.
  if (magnitude < 1.5e-36f) return {0.0f, 0.0f};
  return {magnitude * (1.0f / most), most / magnitude};
}

// Rounds x * factor + shift, four vectors at a time, and calls store_four(column, a, b, c, d), as if zeros followed
// the end.
template <typename F>
inline void round_by_four(const float* x, int columns, float factor, float shift, F store_four) {
  const Floats by = broadcast(factor), from = broadcast(shift);
  int c = 0;
  for (; c + 4 * lanes <= columns; c += 4 * lanes) {
    const float* p = x + c;
    store_four(c, to_ints(fma(load(p), by, from)), to_ints(fma(load(p + lanes), by, from)),
               to_ints(fma(load(p + 2 * lanes), by, from)), to_ints(fma(load(p + 3 * lanes), by, from)));
  }
  if (c < columns) {
    Ints whole[4];
    for (int i = 0; i < 4; ++i) {
      whole[i] = to_ints(fma(load_up_to(x + c + i * lanes, columns - c - i * lanes), by, from));
    }
    store_four(c, whole[0], whole[1], whole[2], whole[3]);
  }
}

// How a row becomes codes.
struct Coding {
  Scale scale;
  float centre;
};

// x [columns] -> codes, padded to four vectors.
inline void code_row(const float* x, int columns, Coding coding, Code* codes) {
  round_by_four(x, columns, coding.scale.inverse, -coding.centre * coding.scale.inverse,
                [=](int column, Ints a, Ints b, Ints c, Ints d) { store_codes(codes + column, a, b, c, d); });
}

// The range is cut evenly around its middle: of codes around zero, GELU's outputs would leave nearly half unused.
// Zero is always in the range, so that what pads a row has a code, too.
inline Coding coding_for(Range range) {
  const float most = largest(range.greatest), least = -largest(sub(zeros(), range.least));
  const float centre = 0.5f * (most + least);
  return {scale_for<largest_code>(most - centre), centre};
}

struct MeasuredRow {
  const float* values;
  Range range;
};

// Rows in order, as measure(r) gives them. The steps from a range to a scale wait for each other; meanwhile the row
// before is coded.
template <typename Measure>
inline void quantize_rows(int rows, int columns, Code* codes, std::size_t code_stride, RowScale* scales,
                          Measure measure) {
  const float* before = nullptr;
  Coding coding_before{};
  for (int r = 0; r <= rows; ++r) {
    const float* values = nullptr;
    Coding coding{};
    if (r < rows) {
      const MeasuredRow row = measure(r);
      values = row.values;
      coding = coding_for(row.range);
      scales[r] = {coding.scale.scale, coding.centre};
    }
    if (r > 0) code_row(before, columns, coding_before, codes + (r - 1) * code_stride);
    before = values;
    coding_before = coding;
  }
}

inline void quantize(const float* x, std::size_t stride, int rows, int columns, void* codes, std::size_t code_stride,
                     RowScale* scales) {
  quantize_rows(rows, columns, static_cast<Code*>(codes), code_stride, scales, [&](int r) {
    const float* row = x + r * stride;
    return MeasuredRow{row, gather<Range, unite>(columns, [&](int c, auto width) {
                         const Floats value = load(row + c, width);
                         return Range{value, value};
                       })};
  });
}

// A row at a time, so that it is quantised while it is in the first-level cache. What few networks have is not worth
// such a loop for each.
inline void activate_and_quantize(Activation kind, float* x, std::size_t stride, int rows, int columns, void* codes,
                                  std::size_t code_stride, RowScale* scales) {
  if (kind != Activation::gelu) {
    activate(kind, x, stride, rows, columns);
    return quantize(x, stride, rows, columns, codes, code_stride, scales);
  }
  quantize_rows(rows, columns, static_cast<Code*>(codes), code_stride, scales, [&](int r) {
    const float* row = x + r * stride;
    // All results go where the first two rows were: so they never leave the first-level cache.
    float* y = x + (r % 2) * stride;
    return MeasuredRow{y, gather<Range, unite>(columns, [&](int c, auto width) {
                         const Floats mapped = gelu_coarse(load(row + c, width));
                         store(y + c, mapped, width);
                         return Range{mapped, mapped};
                       })};
  });
}

// Sums of products of codes to values.
struct Int8Finish {
  const RowScale* rows;
  ConstantsToRead columns;
  float* out;
  std::size_t stride;

  auto column(int v) const {
    return [to = out + v * lanes, scale = load(columns.scales + v * lanes), total = load(columns.totals + v * lanes),
            start = load(columns.bias + v * lanes), row = rows, step = stride](int r, Ints sums) {
      const Floats around = fma(broadcast(row[r].centre), total, start);
      store(to + r * step, fma(mul(to_floats(sums), broadcast(row[r].scale)), scale, around));
    };
  }
};

struct Fp32Finish {
  float* out;
  std::size_t stride;

  auto column(int v) const {
    return [to = out + v * lanes, step = stride](int r, Floats sums) { store(to + r * step, sums); };
  }
};

inline void linear_int8(const Int8Weights& weights, const void* codes, std::size_t code_stride, const RowScale* scales,
                        int rows, float* out, std::size_t stride) {
  const int outputs_padded = padded(weights.outputs, lanes);
  const RowTiles<int8_rows> tiles(rows);
  Panel panel{};
  panel.weights = weights.panels;
  panel.vector_stride = lanes * depth;
  panel.steps = steps_of(weights.inputs);
  for (int first = 0; first < outputs_padded; first += int8_columns) {
    const int columns = smaller(outputs_padded - first, int8_columns);
    panel.step_stride = columns * depth;
    const std::int8_t* begin = panel.weights;
    const ConstantsToRead constants(begin, columns);
    panel.weights += columns * constants_bytes;
    read_order(panel);
    const std::int8_t* end = panel.weights + panel.steps * panel.step_stride;
    const bool is_last = first + columns == outputs_padded;
    const std::size_t next_bytes = is_last ? panel_bytes(int8_columns, weights.next_inputs) : end - begin;
    const int fetches = tiles.count() * panel.steps / 2;
    panel.next = reinterpret_cast<const char*>(is_last ? weights.next : end);
    panel.next_stride = (next_bytes + fetches - 1) / fetches;
    tiles.each([&](int row, int count) {
      const Int8Finish finish{scales + row, constants, out + row * stride + first, stride};
      run_tile(count, columns / lanes, static_cast<const Code*>(codes) + row * code_stride, code_stride, panel,
               constants.starts, finish);
      panel.next += panel.next_stride * panel.steps / 2;
    });
    panel.weights = end;
  }
}

inline void linear_fp32(const Fp32Weights& weights, const float* x, std::size_t x_stride, int rows, float* out,
                        std::size_t stride) {
  const int outputs_padded = padded(weights.outputs, lanes);
  Columns<float> panel{weights.panels, 0, lanes, weights.inputs, nullptr, 0};
  for (int first = 0; first < outputs_padded; first += tile_columns) {
    const int columns = smaller(outputs_padded - first, tile_columns);
    panel.step_stride = columns;
    in_parts(rows, tile_rows, [&](int row, int count) {
      run_tile(count, columns / lanes, x + row * x_stride, x_stride, panel, weights.bias + first,
               Fp32Finish{out + row * stride + first, stride});
    });
    panel.weights += panel.steps * panel.step_stride;
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
