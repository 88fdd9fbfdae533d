// The innermost loop of int8 on vector registers: a tile of rows × columns, accumulators in registers.
//
// Bound by the dot-product instruction: per step, int8_rows * int8_vectors of them stand beside int8_vectors
// loads and int8_rows broadcasts.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int block_rows = 64;
#if !defined(SQUEEZEBERT_GROUPS_STEPS)
constexpr int int8_rows = tile_rows;
constexpr int int8_vectors = tile_vectors;
constexpr int attention_rows = tile_rows;
constexpr int attention_vectors = tile_vectors;
#endif
constexpr int int8_columns = int8_vectors * lanes;
constexpr int row_unit = padded(int8_rows, depth);
// Steps go in pairs: one prefetch for each step would cost a twentieth.
constexpr int input_unit = 2 * depth;
constexpr int steps_of(int inputs) { return padded(inputs, input_unit) / depth; }

// A panel's vectors stand side by side, and while it is read the next one is fetched. Keys and values have neither.
template <typename Weights>
constexpr bool is_panel = false;
template <>
constexpr bool is_panel<Panel> = true;

// Adds all steps to the sums. Of what is needed next, `lines` cache lines are fetched in each pair of steps, or
// as many as `next_stride` asks for where `lines` is 0.
template <int lines, int rows, int vectors, typename Weights>
[[gnu::always_inline]] inline void take_steps(Ints (&sums)[rows][vectors], const Code* codes, std::size_t code_stride,
                                              const Weights& columns) {
  const std::int8_t* weights = columns.weights;
  // GCC has too few registers for strides that are no constants: it fetches some from vectors in every step.
  const std::size_t vector_stride = is_panel<Weights> ? lanes * depth : columns.vector_stride;
  const std::size_t step_stride = is_panel<Weights> ? vectors * lanes * depth : columns.step_stride;
  const int steps = columns.steps;
  const char* next = columns.next;
  const std::size_t next_stride = columns.next_stride;
  for (int step = 0; step < steps; step += 2) {
    if constexpr (is_panel<Weights>) {
      prefetch<lines>(next, next_stride);
      next += next_stride;
    }
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      Ints column[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) column[v] = load_weights(weights + v * vector_stride);
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        const Ints row = broadcast_codes(codes + r * code_stride);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sums[r][v] = dot(sums[r][v], row, column[v]);
      }
      codes += depth;
      weights += step_stride;
    }
  }
}

// Calls finish.column(v)(r, starts[v] + codes[r, :] · weights[:, v]).
template <int rows, int vectors, typename Weights, typename Finish>
[[gnu::noinline]] void int8_tile(const Code* codes, std::size_t code_stride, const Weights& columns,
                                 const std::int32_t* starts, const Finish& finish) {
  Ints sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(starts + v * lanes);
  // What takes one or two steps at once fetches for two.
  constexpr int steps_a_fetch = steps_at_once > 2 ? steps_at_once : 2;
  if (!is_panel<Weights> || columns.next_stride * steps_a_fetch <= 2 * 64) {
    take_steps<1>(sums, codes, code_stride, columns);
  } else {
    take_steps<0>(sums, codes, code_stride, columns);
  }
  finish_sums(sums, finish);
}

template <typename Weights, typename Finish>
struct Int8Tiles {
  using Tile = void (*)(const Code*, std::size_t, const Weights&, const std::int32_t*, const Finish&);
  template <int rows, int vectors>
  static constexpr Tile at = &int8_tile<rows, vectors, Weights, Finish>;
};

// The largest tile of keys and values, and of a Panel where that is another type.
template <typename Weights>
struct Largest {
  static constexpr int rows = attention_rows, vectors = attention_vectors;
};
#if defined(SQUEEZEBERT_GROUPS_STEPS)
template <>
struct Largest<Panel> {
  static constexpr int rows = int8_rows, vectors = int8_vectors;
};
#endif

template <typename Weights, typename Finish>
inline void run_tile(int rows, int vectors, const Code* codes, std::size_t code_stride, const Weights& columns,
                     const std::int32_t* starts, const Finish& finish) {
  static constexpr TileTable<Int8Tiles<Weights, Finish>, Largest<Weights>::rows, Largest<Weights>::vectors> table;
  table.at[rows - 1][vectors - 1](codes, code_stride, columns, starts, finish);
}

// Rows cut into tiles. While one exists, `run_tile` takes the parts that `each` gives.
template <int most_rows>
class RowTiles {
 public:
  explicit RowTiles(int rows) : rows_(rows) {}

  int count() const { return (rows_ + most_rows - 1) / most_rows; }
  // Calls f(first, count) for each tile.
  template <typename F>
  void each(F f) const {
    in_parts(rows_, most_rows, f);
  }

 private:
  const int rows_;
};

// Runs the tile's dot products `rounds` times on registers; returns the multiplications and additions.
inline double run_dot_products(int rounds) {
  alignas(64) const Code codes[depth] = {1};
  alignas(64) const std::int8_t weights[lanes * depth] = {1};
  Ints row[steps_at_once], column[steps_at_once];
  for (int s = 0; s < steps_at_once; ++s) {
    row[s] = broadcast_codes(codes);
    column[s] = load_weights(weights);
  }
  // Those of the tile, but for one where several rows need registers, too.
  constexpr int count = int8_rows * int8_vectors - (steps_at_once > 1);
  Ints sums[count];
#pragma GCC unroll 32
  for (Ints& sum : sums) sum = to_ints(zeros());
  for (int round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
    for (Ints& sum : sums) {
#pragma GCC unroll 3
      for (int s = 0; s < steps_at_once; ++s) keep_in_register(row[s]);
      sum = dot_steps(sum, row, column);
      keep_in_register(sum);
    }
  }
  return 2.0 * rounds * steps_at_once * depth * lanes * count;
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
