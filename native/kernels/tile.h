// The innermost loop of fp32: a tile of rows × columns of a matrix product, accumulators in registers; and what
// it shares with that of int8. Bound by the FMA instruction.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int tile_columns = tile_vectors * lanes;

constexpr int padded(int count, int unit) { return (count + unit - 1) / unit * unit; }
constexpr int smaller(int a, int b) { return a < b ? a : b; }

// Weights of some vectors of columns: one step is `step_stride` bytes (or floats) after the other, one vector
// `vector_stride` after the other.
template <typename T>
struct Columns {
  const T* weights;
  std::size_t step_stride, vector_stride;
  int steps;
  // Memory that is needed next: each two int8 steps fetch `next_stride` bytes of it.
  const char* next;
  std::size_t next_stride;
};

// Fetches `lines` cache lines, or as many as `bytes` are where `lines` is 0.
template <int lines>
[[gnu::always_inline]] inline void prefetch(const char* p, std::size_t bytes) {
  if constexpr (lines > 0) {
    __builtin_prefetch(p);
  } else {
    for (std::size_t line = 0; line < bytes; line += 64) __builtin_prefetch(p + line);
  }
}

// Calls finish.column(v)(r, sums[r][v]). What all rows of a column need is loaded in `column`: after a store GCC
// would load it again.
template <int rows, int vectors, typename Sums, typename Finish>
[[gnu::always_inline]] inline void finish_sums(Sums (&sums)[rows][vectors], const Finish& finish) {
  // Else GCC gives the loop before other registers than `finish` and moves the sums in every step.
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
  finish_sums(sums, finish);
}

// The tiles of 1 to `most_rows` rows and 1 to `most_vectors` vectors: Tiles::at<rows, vectors>.
template <typename Tiles, int most_rows, int most_vectors>
struct TileTable {
  typename Tiles::Tile at[most_rows][most_vectors] = {};

  constexpr TileTable() { fill<most_rows, most_vectors>(); }

  template <int rows, int vectors>
  constexpr void fill() {
    at[rows - 1][vectors - 1] = Tiles::template at<rows, vectors>;
    if constexpr (vectors > 1) {
      fill<rows, vectors - 1>();
    } else if constexpr (rows > 1) {
      fill<rows - 1, most_vectors>();
    }
  }
};

template <typename Finish>
struct Fp32Tiles {
  using Tile = void (*)(const float*, std::size_t, const Columns<float>&, const float*, const Finish&);
  template <int rows, int vectors>
  static constexpr Tile at = &fp32_tile<rows, vectors, Finish>;
};

template <typename Finish>
inline void run_tile(int rows, int vectors, const float* x, std::size_t x_stride, const Columns<float>& columns,
                     const float* starts, const Finish& finish) {
  static constexpr TileTable<Fp32Tiles<Finish>, tile_rows, tile_vectors> table;
  table.at[rows - 1][vectors - 1](x, x_stride, columns, starts, finish);
}

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
