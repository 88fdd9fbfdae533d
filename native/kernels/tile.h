// The two innermost loops: a tile of rows × columns of a matrix product, accumulators in registers.
//
// Bound by the dot-product (or FMA) instruction: per step of the int8 tile, tile_rows * tile_vectors of them
// stand beside tile_vectors loads and tile_rows broadcasts. The int8 tile goes to memory raw, and its
// reader scales it: with the epilogue beside the loop, compilers spill the accumulators.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

constexpr int tile_columns = tile_vectors * lanes;

constexpr int padded(int count, int unit) { return (count + unit - 1) / unit * unit; }
constexpr int steps_of(int inputs) { return (inputs + depth - 1) / depth; }

// sums[r, v] = starts[v] + codes[r, :] · weights[:, v], for `steps` steps of `depth`.
template <int rows, int vectors>
[[gnu::noinline]] void int8_tile(const Code* codes, std::size_t code_stride, const std::int8_t* weights,
                                 std::size_t step_stride, std::size_t vector_stride, int steps,
                                 const std::int32_t* starts, std::int32_t* sums) {
  Ints accumulators[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) accumulators[r][v] = load(starts + v * lanes);
  for (int step = 0; step < steps; ++step) {
    Ints columns[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) columns[v] = load_weights(weights + v * vector_stride);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Ints row = broadcast_codes(codes + r * code_stride);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) accumulators[r][v] = dot(accumulators[r][v], row, columns[v]);
    }
    codes += depth;
    weights += step_stride;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) store(sums + r * tile_columns + v * lanes, accumulators[r][v]);
}

// out[r, v] = starts[v] + x[r, :] · weights[:, v]; starts may be null for zero.
template <int rows, int vectors>
[[gnu::noinline]] void fp32_tile(const float* x, std::size_t x_stride, const float* weights, std::size_t step_stride,
                                 std::size_t vector_stride, int steps, const float* starts, float* out,
                                 std::size_t stride) {
  Floats accumulators[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) accumulators[r][v] = starts ? load(starts + v * lanes) : zeros();
  for (int step = 0; step < steps; ++step) {
    Floats columns[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) columns[v] = load(weights + v * vector_stride);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Floats row = broadcast(x[r * x_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) accumulators[r][v] = fma(row, columns[v], accumulators[r][v]);
    }
    ++x;
    weights += step_stride;
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) store(out + r * stride + v * lanes, accumulators[r][v]);
}

using Int8Tile = void (*)(const Code*, std::size_t, const std::int8_t*, std::size_t, std::size_t, int,
                          const std::int32_t*, std::int32_t*);
using Fp32Tile = void (*)(const float*, std::size_t, const float*, std::size_t, std::size_t, int, const float*,
                          float*, std::size_t);

struct Tiles {
  Int8Tile int8;
  Fp32Tile fp32;
};

// The kernels for 1 to tile_rows rows and 1 to tile_vectors vectors.
struct TileTable {
  Tiles at[tile_rows][tile_vectors];
};

template <int rows, int vectors>
constexpr void fill_tiles(TileTable& table) {
  table.at[rows - 1][vectors - 1] = {&int8_tile<rows, vectors>, &fp32_tile<rows, vectors>};
  if constexpr (vectors > 1) {
    fill_tiles<rows, vectors - 1>(table);
  } else if constexpr (rows > 1) {
    fill_tiles<rows - 1, tile_vectors>(table);
  }
}

constexpr TileTable make_tiles() {
  TileTable table{};
  fill_tiles<tile_rows, tile_vectors>(table);
  return table;
}

constexpr TileTable tiles = make_tiles();

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
