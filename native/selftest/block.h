// Rows with something recognisable between them, which no kernel may touch: in a model, others' results lie there.
#pragma once

#include "testing.h"

namespace squeezebert::selftest {

struct Block {
  static constexpr float between = 12345.0f;

  int rows, columns;
  std::size_t stride;
  std::vector<float> values;

  // Normal numbers times `scale`.
  Block(Random& random, int row_count, int column_count, float scale)
      : rows(row_count),
        columns(column_count),
        stride(column_count + random.pick<int>({0, 0, 1, 7, 16})),
        values(extent(rows, stride, columns), between) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) values[r * stride + c] = scale * random.normal();
    }
  }

  const float* row(int r) const { return values.data() + r * stride; }
  float at(int r, int c) const { return values[r * stride + c]; }

  void require_untouched_between() const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i % stride >= static_cast<std::size_t>(columns)) require(values[i] == between, "wrote between the rows");
    }
  }
};

}  // namespace squeezebert::selftest
