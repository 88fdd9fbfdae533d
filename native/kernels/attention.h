// Attention of some queries of one text in one head: scores, online softmax, weighted sum of the values.
//
// Both products run on the tiles of the linear layers: queries and probabilities are rows, keys and values
// are panels, which the token's own row writes once per layer. Long texts go by blocks of keys with a running
// maximum (Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867). Blocks are
// counted from the start of the text, so that a text's result depends on nothing else.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// Keys of a block: the scores of a tile of queries stay in the first-level cache.
constexpr int key_block = 256;
constexpr float minus_infinity = -3.0e38f;

inline void store_key_int8(const float* x, int head_size, int position, const Int8Head& head) {
  const Scale scale = scale_for(largest_magnitude(x, head_size));
  const int steps = steps_of(head_size);
  std::int8_t* target = head.keys + (static_cast<std::size_t>(position / lanes) * steps * lanes + position % lanes) * depth;
  std::int32_t total = 0;
  for (int first = 0; first < head_size; first += 4 * lanes) {
    const int count = head_size - first < 4 * lanes ? head_size - first : 4 * lanes;
    alignas(64) std::int8_t codes[4 * lanes];
    round_by_four(x + first, count, scale.inverse,
                  [&](int, Ints a, Ints b, Ints c, Ints d) { store_bytes(codes, a, b, c, d); });
    for (int step = 0; step < steps_of(count); ++step, target += lanes * depth) {
      for (int i = 0; i < depth; ++i) total += codes[step * depth + i];
      __builtin_memcpy(target, codes + step * depth, depth);
    }
  }
  head.key_starts[position] = -code_offset * total;
  head.key_scales[position] = scale.scale * 1.44269504f / __builtin_sqrtf(static_cast<float>(head_size));
}

inline void store_value_int8(const float* x, int head_size, int position, const Int8Head& head) {
  const Scale scale = scale_for(largest_magnitude(x, head_size));
  std::int8_t* target = head.values + static_cast<std::size_t>(position / depth) * padded(head_size, lanes) * depth +
                        position % depth;
  for (int first = 0; first < head_size; first += 4 * lanes) {
    const int count = head_size - first < 4 * lanes ? head_size - first : 4 * lanes;
    alignas(64) std::int8_t codes[4 * lanes];
    round_by_four(x + first, count, scale.inverse,
                  [&](int, Ints a, Ints b, Ints c, Ints d) { store_bytes(codes, a, b, c, d); });
    for (int i = 0; i < count; ++i) target[(first + i) * depth] = codes[i];
  }
  head.value_scales[position] = scale.scale;
}

inline void store_key_fp32(const float* x, int head_size, int position, const Fp32Head& head) {
  const float scale = 1.44269504f / __builtin_sqrtf(static_cast<float>(head_size));
  float* target = head.keys + static_cast<std::size_t>(position / lanes) * head_size * lanes + position % lanes;
  for (int i = 0; i < head_size; ++i) target[i * lanes] = x[i] * scale;
}

inline void store_value_fp32(const float* x, int head_size, int position, const Fp32Head& head) {
  float* target = head.values + static_cast<std::size_t>(position) * padded(head_size, lanes);
  for (int i = 0; i < head_size; i += lanes) store(target + i, load_up_to(x + i, head_size - i));
}

// What is left of the earlier blocks when the running maximum rises.
struct Running {
  float maximum = minus_infinity;
  float total = 0.0f;

  float raise(float block_maximum) {
    const float old = maximum;
    if (block_maximum > maximum) maximum = block_maximum;
    alignas(64) float kept[lanes];
    store(kept, exp2(broadcast(old - maximum)));
    total *= kept[0];
    return kept[0];
  }
};

// Scores of a tile of queries against a block of keys, and the weighted sum of the block's values.
template <typename Operands>
inline void attend_tile(const Operands& operands, int rows, int keys, int head_size, float* out, std::size_t stride) {
  const int head_padded = padded(head_size, lanes);
  alignas(64) float scores[tile_rows * key_block];
  alignas(64) float part[tile_rows * tile_columns];
  typename Operands::Block block;
  Running running[tile_rows];
  for (int first = 0; first < keys; first += key_block) {
    const int count = keys - first < key_block ? keys - first : key_block;
    const int vectors = (count + lanes - 1) / lanes, whole_vectors = padded(vectors, 4);
    for (int v = 0; v < vectors; v += tile_vectors) {
      const int wide = vectors - v < tile_vectors ? vectors - v : tile_vectors;
      operands.scores(rows, wide, first + v * lanes, head_size, scores + v * lanes);
    }
    operands.start_block(block, first, count);
    float kept[tile_rows];
    for (int r = 0; r < rows; ++r) {
      float* row = scores + r * key_block;
      for (int key = count; key < whole_vectors * lanes; ++key) row[key] = minus_infinity;
      Floats most = load(row);
      for (int v = 1; v < vectors; ++v) most = max(most, load(row + v * lanes));
      kept[r] = running[r].raise(largest(most));
      running[r].total += operands.softmax(block, r, row, whole_vectors, broadcast(running[r].maximum));
    }
    for (int column = 0; column < head_padded; column += tile_columns) {
      const int wide = (head_padded - column < tile_columns ? head_padded - column : tile_columns) / lanes;
      operands.weighted_sum(block, rows, wide, first, count, column, head_padded, scores, part);
      for (int r = 0; r < rows; ++r) {
        for (int w = 0; w < wide; ++w) {
          const int left = head_size - column - w * lanes;
          float* target = out + r * stride + column + w * lanes;
          const Floats added = load(part + r * tile_columns + w * lanes);
          const Floats sum = first == 0 ? added : fma(load_up_to(target, left), broadcast(kept[r]), added);
          store_up_to(target, sum, left);
        }
      }
    }
  }
  for (int r = 0; r < rows; ++r) {
    const Floats share = broadcast(1.0f / running[r].total);
    for (int c = 0; c < head_size; c += lanes) {
      float* target = out + r * stride + c;
      store_up_to(target, mul(load_up_to(target, head_size - c), share), head_size - c);
    }
  }
}

struct Int8Operands {
  const Code* queries;
  std::size_t query_stride;
  const float* query_scales;
  std::size_t scale_stride;
  const Int8Head& head;

  struct Block {
    alignas(64) float shares[key_block];  // each value's scale, relative to the block's largest
    alignas(64) Code codes[tile_rows * key_block];
    float unit;  // what one code of a probability is worth
  };

  void scores(int rows, int wide, int key, int head_size, float* out) const {
    const int steps = steps_of(head_size);
    const std::size_t vector_bytes = static_cast<std::size_t>(steps) * lanes * depth;
    alignas(64) std::int32_t sums[tile_rows * tile_columns];
    tiles.at[rows - 1][wide - 1].int8(queries, query_stride, head.keys + key / lanes * vector_bytes, lanes * depth,
                                      vector_bytes, steps, head.key_starts + key, sums);
    for (int r = 0; r < rows; ++r) {
      const Floats query_scale = broadcast(query_scales[r * scale_stride]);
      for (int w = 0; w < wide; ++w) {
        const Floats score = mul(to_floats(load(sums + r * tile_columns + w * lanes)), query_scale);
        store(out + r * key_block + w * lanes, mul(score, load(head.key_scales + key + w * lanes)));
      }
    }
  }

  void start_block(Block& block, int first, int count) const {
    float most = 0.0f;
    for (int key = 0; key < count; ++key) most = head.value_scales[first + key] > most ? head.value_scales[first + key] : most;
    const float factor = most > 0.0f ? static_cast<float>(largest_probability) / most : 0.0f;
    for (int key = 0; key < count; ++key) block.shares[key] = head.value_scales[first + key] * factor;
    for (int key = count; key < padded(count, 4 * lanes); ++key) block.shares[key] = 0.0f;
    block.unit = most / static_cast<float>(largest_probability);
  }

  // Scores [vectors × lanes] of one query to probabilities in codes; returns the sum of the exact ones.
  float softmax(Block& block, int row, const float* scores, int vectors, Floats maximum) const {
    Floats total = zeros();
    // Each lane hands its rounding error on to its next key: of many small probabilities, none of which
    // would reach half a code, the sum survives.
    Floats carried = zeros();
    for (int v = 0; v < vectors; v += 4) {
      Ints whole[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const Floats p = exp2_coarse(sub(load(scores + (v + i) * lanes), maximum));
        total = add(total, p);
        const Floats exact = fma(p, load(block.shares + (v + i) * lanes), carried);
        whole[i] = to_ints(exact);
        carried = sub(exact, to_floats(whole[i]));
      }
      store_probabilities(block.codes + row * key_block + v * lanes, whole[0], whole[1], whole[2], whole[3]);
    }
    return sum(total);
  }

  void weighted_sum(const Block& block, int rows, int wide, int first, int count, int column, int head_padded,
                    const float*, float* out) const {
    static const std::int32_t no_starts[tile_columns] = {};
    alignas(64) std::int32_t sums[tile_rows * tile_columns];
    const std::size_t step_bytes = static_cast<std::size_t>(head_padded) * depth;
    tiles.at[rows - 1][wide - 1].int8(block.codes, key_block, head.values + first / depth * step_bytes + column * depth,
                                      step_bytes, lanes * depth, steps_of(count), no_starts, sums);
    for (int r = 0; r < rows; ++r) {
      for (int w = 0; w < wide; ++w) {
        const int at = r * tile_columns + w * lanes;
        store(out + at, mul(to_floats(load(sums + at)), broadcast(block.unit)));
      }
    }
  }
};

struct Fp32Operands {
  const float* queries;
  std::size_t query_stride;
  const Fp32Head& head;

  struct Block {};

  void scores(int rows, int wide, int key, int head_size, float* out) const {
    const std::size_t vector_size = static_cast<std::size_t>(head_size) * lanes;
    tiles.at[rows - 1][wide - 1].fp32(queries, query_stride, head.keys + key / lanes * vector_size, lanes, vector_size,
                                      head_size, nullptr, out, key_block);
  }

  void start_block(Block&, int, int) const {}

  float softmax(Block&, int, float* scores, int vectors, Floats maximum) const {
    Floats total = zeros();
    for (int v = 0; v < vectors; ++v) {
      const Floats p = exp2(sub(load(scores + v * lanes), maximum));
      total = add(total, p);
      store(scores + v * lanes, p);
    }
    return sum(total);
  }

  void weighted_sum(const Block&, int rows, int wide, int first, int count, int column, int head_padded,
                    const float* probabilities, float* out) const {
    tiles.at[rows - 1][wide - 1].fp32(probabilities, key_block,
                                      head.values + static_cast<std::size_t>(first) * head_padded + column, head_padded,
                                      lanes, count, nullptr, out, tile_columns);
  }
};

inline void attend_int8(const void* queries, std::size_t query_stride, const float* query_scales,
                        std::size_t scale_stride, int rows, const Int8Head& head, int keys, int head_size, float* out,
                        std::size_t stride) {
  in_parts(rows, tile_rows, [&](int row, int count) {
    const Int8Operands operands{static_cast<const Code*>(queries) + row * query_stride, query_stride,
                                query_scales + row * scale_stride, scale_stride, head};
    attend_tile(operands, count, keys, head_size, out + row * stride, stride);
  });
}

inline void attend_fp32(const float* queries, std::size_t query_stride, int rows, const Fp32Head& head, int keys,
                        int head_size, float* out, std::size_t stride) {
  in_parts(rows, tile_rows, [&](int row, int count) {
    const Fp32Operands operands{queries + row * query_stride, query_stride, head};
    attend_tile(operands, count, keys, head_size, out + row * stride, stride);
  });
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
