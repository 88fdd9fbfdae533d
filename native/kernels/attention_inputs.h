// Queries, keys and values of a block's rows, from float32 to what attention reads: rows, and panels of the linear
// layers' tiles, which each token's own block writes once per layer.
//
// int8: bound by the chain from a row to its scale, which several rows go through at once, and by shuffles.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr float log2_e = 1.44269504f;

// One head's part of what Int8Text or Fp32Text describes for all heads.
inline Int8Text head_of(const Int8Text& text, int head, int head_size) {
  const std::size_t key = static_cast<std::size_t>(head) * text.keys_padded;
  return {text.keys + key * padded(head_size, input_unit), text.key_starts + key, text.key_scales + key,
          text.values + key * padded(head_size, lanes), text.value_scales + key, text.keys_padded};
}
inline Fp32Text head_of(const Fp32Text& text, int head, int head_size) {
  const std::size_t key = static_cast<std::size_t>(head) * text.keys_padded;
  return {text.keys + key * head_size, text.values + key * padded(head_size, lanes), text.keys_padded};
}

// Calls f(first row, rows, their scales) for parts of a head's rows x [rows, columns]. Scales are taken before anything
// becomes codes, because each waits for a chain of steps: so the chains of several rows go on at once.
constexpr int scales_at_once = 16;
template <int largest_code, typename F>
inline void with_scales(const float* x, std::size_t stride, int rows, int columns, F f) {
  for (int first = 0; first < rows; first += scales_at_once) {
    const int count = smaller(rows - first, scales_at_once);
    Scale scales[scales_at_once];
    for (int r = 0; r < count; ++r) {
      scales[r] = scale_for<largest_code>(largest_magnitude(x + (first + r) * stride, columns));
    }
    f(first, count, scales);
  }
}

inline void store_queries_int8(const float* x, std::size_t stride, int rows, HeadShape shape, void* codes,
                               float* scales) {
  const std::size_t head_codes = padded(shape.size, 4 * lanes);
  for (int h = 0; h < shape.heads; ++h) {
    const float* row = x + h * shape.size;
    with_scales<largest_code>(row, stride, rows, shape.size, [&](int first, int count, const Scale* found) {
      for (int r = first; r < first + count; ++r, ++found) {
        const std::size_t place = static_cast<std::size_t>(r) * shape.heads + h;
        code_row(row + r * stride, shape.size, {*found, 0.0f}, static_cast<Code*>(codes) + place * head_codes);
        scales[place] = found->scale;
      }
    });
  }
}

#if !defined(SQUEEZEBERT_TRANSPOSES_KEYS)
// Codes of `steps` steps of four keys to their lanes of each step, which are `step_bytes` apart; adds each key's codes
// to its total.
inline void transpose_keys(const std::int8_t (&codes)[4][4 * lanes], int steps, std::int8_t* target,
                           std::size_t step_bytes, std::int32_t (&totals)[4]) {
  for (int step = 0; step < steps; ++step) {
    for (int k = 0; k < 4; ++k) {
      const std::int8_t* code = codes[k] + step * depth;
      __builtin_memcpy(target + step * step_bytes + k * depth, code, depth);
      for (int i = 0; i < depth; ++i) totals[k] += code[i];
    }
  }
}
#endif

// Up to four keys, the first at a multiple of four; missing ones become zeros.
inline void store_four_keys(const float* x, std::size_t stride, int rows, const Scale* scales, int head_size,
                            int position, float factor, const Int8Text& head) {
  alignas(64) std::int8_t codes[4][4 * lanes] = {};
  const std::size_t steps = steps_of(head_size);
  std::int8_t* target = head.keys + (position / lanes * steps * lanes + position % lanes) * depth;
  std::int32_t totals[4] = {};
  for (int first = 0; first < head_size; first += 4 * lanes) {
    const int columns = smaller(head_size - first, 4 * lanes);
    for (int k = 0; k < rows; ++k) {
      round_by_four(x + k * stride + first, columns, scales[k].inverse, 0.0f,
                    [&](int, Ints a, Ints b, Ints c, Ints d) { store_bytes(codes[k], a, b, c, d); });
    }
    transpose_keys(codes, steps_of(columns), target + static_cast<std::size_t>(first) * lanes, lanes * depth, totals);
  }
  for (int k = 0; k < rows; ++k) {
    head.key_starts[position + k] = -code_offset * totals[k];
    head.key_scales[position + k] = scales[k].scale * factor;
  }
}

// Values of up to `depth` tokens, one step; missing ones are zero.
inline void store_value_step(const float* x, std::size_t stride, int rows, const Scale* scales, int head_size,
                             int position, const Int8Text& head) {
  float inverse[depth] = {};
  const float* row[depth];
  for (int i = 0; i < depth; ++i) {
    row[i] = x + (i < rows ? i : 0) * stride;
    if (i >= rows) continue;
    head.value_scales[position + i] = scales[i].scale;
    inverse[i] = scales[i].inverse;
  }
  std::int8_t* target = head.values + static_cast<std::size_t>(position) * padded(head_size, lanes);
  for_vectors(head_size, [&](int c, auto width) {
    Ints values[depth];
#pragma GCC unroll 4
    for (int i = 0; i < depth; ++i) values[i] = to_ints(mul(load(row[i] + c, width), broadcast(inverse[i])));
    store_interleaved(target + c * depth, values);
  });
}

inline void store_keys_int8(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                            const Int8Text& text) {
  const float factor = log2_e / __builtin_sqrtf(static_cast<float>(shape.size));
  for (int h = 0; h < shape.heads; ++h, x += shape.size) {
    const Int8Text head = head_of(text, h, shape.size);
    with_scales<largest_weight>(x, stride, rows, shape.size, [&](int first, int count, const Scale* scales) {
      for (int r = 0; r < count; r += 4) {
        store_four_keys(x + (first + r) * stride, stride, smaller(count - r, 4), scales + r, shape.size,
                        position + first + r, factor, head);
      }
    });
  }
}

inline void store_values_int8(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                              const Int8Text& text) {
  for (int h = 0; h < shape.heads; ++h, x += shape.size) {
    const Int8Text head = head_of(text, h, shape.size);
    with_scales<largest_weight>(x, stride, rows, shape.size, [&](int first, int count, const Scale* scales) {
      for (int r = 0; r < count; r += depth) {
        store_value_step(x + (first + r) * stride, stride, smaller(count - r, depth), scales + r, shape.size,
                         position + first + r, head);
      }
    });
  }
}

inline void store_keys_fp32(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                            const Fp32Text& text) {
  const float scale = log2_e / __builtin_sqrtf(static_cast<float>(shape.size));
  for (int h = 0; h < shape.heads; ++h) {
    const Fp32Text head = head_of(text, h, shape.size);
    for (int r = 0; r < rows; ++r) {
      const float* row = x + r * stride + h * shape.size;
      const std::size_t vector = (position + r) / lanes;
      float* target = head.keys + vector * shape.size * lanes + (position + r) % lanes;
      for (int i = 0; i < shape.size; ++i) target[i * lanes] = row[i] * scale;
    }
  }
}

inline void store_values_fp32(const float* x, std::size_t stride, int rows, int position, HeadShape shape,
                              const Fp32Text& text) {
  for (int h = 0; h < shape.heads; ++h) {
    float* target = head_of(text, h, shape.size).values + static_cast<std::size_t>(position) * padded(shape.size, lanes);
    for (int r = 0; r < rows; ++r, target += padded(shape.size, lanes)) {
      const float* row = x + r * stride + h * shape.size;
      for_vectors(shape.size, [&](int c, auto width) { store(target + c, load(row + c, width)); });
    }
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
