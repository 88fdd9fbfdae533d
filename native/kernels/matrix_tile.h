// The innermost loop of int8 on matrix registers: a tile of two by two products, sums in four registers.
//
// Panels are laid out as for vectors, and a matrix of weights is 16 steps of one vector. Bound by the products
// (16 cycles each) where there are many inputs; with the 192 of a group, by what happens to the sums, which have
// to go through memory to become vectors.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// Products are so fast that reading the weights anew for every 64 rows would take longer.
constexpr int block_rows = 128;
constexpr int row_unit = matrix_rows;
constexpr int int8_rows = 2 * matrix_rows;
constexpr int int8_vectors = 2;
constexpr int int8_columns = int8_vectors * lanes;
constexpr int attention_rows = int8_rows;
constexpr int attention_vectors = int8_vectors;
constexpr int input_unit = matrix_inputs;
constexpr int steps_of(int inputs) { return padded(inputs, input_unit) / depth; }

// Rows cut into tiles of one or two matrices, all of the same number of rows, because setting shapes takes as
// long as several products. The last matrix may begin inside the one before: its rows come out the same again.
// While one exists, `run_tile` takes the parts that `each` gives.
template <int most_rows>
class RowTiles {
  static_assert(most_rows == int8_rows, "linear layers and attention have the same tile");

 public:
  explicit RowTiles(int rows)
      : rows_(rows), matrices_((rows + matrix_rows - 1) / matrix_rows), each_((rows + matrices_ - 1) / matrices_) {
    MatrixShapes shapes;
    for (int matrix = 0; matrix < 8; ++matrix) {
      shapes.row_bytes[matrix] = 64;
      const bool is_weights = matrix >= 6;
      shapes.rows[matrix] = static_cast<std::uint8_t>(is_weights ? matrix_inputs / depth : each_);
    }
    set_shapes(shapes);
  }
  RowTiles(const RowTiles&) = delete;
  RowTiles& operator=(const RowTiles&) = delete;
  ~RowTiles() { release_matrices(); }

  int count() const { return (matrices_ + 1) / 2; }
  // Calls f(first, count) for each tile.
  template <typename F>
  void each(F f) const {
    for (int matrix = 0; matrix < matrices_; matrix += 2) {
      const int count = smaller(smaller(2, matrices_ - matrix) * each_, rows_);
      f(smaller(matrix * each_, rows_ - count), count);
    }
  }

 private:
  const int rows_, matrices_, each_;
};

// Sums of a tile, [vector, row, lane].
struct MatrixSums {
  alignas(64) std::int32_t at[int8_vectors][int8_rows][lanes];
};

// codes · weights, into `sums`. Of two matrices, the second begins at row `second`.
template <int matrices, int vectors, typename C>
[[gnu::noinline]] void multiply_matrices(int second, const C* codes, std::size_t code_stride,
                                         const Columns<std::int8_t>& columns, MatrixSums& sums) {
  const C* below = codes + second * code_stride;
  const std::int8_t* weights = columns.weights;
  const std::size_t step_bytes = columns.step_stride, matrix_bytes = step_bytes * (matrix_inputs / depth);
  const char* next = columns.next;
  const std::size_t next_bytes = columns.next_stride * (matrix_inputs / depth / 2);
  clear_matrix<0>();
  if constexpr (vectors > 1) clear_matrix<1>();
  if constexpr (matrices > 1) clear_matrix<2>();
  if constexpr (matrices > 1 && vectors > 1) clear_matrix<3>();
  for (int step = 0; step < columns.steps; step += matrix_inputs / depth) {
    // To the second-level cache, because codes and panel fill the first.
    for (std::size_t line = 0; line < next_bytes; line += 64) __builtin_prefetch(next + line, 0, 2);
    next += next_bytes;
    // Loads before products: alternately, they take a tenth longer where a neighbour shares the core.
    load_passing_matrix<4>(codes, code_stride);
    load_matrix<6>(weights, step_bytes);
    if constexpr (vectors > 1) load_matrix<7>(weights + columns.vector_stride, step_bytes);
    if constexpr (matrices > 1) load_passing_matrix<5>(below, code_stride);
    dot_matrices<C, 0, 4, 6>();
    if constexpr (vectors > 1) dot_matrices<C, 1, 4, 7>();
    if constexpr (matrices > 1) dot_matrices<C, 2, 5, 6>();
    if constexpr (matrices > 1 && vectors > 1) dot_matrices<C, 3, 5, 7>();
    codes += matrix_inputs;
    below += matrix_inputs;
    weights += matrix_bytes;
  }
  store_matrix<0>(sums.at[0][0], 64);
  if constexpr (vectors > 1) store_matrix<1>(sums.at[1][0], 64);
  if constexpr (matrices > 1) store_matrix<2>(sums.at[0][second], 64);
  if constexpr (matrices > 1 && vectors > 1) store_matrix<3>(sums.at[1][second], 64);
}

// Calls finish.column(v)(r, codes[r, :] · weights[:, v]); codes have no offset, so all `starts` are 0.
template <typename C, typename Finish>
inline void run_tile(int rows, int vectors, const C* codes, std::size_t code_stride,
                     const Columns<std::int8_t>& columns, const std::int32_t*, const Finish& finish) {
  static constexpr decltype(&multiply_matrices<1, 1, C>) multiply[2][2] = {
      {&multiply_matrices<1, 1, C>, &multiply_matrices<1, 2, C>},
      {&multiply_matrices<2, 1, C>, &multiply_matrices<2, 2, C>}};
  MatrixSums sums;
  // Of an odd number of rows, the one in the middle belongs to both matrices.
  multiply[rows > matrix_rows][vectors > 1](rows / 2, codes, code_stride, columns, sums);
  for (int v = 0; v < vectors; ++v) {
    const auto finish_row = finish.column(v);
    for (int r = 0; r < rows; ++r) finish_row(r, load(sums.at[v][r]));
  }
}

// Runs the tile's products `rounds` times on registers; returns the multiplications and additions.
inline double run_dot_products(int rounds) {
  const RowTiles<int8_rows> tiles(matrix_rows);
  alignas(64) const Code codes[matrix_rows * matrix_inputs] = {1};
  load_matrix<4>(codes, matrix_inputs);
  load_matrix<6>(codes, matrix_inputs);
  for (int round = 0; round < rounds; ++round) {
    dot_matrices<Code, 0, 4, 6>();
    dot_matrices<Code, 1, 4, 6>();
    dot_matrices<Code, 2, 4, 6>();
    dot_matrices<Code, 3, 4, 6>();
  }
  return 2.0 * rounds * 4 * matrix_rows * lanes * matrix_inputs;
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
