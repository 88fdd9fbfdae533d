// Matrix registers as AMX has them, in memory: isa/amx.h for processors without them, and for sanitizers, which
// do not see what the instructions read and write. What the processor would refuse stops the program.
#pragma once

#include "emulated.h"

#include "../isa/amx.h"

namespace squeezebert::SQUEEZEBERT_ISA {

// Rows are 0 while no shapes are set.
struct MatrixShapes {
  int row_bytes[8] = {};
  int rows[8] = {};
};

inline thread_local MatrixShapes matrix_shapes;
inline thread_local std::uint8_t matrices[8][matrix_rows][64];

inline void set_shapes(const MatrixShapes& shapes) {
  for (int matrix = 0; matrix < 8; ++matrix) {
    demand(shapes.rows[matrix] >= 1 && shapes.rows[matrix] <= matrix_rows);
    demand(shapes.row_bytes[matrix] >= 4 && shapes.row_bytes[matrix] <= 64 && shapes.row_bytes[matrix] % 4 == 0);
  }
  matrix_shapes = shapes;
  __builtin_memset(matrices, 0, sizeof matrices);
}
inline void release_matrices() { matrix_shapes = MatrixShapes(); }

template <int matrix>
inline void load_matrix(const void* from, std::size_t stride) {
  demand(matrix_shapes.rows[matrix] > 0);
  __builtin_memset(matrices[matrix], 0, sizeof matrices[matrix]);
  for (int row = 0; row < matrix_shapes.rows[matrix]; ++row) {
    __builtin_memcpy(matrices[matrix][row], static_cast<const char*>(from) + row * stride,
                     matrix_shapes.row_bytes[matrix]);
  }
}
template <int matrix>
inline void load_passing_matrix(const void* from, std::size_t stride) {
  load_matrix<matrix>(from, stride);
}
template <int matrix>
inline void store_matrix(void* to, std::size_t stride) {
  demand(matrix_shapes.rows[matrix] > 0);
  for (int row = 0; row < matrix_shapes.rows[matrix]; ++row) {
    __builtin_memcpy(static_cast<char*>(to) + row * stride, matrices[matrix][row], matrix_shapes.row_bytes[matrix]);
  }
}
template <int matrix>
inline void clear_matrix() {
  demand(matrix_shapes.rows[matrix] > 0);
  __builtin_memset(matrices[matrix], 0, sizeof matrices[matrix]);
}
template <typename C, int sums, int codes, int weights>
inline void dot_matrices() {
  const MatrixShapes& shapes = matrix_shapes;
  demand(shapes.rows[sums] > 0 && shapes.rows[codes] == shapes.rows[sums]);
  demand(shapes.rows[weights] == shapes.row_bytes[codes] / depth);
  demand(shapes.row_bytes[weights] == shapes.row_bytes[sums]);
  // Signed codes, of which `dot` knows nothing, are made unsigned by an offset, whose products are taken away.
  constexpr int offset = static_cast<C>(-1) < 0 ? 128 : 0;
  const Ints offsets = _mm512_set1_epi8(static_cast<char>(offset));
  Ints products = to_ints(zeros());
  for (int step = 0; step < shapes.rows[weights]; ++step) {
    products = dot(products, offsets, _mm512_loadu_si512(matrices[weights][step]));
  }
  for (int row = 0; row < shapes.rows[sums]; ++row) {
    Ints total = _mm512_sub_epi32(_mm512_loadu_si512(matrices[sums][row]), products);
    for (int step = 0; step < shapes.rows[weights]; ++step) {
      total = dot(total, _mm512_xor_si512(broadcast_codes(matrices[codes][row] + step * depth), offsets),
                  _mm512_loadu_si512(matrices[weights][step]));
    }
    _mm512_storeu_si512(matrices[sums][row], total);
  }
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
