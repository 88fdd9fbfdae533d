#include "reference.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Rows [rows, columns] at a stride, with something recognisable between them that no kernel may touch.
struct Block {
  static constexpr float between = 12345.0f;

  int rows, columns;
  std::size_t stride;
  std::vector<float> values;

  Block(Random& random, int row_count, int column_count, float scale)
      : rows(row_count),
        columns(column_count),
        stride(column_count + random.pick<int>({0, 0, 1, 7, 16})),
        values(extent(rows, stride, columns), between) {
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) values[r * stride + c] = scale * random.normal();
    }
  }

  float at(int r, int c) const { return values[r * stride + c]; }

  void require_untouched_between() const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i % stride >= static_cast<std::size_t>(columns)) require(values[i] == between, "wrote between the rows");
    }
  }
};

}  // namespace

void test_activate(Random& random, const Kernels& kernels) {
  const Activation kind = random.pick<Activation>({Activation::gelu, Activation::gelu_new, Activation::relu});
  const bool coarse = random.one_in(2);
  const Block x(random, random.size(1, 68), random.size(1, 300), random.pick<float>({0.1f, 1.0f, 5.0f}));
  Block y = x;
  (coarse ? kernels.activate_coarse : kernels.activate)(kind, y.values.data(), y.stride, y.rows, y.columns);
  y.require_untouched_between();
  const std::string shape = describe("kind, rows, columns", static_cast<int>(kind), x.rows, x.columns);
  for (int r = 0; r < x.rows; ++r) {
    for (int c = 0; c < x.columns; ++c) {
      const double value = x.at(r, c), magnitude = std::fabs(value);
      const double tolerance = coarse && kind == Activation::gelu ? 5e-4 : 3e-7 * (1.0 + magnitude);
      require_close(y.at(r, c), activation(kind, value), tolerance, shape + " x=" + std::to_string(value));
    }
  }
}

void test_add_norm(Random& random, const Kernels& kernels) {
  const int rows = random.size(1, 68), columns = random.size(8, 800);
  const Block x(random, rows, columns, 1.0f), y(random, rows, columns, 1.0f);
  const bool alone = random.one_in(4);
  const std::vector<float> weight = normal_floats(random, columns), bias = normal_floats(random, columns);
  const float epsilon = random.pick<float>({1e-12f, 1e-5f});
  Block out = x;
  kernels.add_norm(out.values.data(), out.stride, alone ? nullptr : y.values.data(), y.stride, rows, columns,
                   weight.data(), bias.data(), epsilon);
  out.require_untouched_between();
  Doubles row(columns);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) row[c] = x.at(r, c) + (alone ? 0.0 : static_cast<double>(y.at(r, c)));
    layer_norm(row.data(), columns, weight.data(), bias.data(), epsilon);
    for (int c = 0; c < columns; ++c) {
      require_close(out.at(r, c), row[c], 1e-5 * (1.0 + std::fabs(row[c])), describe("rows, columns", rows, columns));
    }
  }
}

}  // namespace squeezebert::selftest
