// The two innermost loops: a tile of rows × columns of a matrix product, accumulators in registers.
//
// Bound by the dot-product (or FMA) instruction: per step of the int8 tile, tile_rows * tile_vectors of them
// stand beside tile_vectors loads and tile_rows broadcasts.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int tile_columns = tile_vectors * lanes;

constexpr int padded(int count, int unit) { return (count + unit - 1) / unit * unit; }
// Steps go in pairs: one prefetch for each step would cost a twentieth.
constexpr int input_unit = 2 * depth;
constexpr int steps_of(int inputs) { return padded(inputs, input_unit) / depth; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }

// Weights of some vectors of columns: one step is `step_stride` bytes (or floats) after the other, one vector
// `vector_stride` after the other.
template <typename T>
struct Columns {
  const T* weights;
  std::size_t step_stride, vector_stride;
  int steps;
  // Memory that is needed next: each pair of int8 steps fetches `next_stride` bytes of it.
  const char* next;
  std::size_t next_stride;
};

// Adds all steps to the sums. Of what is needed next, `lines` cache lines are fetched in each pair of steps, or
// as many as `next_stride` asks for where `lines` is 0.
template <int lines, int rows, int vectors>
[[gnu::always_inline]] inline void take_steps(Ints (&sums)[rows][vectors], const Code* codes, std::size_t code_stride,
                                              const Columns<std::int8_t>& columns) {
  const std::int8_t* weights = columns.weights;
  const std::size_t step_stride = columns.step_stride, vector_stride = columns.vector_stride;
  const int steps = columns.steps;
  const char* next = columns.next;
  const std::size_t next_stride = columns.next_stride;
  for (int step = 0; step < steps; step += 2) {
    if constexpr (lines > 0) {
      __builtin_prefetch(next);
    } else {
      for (std::size_t line = 0; line < next_stride; line += 64) __builtin_prefetch(next + line);
    }
    next += next_stride;
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

// Calls finish.column(v)(r, starts[v] + codes[r, :] · weights[:, v]). What all rows of a column need is loaded in
// `column`: after a store GCC would load it again.
template <int rows, int vectors, typename Finish>
[[gnu::noinline]] void int8_tile(const Code* codes, std::size_t code_stride, const Columns<std::int8_t>& columns,
                                 const std::int32_t* starts, const Finish& finish) {
  Ints sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(starts + v * lanes);
  if (columns.next_stride <= 64) {
    take_steps<1>(sums, codes, code_stride, columns);
  } else {
    take_steps<0>(sums, codes, code_stride, columns);
  }
  // Else GCC gives the loop other registers than `finish` and moves the sums in every step.
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) keep_in_register(sums[r][v]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const auto finish_row = finish.column(v);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) finish_row(r, sums[r][v]);
  }
}

// Calls finish.column(v)(r, starts[v] + x[r, :] · weights[:, v]).
template <int rows, int vectors, typename Finish>
[[gnu::noinline]] void fp32_tile(const float* x, std::size_t x_stride, const Columns<float>& columns,
                                 const float* starts, const Finish& finish) {
  const float* weights = columns.weights;
  const std::size_t step_stride = columns.step_stride, vector_stride = columns.vector_stride;
  const int steps = columns.steps;
  Floats sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(starts + v * lanes);
  for (int step = 0; step < steps; ++step) {
    Floats column[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) column[v] = load(weights + v * vector_stride);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Floats row = broadcast(x[r * x_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sums[r][v] = fma(row, column[v], sums[r][v]);
    }
    ++x;
    weights += step_stride;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) keep_in_register(sums[r][v]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    const auto finish_row = finish.column(v);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) finish_row(r, sums[r][v]);
  }
}

// The tiles of 1 to tile_rows rows and 1 to tile_vectors vectors for one way to finish.
template <typename Finish>
struct Int8Tiles {
  using Tile = void (*)(const Code*, std::size_t, const Columns<std::int8_t>&, const std::int32_t*, const Finish&);
  template <int rows, int vectors>
  static constexpr Tile tile = &int8_tile<rows, vectors, Finish>;
};
template <typename Finish>
struct Fp32Tiles {
  using Tile = void (*)(const float*, std::size_t, const Columns<float>&, const float*, const Finish&);
  template <int rows, int vectors>
  static constexpr Tile tile = &fp32_tile<rows, vectors, Finish>;
};

template <typename Tiles>
struct TileTable {
  typename Tiles::Tile at[tile_rows][tile_vectors] = {};

  constexpr TileTable() { fill<tile_rows, tile_vectors>(); }

  template <int rows, int vectors>
  constexpr void fill() {
    at[rows - 1][vectors - 1] = Tiles::template tile<rows, vectors>;
    if constexpr (vectors > 1) {
      fill<rows, vectors - 1>();
    } else if constexpr (rows > 1) {
      fill<rows - 1, tile_vectors>();
    }
  }
};

template <typename Finish>
inline void run_tile(int rows, int vectors, const Code* codes, std::size_t code_stride,
                     const Columns<std::int8_t>& columns, const std::int32_t* starts, const Finish& finish) {
  static constexpr TileTable<Int8Tiles<Finish>> table;
  table.at[rows - 1][vectors - 1](codes, code_stride, columns, starts, finish);
}

template <typename Finish>
inline void run_tile(int rows, int vectors, const float* x, std::size_t x_stride, const Columns<float>& columns,
                     const float* starts, const Finish& finish) {
  static constexpr TileTable<Fp32Tiles<Finish>> table;
  table.at[rows - 1][vectors - 1](x, x_stride, columns, starts, finish);
}

alignas(64) constexpr std::int32_t no_starts[tile_columns] = {};
alignas(64) constexpr float no_bias[tile_columns] = {};

// Calls f(first, count) for parts of at most `unit`, as equal as they can be: 25 rows are 7 + 6 + 6 + 6,
// because a tile of one row costs nearly as much as a full one.
template <typename F>
inline void in_parts(int total, int unit, F f) {
  const int parts = (total + unit - 1) / unit;
  for (int part = 0, first = 0; part < parts; ++part) {
    const int count = total / parts + (part < total % parts);
    f(first, count);
    first += count;
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
