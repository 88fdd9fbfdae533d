// Attention of some queries of one text: scores, online softmax, weighted sum of the values.
//
// Both products run on the tiles of the linear layers: queries and probabilities are rows, keys and values are panels
// (attention_inputs.h). Bound by the dot products for six to seven tenths, and for the rest by the exponentials and the
// ends of the tiles. Long texts go by blocks of keys with a running maximum (Milakov and Gimelshein, "Online normalizer
// calculation for softmax", arXiv 1805.02867). Blocks are counted from the start of the text, so that a text's result
// depends on nothing else.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr float minus_infinity = -3.0e38f;
alignas(64) constexpr std::int32_t no_starts[attention_vectors * lanes] = {};

// Of each query of a tile: the largest score so far, what is left of the earlier blocks since it rose, and the sum of
// the probabilities. None of it is set before the first block.
template <int rows>
struct Running {
  static constexpr int rows_padded = padded(rows, lanes);
  alignas(64) float maximum[rows_padded];
  alignas(64) float kept[rows_padded];
  alignas(64) float totals[rows * lanes];  // per lane

  // All rows at once, because one after the other each would wait for its exponential.
  void raise(const float* block_maximum) {
    for (int r = 0; r < rows_padded; r += lanes) {
      const Floats old = load(maximum + r), risen = max(old, load(block_maximum + r));
      store(maximum + r, risen);
      store(kept + r, exp2(sub(old, risen)));
    }
  }
  void add_total(int row, Floats total, bool is_first) {
    float* sums = totals + row * lanes;
    store(sums, is_first ? total : fma(load(sums), broadcast(kept[row]), total));
  }
  float share(int row) const { return 1.0f / sum(load(totals + row * lanes)); }
};

// Adds a block's weighted sums `sums` [rows, sums_stride] to what the earlier blocks left, times `kept`.
inline void accumulate(const float* sums, std::size_t sums_stride, int rows, int columns, const float* kept,
                       bool is_first, float* out, std::size_t stride) {
  for (int r = 0; r < rows; ++r, sums += sums_stride, out += stride) {
    const Floats share = broadcast(kept[r]);
    for_vectors(columns, [&](int c, auto width) {
      const Floats sum = load(sums + c);
      store(out + c, is_first ? sum : fma(load(out + c, width), share, sum), width);
    });
  }
}

// Operands know how to score a tile of queries, how to turn scores into probabilities and how to sum values.
template <typename Operands>
inline void attend_tile(const Operands& operands, int rows, int keys, int head_size, float* out, std::size_t stride) {
  using State = Running<Operands::most_rows>;
  alignas(64) float scores[Operands::most_rows * key_block];
  // Through the first-level cache, but for the first block: tiles that end in the sum would be a fifth of the
  // kernels' code.
  constexpr int most_columns = Operands::most_vectors * lanes;
  alignas(64) float sums[Operands::most_rows * most_columns];
  typename Operands::Block block;
  State running;
  alignas(64) float largest_scores[State::rows_padded] = {};
  const bool has_one_block = keys <= key_block, sums_shares = Operands::scales_sums && has_one_block;
  for (int first = 0; first < keys; first += key_block) {
    const int count = smaller(keys - first, key_block);
    const int vectors = (count + lanes - 1) / lanes, whole_vectors = padded(vectors, 4);
    in_parts(vectors, Operands::most_vectors, [&](int v, int wide) {
      operands.score(rows, wide, first + v * lanes, head_size, scores + v * lanes);
    });
    if (!has_one_block) operands.start(first, count);
    float* largest_of_block = first == 0 ? running.maximum : largest_scores;
    for (int r = 0; r < rows; ++r) {
      float* row = scores + r * key_block;
      for (int key = count; key < whole_vectors * lanes; ++key) row[key] = minus_infinity;
      Floats most = load(row);
      for (int v = 1; v < vectors; ++v) most = max(most, load(row + v * lanes));
      largest_of_block[r] = largest(most) * operands.scale(r);
    }
    if (first > 0) running.raise(largest_scores);
    for (int r = 0; r < rows; ++r) {
      float* row = scores + r * key_block;
      running.add_total(r, operands.soften(block, r, row, whole_vectors, running.maximum[r]), first == 0);
    }
    // All there is of the only block is summed by now.
    for (int r = 0; r < rows; ++r) operands.scale_sums(block, r, sums_shares ? running.share(r) : 1.0f);
    in_parts((head_size + lanes - 1) / lanes, Operands::most_vectors, [&](int v, int wide) {
      const int column = v * lanes, columns = smaller(head_size - column, wide * lanes);
      if (first == 0 && columns == wide * lanes) {
        operands.sum_values(block, rows, wide, first, count, head_size, column, scores, out + column, stride);
      } else {
        operands.sum_values(block, rows, wide, first, count, head_size, column, scores, sums, most_columns);
        accumulate(sums, most_columns, rows, columns, running.kept, first == 0, out + column, stride);
      }
    });
  }
  for (int r = 0; r < rows && !sums_shares; ++r) {
    const Floats share = broadcast(running.share(r));
    float* row = out + r * stride;
    for_vectors(head_size, [&](int c, auto width) { store(row + c, mul(load(row + c, width), share), width); });
  }
}

// What probabilities of a block are multiplied by before they become codes, and the sums of values afterwards.
struct ValueScales {
  Shares shares;
  float unit;

  [[gnu::noinline]] void set(const float* scales, int count) {
    const float largest_scale = largest_magnitude(scales, count);
    unit = largest_scale / probability_unit;
    store_shares(shares, scales, count, largest_scale > 0.0f ? 1.0f / largest_scale : 0.0f);
  }
};

struct Int8Operands {
  static constexpr int most_rows = attention_rows, most_vectors = attention_vectors;

  const Code* queries;
  std::size_t query_stride;
  const float* query_scales;
  std::size_t scale_stride;
  const Int8Text& head;
  ValueScales& value_scales;

  struct Block {
    alignas(64) Probability codes[most_rows * key_block];
    alignas(64) float sum_scales[most_rows * lanes];  // of each row, in all lanes
  };

  // Stores sums times scales, of which there is a vector for each column or for each row: one tile for both.
  struct Scaled {
    const float* scales;
    int column_step, row_step;
    float* out;
    std::size_t stride;

    auto column(int v) const {
      const float* scale = scales + v * column_step;
      return [to = out + v * lanes, stride = stride, scale, step = row_step](int r, Ints sums) {
        store(to + r * stride, mul(to_floats(sums), load(scale + r * step)));
      };
    }
  };

  void score(int rows, int wide, int key, int head_size, float* out) const {
    const int steps = steps_of(head_size);
    const std::size_t vector_bytes = static_cast<std::size_t>(steps) * lanes * depth;
    const Columns<std::int8_t> keys{head.keys + key / lanes * vector_bytes, lanes * depth, vector_bytes, steps, nullptr, 0};
    run_tile(rows, wide, queries, query_stride, keys, head.key_starts + key,
             Scaled{head.key_scales + key, lanes, 0, out, key_block});
  }

  // Of texts with one block, whoever made this has done it for all tiles.
  void start(int first, int count) const { value_scales.set(head.value_scales + first, count); }

  static constexpr bool scales_sums = true;
  void scale_sums(Block& block, int row, float factor) const {
    store(block.sum_scales + row * lanes, broadcast(value_scales.unit * factor));
  }

  // A query of zeros must not lift what lies beyond the last key.
  float scale(int row) const {
    const float scale = query_scales[row * scale_stride];
    return scale > 1e-30f ? scale : 1e-30f;
  }

  Floats soften(Block& block, int row, const float* scores, int vectors, float maximum) const {
    return squeezebert::SQUEEZEBERT_ISA::soften(scores, vectors, scale(row), maximum, value_scales.shares,
                                                block.codes + row * key_block);
  }

  void sum_values(const Block& block, int rows, int wide, int first, int count, int head_size, int column,
                  const float*, float* sums, std::size_t sums_stride) const {
    const std::size_t step_bytes = static_cast<std::size_t>(padded(head_size, lanes)) * depth;
    const Columns<std::int8_t> values{head.values + first / depth * step_bytes + column * depth, step_bytes,
                                      lanes * depth, steps_of(count), nullptr, 0};
    run_tile(rows, wide, block.codes, key_block, values, no_starts,
             Scaled{block.sum_scales, 0, lanes, sums, sums_stride});
  }
};

struct Fp32Operands {
  static constexpr int most_rows = tile_rows, most_vectors = tile_vectors;

  const float* queries;
  std::size_t query_stride;
  const Fp32Text& head;

  struct Block {};

  void score(int rows, int wide, int key, int head_size, float* out) const {
    const std::size_t vector_size = static_cast<std::size_t>(head_size) * lanes;
    const Columns<float> keys{head.keys + key / lanes * vector_size, lanes, vector_size, head_size, nullptr, 0};
    run_tile(rows, wide, queries, query_stride, keys, no_bias, Fp32Finish{out, key_block});
  }

  void start(int, int) const {}
  static constexpr bool scales_sums = false;
  void scale_sums(Block&, int, float) const {}
  float scale(int) const { return 1.0f; }

  Floats soften(Block&, int, float* scores, int vectors, float maximum) const {
    const Floats most = broadcast(maximum);
    Floats total = zeros();
    for (int v = 0; v < vectors; ++v) {
      const Floats p = exp2(sub(load(scores + v * lanes), most));
      total = add(total, p);
      store(scores + v * lanes, p);
    }
    return total;
  }

  void sum_values(const Block&, int rows, int wide, int first, int count, int head_size, int column,
                  const float* probabilities, float* sums, std::size_t sums_stride) const {
    const std::size_t row = padded(head_size, lanes);
    const Columns<float> values{head.values + first * row + column, row, lanes, count, nullptr, 0};
    run_tile(rows, wide, probabilities, key_block, values, no_bias, Fp32Finish{sums, sums_stride});
  }
};

// Memory that is read soon, in equal parts, to the second-level cache.
class ToFetch {
 public:
  ToFetch(const void* memory, std::size_t bytes, int parts)
      : next_(static_cast<const char*>(memory)), part_bytes_((bytes + parts - 1) / parts) {}

  void fetch_part() {
    for (std::size_t line = 0; line < part_bytes_; line += 64) __builtin_prefetch(next_ + line, 0, 2);
    next_ += part_bytes_;
  }

 private:
  const char* next_;
  const std::size_t part_bytes_;
};

// While a head is attended to, the next one's keys and values are fetched: others were written by another thread, and
// its cache may be far away.
inline void attend_int8(const void* queries, const float* query_scales, int rows, int keys, HeadShape shape,
                        const Int8Text& text, float* out, std::size_t stride) {
  const std::size_t head_codes = padded(shape.size, 4 * lanes), row_codes = shape.heads * head_codes;
  const RowTiles<attention_rows> tiles(rows);
  for (int h = 0; h < shape.heads; ++h) {
    const Int8Text head = head_of(text, h, shape.size);
    const Int8Text next = head_of(text, smaller(h + 1, shape.heads - 1), shape.size);
    ValueScales value_scales;
    if (keys <= key_block) value_scales.set(head.value_scales, keys);
    ToFetch keys_to_fetch(next.keys, next.keys - head.keys, tiles.count());
    ToFetch values_to_fetch(next.values, next.values - head.values, tiles.count());
    tiles.each([&](int row, int count) {
      keys_to_fetch.fetch_part();
      values_to_fetch.fetch_part();
      const Int8Operands operands{static_cast<const Code*>(queries) + row * row_codes + h * head_codes, row_codes,
                                  query_scales + static_cast<std::size_t>(row) * shape.heads + h,
                                  static_cast<std::size_t>(shape.heads), head, value_scales};
      attend_tile(operands, count, keys, shape.size, out + row * stride + h * shape.size, stride);
    });
  }
}

inline void attend_fp32(const float* queries, int rows, int keys, HeadShape shape, const Fp32Text& text, float* out,
                        std::size_t stride) {
  const std::size_t hidden = static_cast<std::size_t>(shape.heads) * shape.size;
  for (int h = 0; h < shape.heads; ++h) {
    const Fp32Text head = head_of(text, h, shape.size);
    in_parts(rows, tile_rows, [&](int row, int count) {
      const Fp32Operands operands{queries + row * hidden + h * shape.size, hidden, head};
      attend_tile(operands, count, keys, shape.size, out + row * stride + h * shape.size, stride);
    });
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
